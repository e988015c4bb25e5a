//! The members of executions: the dispatcher knows them (`WatchMembers`).

use std::time::Duration;

use async_stream::try_stream;
use futures::Stream;
use katonic_domain::{ErrorKind, ExecutionId};
use katonic_proto::dispatcher::v1::{
    WatchMembersRequest, WatchMembersResponse, member_service_client::MemberServiceClient,
};
use katonic_service::rpc::{Channel, Failure, from_status};
use tokio::time::sleep;
use tonic::{Status, Streaming};

use crate::{
    error::Error,
    usecases::follow::{ExecutionView, MemberView},
};

/// How long after a broken watch it is begun again.
const AGAIN: Duration = Duration::from_millis(250);

/// Asks the dispatcher.
#[derive(Clone)]
pub struct Executions {
    client: MemberServiceClient<Channel>,
}

impl Executions {
    /// Asks over a channel to the dispatcher.
    pub fn new(channel: Channel) -> Self {
        Self { client: MemberServiceClient::new(channel) }
    }

    /// The execution as it is now.
    pub async fn view(&self, execution: ExecutionId) -> Result<ExecutionView, Error> {
        let mut views = self.open(execution).await?;
        match views.message().await.map_err(|status| failed(&status))? {
            Some(answer) => view(answer),
            None => Err(Error::Peer(Failure::new(ErrorKind::Unavailable, "DISPATCHER_SILENT", "try again"))),
        }
    }

    /// The execution as it is now, then after every change, until it has ended.
    /// Outlives restarts of the dispatcher.
    pub fn watch(&self, execution: ExecutionId) -> impl Stream<Item = Result<ExecutionView, Error>> + Send + use<> {
        let this = self.clone();
        try_stream! {
            loop {
                let mut views = match this.open(execution).await {
                    Ok(views) => views,
                    Err(error) => {
                        again(error).await?;
                        continue;
                    }
                };
                loop {
                    match views.message().await {
                        Ok(Some(answer)) => {
                            let view = view(answer)?;
                            let ended = view.ended;
                            yield view;
                            if ended {
                                return;
                            }
                        }
                        Ok(None) => break,
                        Err(status) => {
                            again(failed(&status)).await?;
                            break;
                        }
                    }
                }
                sleep(AGAIN).await;
            }
        }
    }

    async fn open(&self, execution: ExecutionId) -> Result<Streaming<WatchMembersResponse>, Error> {
        let request = WatchMembersRequest { execution_id: execution.to_string() };
        let answer = self.client.clone().watch_members(request).await.map_err(|status| failed(&status))?;
        Ok(answer.into_inner())
    }
}

/// Waits where asking again may help.
async fn again(error: Error) -> Result<(), Error> {
    match &error {
        Error::Peer(failure) if failure.kind.retryable() => {
            tracing::debug!(%error, "the dispatcher does not answer, asking again");
            sleep(AGAIN).await;
            Ok(())
        }
        _ => Err(error),
    }
}

fn failed(status: &Status) -> Error {
    let failure = from_status(status);
    if failure.kind == ErrorKind::NotFound { Error::NoSuchExecution } else { Error::Peer(failure) }
}

fn view(answer: WatchMembersResponse) -> Result<ExecutionView, Error> {
    let unintelligible =
        || Error::Peer(Failure::new(ErrorKind::Internal, "DISPATCHER_UNINTELLIGIBLE", "an internal error"));
    let member = |member: katonic_proto::dispatcher::v1::Member| {
        Ok(MemberView { id: member.member_id.parse().map_err(|_| unintelligible())?, open: member.open })
    };
    Ok(ExecutionView {
        project: answer.project_id.parse().map_err(|_| unintelligible())?,
        members: answer.members.into_iter().map(member).collect::<Result<_, Error>>()?,
        ended: answer.ended,
    })
}
