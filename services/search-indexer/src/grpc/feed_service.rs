//! `FeedService`: users follow the feed.
//!
//! What they may see is asked with every window and, while a stream is open,
//! every 2 s (DESIGN I3): a named project that they may not read any more ends it.

use std::pin::Pin;

use futures::{Stream, StreamExt as _};
use katonic_domain::ProjectId;
use katonic_proto::{
    envelope::Envelope,
    json,
    search::v1::{CloudEvent, FollowEventsRequest, FollowEventsResponse, feed_service_server::FeedService},
};
use katonic_service::{
    auth::{self, User},
    fields,
    rpc::to_status,
};
use tonic::{Request, Response, Status};

use crate::{
    clients::access::Access,
    error::Error,
    usecases::follow::{Filter, Follower, Start, Step},
};

/// The action of the RPC's rule.
const FOLLOW: &str = "event.follow";

/// The RPCs of readers.
#[derive(Clone)]
pub struct FeedRpc {
    /// Follows.
    pub follower: Follower,
    /// Knows what they may see.
    pub access: Access,
}

impl FeedRpc {
    async fn must_see(access: &Access, user: &User, project: Option<ProjectId>) -> Result<(), Error> {
        let visible = access.visible(user).await?;
        match project {
            Some(project) if !visible.projects.has(project) => Err(Error::NoSuchProject),
            _ => Ok(()),
        }
    }

    async fn follow(
        &self,
        user: User,
        start: Start,
        filter: Filter,
    ) -> Result<impl Stream<Item = Result<Step, Error>> + use<>, Error> {
        let project = filter.project();
        Self::must_see(&self.access, &user, project).await?;
        let start = self.follower.start(start).await?;
        let (access, reader) = (self.access.clone(), user.clone());
        let steps = self.follower.clone().follow(start, filter, move || {
            let (access, reader) = (access.clone(), reader.clone());
            async move { access.visible(&reader).await }
        });
        let access = self.access.clone();
        Ok(auth::rechecked(steps, move || {
            let (access, user) = (access.clone(), user.clone());
            async move { Self::must_see(&access, &user, project).await }
        }))
    }
}

#[tonic::async_trait]
impl FeedService for FeedRpc {
    type FollowEventsStream = Pin<Box<dyn Stream<Item = Result<FollowEventsResponse, Status>> + Send>>;

    async fn follow_events(
        &self,
        request: Request<FollowEventsRequest>,
    ) -> Result<Response<Self::FollowEventsStream>, Status> {
        let user = auth::user(&request, FOLLOW)?;
        let FollowEventsRequest { cursor, from_start, project_id, types, subject } = request.into_inner();
        let start = match cursor.as_str() {
            "" if from_start => Start::First,
            "" => Start::Now,
            cursor => Start::After(fields::parse("cursor", cursor)?),
        };
        let project = Some(project_id).filter(|id| !id.is_empty());
        let project = project.map(|id| fields::parse("project_id", &id)).transpose()?;
        let filter = Filter::new(project, types, subject).map_err(|e| to_status(&e))?;
        let steps = self.follow(user, start, filter).await.map_err(|e| to_status(&e))?;
        Ok(Response::new(Box::pin(steps.map(|step| step.and_then(answer).map_err(|e| to_status(&e))))))
    }
}

fn answer(step: Step) -> Result<FollowEventsResponse, Error> {
    let event = step.event.map(|row| serde_json::from_str(&row.body).map(cloud_event)).transpose();
    let event = event.map_err(|_| Error::FeedDamaged)?;
    Ok(FollowEventsResponse { cursor: step.cursor.to_string(), event })
}

fn cloud_event(event: Envelope) -> CloudEvent {
    CloudEvent {
        specversion: event.specversion,
        id: event.id,
        source: event.source,
        r#type: event.event_type,
        subject: event.subject,
        time: event.time,
        sequence: event.sequence,
        partitionkey: event.partitionkey,
        traceparent: event.traceparent.unwrap_or_default(),
        datacontenttype: event.datacontenttype,
        data: json::to_struct(event.data),
    }
}
