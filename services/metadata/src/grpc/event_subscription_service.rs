//! What administrators ask about broker subscriptions.

use katonic_domain::SubscriptionId;
use katonic_proto::metadata::v1::{self as pb, event_subscription_service_server::EventSubscriptionService};
use katonic_service::{auth, fields, idempotency};
use tonic::{Request, Response, Status};

use super::{DEFAULT_PAGE, administrator, idempotency_of, invalid, status};
use crate::{domain::subscription::NewSubscription, snapshot, usecases::subscriptions::Subscriptions};

/// The service.
pub struct SubscriptionHandlers {
    /// Subscriptions.
    pub subscriptions: Subscriptions,
    /// `amqp://host:port/vhost`, without credentials.
    pub uri: String,
}

#[tonic::async_trait]
impl EventSubscriptionService for SubscriptionHandlers {
    async fn create_event_subscription(
        &self,
        request: Request<pb::CreateEventSubscriptionRequest>,
    ) -> Result<Response<pb::CreateEventSubscriptionResponse>, Status> {
        let user = auth::user(&request, "subscription.create")?;
        administrator(&user)?;
        let idempotency = idempotency_of(&request)?;
        let pb::CreateEventSubscriptionRequest { name, bindings } = request.into_inner();
        let new = NewSubscription::check(name, &bindings).map_err(invalid)?;
        let made = self.subscriptions.create(user.id, new, idempotency).await.map_err(status)?;
        let replayed = made.password.is_none();
        let mut response = Response::new(pb::CreateEventSubscriptionResponse {
            subscription: Some(snapshot::subscription(&made.subscription, &self.uri)),
            password: made.password.map(|password| password.expose().to_owned()).unwrap_or_default(),
            password_shown_before: replayed,
        });
        idempotency::mark_replayed(&mut response, replayed);
        Ok(response)
    }

    async fn get_event_subscription(
        &self,
        request: Request<pb::GetEventSubscriptionRequest>,
    ) -> Result<Response<pb::GetEventSubscriptionResponse>, Status> {
        administrator(&auth::user(&request, "subscription.read")?)?;
        let id: SubscriptionId = fields::parse("subscription_id", &request.get_ref().subscription_id)?;
        let subscription = self.subscriptions.get(id).await.map_err(status)?;
        let subscription = Some(snapshot::subscription(&subscription, &self.uri));
        Ok(Response::new(pb::GetEventSubscriptionResponse { subscription }))
    }

    async fn list_event_subscriptions(
        &self,
        request: Request<pb::ListEventSubscriptionsRequest>,
    ) -> Result<Response<pb::ListEventSubscriptionsResponse>, Status> {
        administrator(&auth::user(&request, "subscription.list")?)?;
        let size = fields::page_size(request.get_ref().page_size, DEFAULT_PAGE)?;
        let below = fields::place("page_token", &request.get_ref().page_token)?;
        let page = self.subscriptions.page(below, size).await.map_err(status)?;
        Ok(Response::new(pb::ListEventSubscriptionsResponse {
            subscriptions: page.items.iter().map(|item| snapshot::subscription(item, &self.uri)).collect(),
            next_page_token: page.next.map(fields::token).unwrap_or_default(),
        }))
    }

    async fn delete_event_subscription(
        &self,
        request: Request<pb::DeleteEventSubscriptionRequest>,
    ) -> Result<Response<pb::DeleteEventSubscriptionResponse>, Status> {
        administrator(&auth::user(&request, "subscription.delete")?)?;
        let id: SubscriptionId = fields::parse("subscription_id", &request.get_ref().subscription_id)?;
        self.subscriptions.delete(id).await.map_err(status)?;
        Ok(Response::new(pb::DeleteEventSubscriptionResponse {}))
    }
}
