//! A channel on which one message is published at a time, so that a return can
//! only belong to the confirm that follows it.

use std::sync::Arc;

use lapin::{
    BasicProperties, Channel, Confirmation, Connection, Error, ErrorKind,
    message::BasicReturnMessage,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable, ShortString},
};

use crate::publisher::{OutgoingEvent, PublishError};

/// A message on its way to an exchange.
pub(crate) struct Parcel<'a> {
    pub exchange: &'a str,
    pub routing_key: &'a str,
    pub body: &'a [u8],
    pub properties: BasicProperties,
}

/// Kept on disk by durable queues.
const PERSISTENT: u8 = 2;

pub(crate) struct Lane {
    channel: Channel,
    /// A connection closes with its last handle: every lane holds one.
    connection: Arc<Connection>,
}

impl Lane {
    pub(crate) async fn open(connection: Arc<Connection>) -> Result<Self, PublishError> {
        let channel = connection.create_channel().await.map_err(classify)?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(classify)?;
        Ok(Self { channel, connection })
    }

    pub(crate) fn is_open(&self) -> bool {
        self.channel.status().connected()
    }

    pub(crate) const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Publishes and waits for the confirm.
    #[allow(clippy::disallowed_methods, reason = "the one place that publishes")]
    pub(crate) async fn publish(&self, parcel: &Parcel<'_>) -> Result<(), PublishError> {
        let confirm = self
            .channel
            .basic_publish(
                ShortString::from(parcel.exchange),
                ShortString::from(parcel.routing_key),
                BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() },
                parcel.body,
                parcel.properties.clone(),
            )
            .await
            .map_err(classify)?;
        match confirm.await.map_err(classify)? {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(returned)) | Confirmation::Nack(Some(returned)) => Err(unroutable(&returned)),
            Confirmation::Nack(None) | Confirmation::NotRequested => Err(PublishError::Refused),
        }
    }
}

impl<'a> Parcel<'a> {
    pub(crate) fn of(event: &'a OutgoingEvent) -> Self {
        Self {
            exchange: &event.exchange,
            routing_key: &event.routing_key,
            body: event.body.as_bytes(),
            properties: properties(event),
        }
    }
}

fn properties(event: &OutgoingEvent) -> BasicProperties {
    let mut headers = FieldTable::default();
    if let Some(traceparent) = &event.traceparent {
        headers.insert("traceparent".into(), AMQPValue::LongString(traceparent.as_str().into()));
    }
    BasicProperties::default()
        .with_message_id(event.id.as_str().into())
        .with_content_type("application/cloudevents+json".into())
        .with_delivery_mode(PERSISTENT)
        .with_headers(headers)
}

fn unroutable(returned: &BasicReturnMessage) -> PublishError {
    PublishError::Returned { code: returned.reply_code, text: returned.reply_text.to_string() }
}

fn classify(error: Error) -> PublishError {
    let missing = matches!(error.kind(), ErrorKind::ProtocolError(cause) if matches!(
        cause.kind(),
        AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND | AMQPSoftError::ACCESSREFUSED)
    ));
    if missing { PublishError::Topology(error.into()) } else { PublishError::Unavailable(error.into()) }
}
