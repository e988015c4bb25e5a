//! `LogService`: users read and follow logs.
//!
//! Whether they may is asked before the first record and, while a stream is
//! open, every 2 s (DESIGN I3).

use std::pin::Pin;

use futures::{Stream, StreamExt as _};
use katonic_domain::{ExecutionId, MemberId, ProjectId, UserId};
use katonic_proto::logs::v1::{
    FollowLogRequest, FollowLogResponse, ReadLogRequest, ReadLogResponse, log_service_server::LogService,
};
use katonic_service::{auth, rpc::to_status};
use tonic::{Request, Response, Status};

use super::convert;
use crate::{
    clients::{
        access::{Access, READ},
        executions::Executions,
    },
    domain::{Position, Seq, Stream as Output},
    error::Error,
    usecases::{
        follow::{ExecutionView, Followed, Follower, MemberView},
        lost::Lost,
        page::{Page, PageEnd, Query},
        read::Reader,
    },
};

const DEFAULT_LIMIT: usize = 1_000;
const MAX_LIMIT: i32 = 10_000;

/// The RPCs of readers.
#[derive(Clone)]
pub struct LogRpc {
    /// Reads pages.
    pub reader: Reader,
    /// Follows.
    pub follower: Follower,
    /// Closes logs that nobody else will.
    pub lost: Lost,
    /// Decides who may.
    pub access: Access,
    /// Knows the members.
    pub executions: Executions,
}

impl LogRpc {
    async fn read(&self, user: UserId, request: ReadLogRequest) -> Result<ReadLogResponse, Error> {
        let execution = execution_id(&request.execution_id)?;
        let query = Query {
            from: Seq::new(request.from.max(1)),
            limit: limit(request.limit)?,
            only: convert::only(request.stream()),
        };
        let view = self.executions.view(execution).await?;
        self.access.must_read(user, view.project).await?;
        let Some(member) = member(&view, request.attempt, &request.member)? else {
            return Ok(ReadLogResponse { next_from: query.from.get(), complete: view.ended, ..Default::default() });
        };
        let page = self.page(member, view.project, query).await?;
        // One that may no longer open its log never will.
        let complete = page.end == PageEnd::Closed || (page.end == PageEnd::NotOpened && !member.open);
        Ok(ReadLogResponse {
            entries: page.records.into_iter().map(convert::entry).collect(),
            next_from: page.next.get(),
            complete,
            attempt: member.id.attempt,
        })
    }

    /// A member that can no longer run or report, and whose log is open, was lost
    /// while nobody could close its log: its reader does.
    async fn page(&self, member: &MemberView, project: ProjectId, query: Query) -> Result<Page, Error> {
        let page = self.reader.page(&member.id, query).await?;
        if page.end != PageEnd::NotYet || member.open {
            return Ok(page);
        }
        self.lost.close(&member.id, project).await?;
        self.reader.page(&member.id, query).await
    }

    async fn follow(
        &self,
        user: UserId,
        request: FollowLogRequest,
    ) -> Result<impl Stream<Item = Result<FollowLogResponse, Error>> + use<>, Error> {
        let execution = execution_id(&request.execution_id)?;
        let start = position(execution, &request.cursor)?;
        let only = convert::only(request.stream());
        let project = self.executions.view(execution).await?.project;
        self.access.must_read(user, project).await?;
        let parts = self.follower.clone().follow(start, self.executions.watch(execution));
        let access = self.access.clone();
        let parts = auth::rechecked(parts, move || {
            let access = access.clone();
            async move { access.must_read(user, project).await }
        });
        Ok(parts.map(move |part| part.map(|part| answer(part, only))))
    }
}

#[tonic::async_trait]
impl LogService for LogRpc {
    type FollowLogStream = Pin<Box<dyn Stream<Item = Result<FollowLogResponse, Status>> + Send>>;

    async fn read_log(&self, request: Request<ReadLogRequest>) -> Result<Response<ReadLogResponse>, Status> {
        let user = auth::user(&request, READ)?;
        let page = self.read(user.id, request.into_inner()).await.map_err(|e| to_status(&e))?;
        Ok(Response::new(page))
    }

    async fn follow_log(&self, request: Request<FollowLogRequest>) -> Result<Response<Self::FollowLogStream>, Status> {
        let user = auth::user(&request, READ)?;
        let answers = self.follow(user.id, request.into_inner()).await.map_err(|e| to_status(&e))?;
        Ok(Response::new(Box::pin(answers.map(|answer| answer.map_err(|e| to_status(&e))))))
    }
}

fn answer(part: Followed, only: Option<Output>) -> FollowLogResponse {
    let (records, at, ended) = match part {
        Followed::Records { records, after } => (records, Some(after), false),
        Followed::Ended { at } => (Vec::new(), at, true),
    };
    let entries = records.into_iter().filter(|record| record.shown_to(only)).map(convert::entry).collect();
    FollowLogResponse {
        entries,
        cursor: at.as_ref().map(Position::to_string).unwrap_or_default(),
        attempt: at.as_ref().map_or(0, |at| at.member.attempt),
        member: at.map(|at| format!("{}/{}", at.member.role, at.member.index)).unwrap_or_default(),
        ended,
    }
}

fn execution_id(text: &str) -> Result<ExecutionId, Error> {
    text.parse().map_err(|error| Error::invalid("execution_id", format!("{error}")))
}

fn limit(limit: i32) -> Result<usize, Error> {
    match limit {
        0 => Ok(DEFAULT_LIMIT),
        1..=MAX_LIMIT => Ok(usize::try_from(limit).unwrap_or(DEFAULT_LIMIT)),
        _ => Err(Error::invalid("limit", format!("it is 1 to {MAX_LIMIT}, or 0 for {DEFAULT_LIMIT}"))),
    }
}

fn position(execution: ExecutionId, cursor: &str) -> Result<Option<Position>, Error> {
    if cursor.is_empty() {
        return Ok(None);
    }
    let position: Position = cursor.parse().map_err(|error| Error::invalid("cursor", format!("{error}")))?;
    if position.member.execution != execution {
        return Err(Error::invalid("cursor", "it is another execution's"));
    }
    Ok(Some(position))
}

/// The member that a reader means: by default the first one of the newest
/// attempt; none where nothing was named and nothing was admitted yet.
fn member<'a>(view: &'a ExecutionView, attempt: u32, name: &str) -> Result<Option<&'a MemberView>, Error> {
    if attempt == 0 && name.is_empty() && view.members.is_empty() {
        return Ok(None);
    }
    let newest = view.members.last().map_or(0, |member| member.id.attempt);
    let attempt = if attempt == 0 { newest } else { attempt };
    let named = |id: &MemberId| name.is_empty() || format!("{}/{}", id.role, id.index) == name;
    let mut members = view.members.iter();
    members.find(|member| member.id.attempt == attempt && named(&member.id)).map(Some).ok_or(Error::NoSuchMember)
}
