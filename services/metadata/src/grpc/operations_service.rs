//! What administrators ask about the running platform.

use futures::future::join_all;
use katonic_proto::{
    metadata::v1::{self as pb, operations_service_server::OperationsService},
    part::v1 as part,
};
use katonic_service::auth;
use tonic::{Code, Request, Response, Status};

use super::{administrator, status};
use crate::clients::parts::{Part, Parts};

/// The service.
pub struct OperationsHandlers {
    /// The parts of the platform.
    pub parts: Parts,
}

#[tonic::async_trait]
impl OperationsService for OperationsHandlers {
    async fn get_log_level(
        &self,
        request: Request<pb::GetLogLevelRequest>,
    ) -> Result<Response<pb::GetLogLevelResponse>, Status> {
        administrator(&auth::user(&request, "part.read")?)?;
        let name = request.into_inner().part;
        let level = self.parts.named(&name).map_err(status)?.log_level().await?;
        Ok(Response::new(pb::GetLogLevelResponse { log_level: Some(log_level(name, level)) }))
    }

    async fn set_log_level(
        &self,
        request: Request<pb::SetLogLevelRequest>,
    ) -> Result<Response<pb::SetLogLevelResponse>, Status> {
        let user = auth::user(&request, "part.configure")?;
        administrator(&user)?;
        let pb::SetLogLevelRequest { part: name, filter, lifetime } = request.into_inner();
        let wanted = part::SetLogLevelRequest { filter, lifetime };
        let level = self.parts.named(&name).map_err(status)?.set_log_level(wanted).await?;
        tracing::info!(user.id = %user.id, part = name, filter = level.filter, "a log level was changed");
        Ok(Response::new(pb::SetLogLevelResponse { log_level: Some(log_level(name, level)) }))
    }

    async fn describe_parts(
        &self,
        request: Request<pb::DescribePartsRequest>,
    ) -> Result<Response<pb::DescribePartsResponse>, Status> {
        administrator(&auth::user(&request, "part.read")?)?;
        let answers = ask_each(self.parts.all_or("").map_err(status)?, Part::describe).await?;
        let away = |part| pb::PartDescription { part, ..Default::default() };
        let given = answers.given.into_iter().map(|(name, answer)| description(name, answer));
        let parts = given.chain(answers.unavailable.into_iter().map(away)).collect();
        Ok(Response::new(pb::DescribePartsResponse { parts }))
    }

    async fn list_parked_messages(
        &self,
        request: Request<pb::ListParkedMessagesRequest>,
    ) -> Result<Response<pb::ListParkedMessagesResponse>, Status> {
        administrator(&auth::user(&request, "part.read")?)?;
        let pb::ListParkedMessagesRequest { part: name, message_id, limit } = request.into_inner();
        let wanted = part::ListParkedMessagesRequest { message_id, limit };
        let parts = self.parts.all_or(&name).map_err(status)?;
        let answers = ask_each(parts, |part| part.parked(wanted.clone())).await?;
        let messages = answers
            .given
            .into_iter()
            .flat_map(|(name, messages)| messages.into_iter().map(move |message| parked_message(name, message)));
        let (messages, unavailable_parts) = (messages.collect(), answers.unavailable);
        Ok(Response::new(pb::ListParkedMessagesResponse { messages, unavailable_parts }))
    }

    async fn redrive_parked_messages(
        &self,
        request: Request<pb::RedriveParkedMessagesRequest>,
    ) -> Result<Response<pb::RedriveParkedMessagesResponse>, Status> {
        let user = auth::user(&request, "part.configure")?;
        administrator(&user)?;
        let pb::RedriveParkedMessagesRequest { part: name, message_id, all } = request.into_inner();
        let wanted = part::RedriveParkedMessagesRequest { message_id, all };
        let parts = self.parts.all_or(&name).map_err(status)?;
        let answers = ask_each(parts, |part| part.redrive(wanted.clone())).await?;
        let (count, unavailable_parts) =
            (answers.given.iter().map(|(_, count)| count).sum::<u32>(), answers.unavailable);
        tracing::info!(user.id = %user.id, part = name, count, "parked messages were sent back");
        Ok(Response::new(pb::RedriveParkedMessagesResponse { count, unavailable_parts }))
    }

    async fn drop_parked_messages(
        &self,
        request: Request<pb::DropParkedMessagesRequest>,
    ) -> Result<Response<pb::DropParkedMessagesResponse>, Status> {
        let user = auth::user(&request, "part.configure")?;
        administrator(&user)?;
        let pb::DropParkedMessagesRequest { part: name, message_id, all } = request.into_inner();
        let wanted = part::DropParkedMessagesRequest { message_id, all };
        let parts = self.parts.all_or(&name).map_err(status)?;
        let answers = ask_each(parts, |part| part.drop_parked(wanted.clone())).await?;
        let (count, unavailable_parts) =
            (answers.given.iter().map(|(_, count)| count).sum::<u32>(), answers.unavailable);
        tracing::info!(user.id = %user.id, part = name, count, "parked messages were dropped");
        Ok(Response::new(pb::DropParkedMessagesResponse { count, unavailable_parts }))
    }
}

/// What parts answered, and who did not.
struct Answers<T> {
    given: Vec<(&'static str, T)>,
    unavailable: Vec<String>,
}

/// Asks all at once. A part that is away is named; a request that is wrong is wrong for all.
async fn ask_each<T, F>(parts: Vec<(&'static str, Part)>, ask: impl Fn(Part) -> F) -> Result<Answers<T>, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    let asked = parts.into_iter().map(|(name, part)| {
        let answer = ask(part);
        async move { (name, answer.await) }
    });
    let mut answers = Answers { given: Vec::new(), unavailable: Vec::new() };
    for (name, answer) in join_all(asked).await {
        match answer {
            Ok(given) => answers.given.push((name, given)),
            Err(refused) if refused.code() == Code::InvalidArgument => return Err(refused),
            Err(error) => {
                tracing::warn!(part = name, error = %error, "a part did not answer an administrator");
                answers.unavailable.push(name.to_owned());
            }
        }
    }
    Ok(answers)
}

fn description(part: &str, answer: part::DescribeResponse) -> pb::PartDescription {
    let outbox =
        |part::Outbox { collection, waiting, oldest_time }| pb::PartOutbox { collection, waiting, oldest_time };
    let lease = |part::Lease { name, holder, epoch }| pb::PartLease { name, holder, epoch };
    let consumer =
        |part::Consumer { queue, waiting, parked, missing }| pb::PartConsumer { queue, waiting, parked, missing };
    pb::PartDescription {
        part: part.to_owned(),
        available: true,
        outboxes: answer.outboxes.into_iter().map(outbox).collect(),
        leases: answer.leases.into_iter().map(lease).collect(),
        consumers: answer.consumers.into_iter().map(consumer).collect(),
    }
}

fn parked_message(part: &str, message: part::ParkedMessage) -> pb::ParkedMessage {
    pb::ParkedMessage {
        part: part.to_owned(),
        queue: message.queue,
        message_id: message.message_id,
        routing_key: message.routing_key,
        reason: message.reason,
        park_time: message.park_time,
        attempts: message.attempts,
        traceparent: message.traceparent,
        size_bytes: message.size_bytes,
        body: message.body,
    }
}

fn log_level(part: String, level: part::LogLevel) -> pb::PartLogLevel {
    let part::LogLevel { filter, configured_filter, restore_time } = level;
    pb::PartLogLevel { part, filter, configured_filter, restore_time }
}
