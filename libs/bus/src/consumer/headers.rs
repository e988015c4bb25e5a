//! The headers by which a message tells its history: mostly ours, since the
//! broker's count of deliveries begins anew with each publish.

use lapin::{BasicProperties, types::AMQPValue};

/// How often it was delivered again.
pub(crate) const ATTEMPT: &str = "katonic-attempt";
/// Why it was parked or delivered again.
pub(crate) const REASON: &str = "katonic-reason";
/// The routing key under which it was published.
pub(crate) const ROUTING_KEY: &str = "katonic-routing-key";
/// When it was parked, RFC 3339.
pub(crate) const PARKED_AT: &str = "katonic-parked-at";
/// How often a quorum queue delivered it and got no answer, until it is published again; the broker's.
pub(crate) const DELIVERY_COUNT: &str = "x-delivery-count";

fn header<'a>(properties: &'a BasicProperties, name: &str) -> Option<&'a AMQPValue> {
    properties.headers().as_ref()?.inner().get(name)
}

/// A header that is text.
pub(crate) fn string(properties: &BasicProperties, name: &str) -> Option<String> {
    match header(properties, name)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    }
}

/// A header that is a small number; 0 where there is none.
pub(crate) fn number(properties: &BasicProperties, name: &str) -> u32 {
    match header(properties, name) {
        Some(AMQPValue::LongUInt(number)) => *number,
        Some(AMQPValue::LongInt(number)) => u32::try_from(*number).unwrap_or(0),
        Some(AMQPValue::LongLongInt(number)) => u32::try_from(*number).unwrap_or(u32::MAX),
        _ => 0,
    }
}
