//! proto3 JSON of generated messages, by reflection.

use prost_reflect::{DeserializeOptions, DynamicMessage, ReflectMessage, SerializeOptions};
use serde_json::Value;

/// Why a JSON value is not a message.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not fit the message.
    #[error("the JSON does not fit {message}: {detail}")]
    Mismatch {
        /// Full name of the message.
        message: String,
        /// What does not fit.
        detail: String,
    },
}

/// The proto3 JSON form of a message: fields that hold their default are left
/// out, as the mapping prescribes.
pub fn to_value<M: ReflectMessage>(message: &M) -> Value {
    dynamic_to_value(&message.transcode_to_dynamic())
}

/// The proto3 JSON form of a dynamic message.
pub fn dynamic_to_value(message: &DynamicMessage) -> Value {
    message
        .serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new())
        .unwrap_or_else(|error| Value::String(format!("unrepresentable: {error}")))
}

/// Parses proto3 JSON; unknown fields are refused.
///
/// # Errors
/// [`Error::Mismatch`] for an unknown field or a value of the wrong type.
pub fn from_value<M: ReflectMessage + Default>(value: Value) -> Result<M, Error> {
    parse(value, &DeserializeOptions::new().deny_unknown_fields(true))
}

/// Parses an event's payload, to which a later version may have added fields.
///
/// # Errors
/// [`Error::Mismatch`] for a value of the wrong type.
pub fn from_payload<M: ReflectMessage + Default>(value: Value) -> Result<M, Error> {
    parse(value, &DeserializeOptions::new().deny_unknown_fields(false))
}

fn parse<M: ReflectMessage + Default>(value: Value, options: &DeserializeOptions) -> Result<M, Error> {
    let descriptor = M::default().descriptor();
    let name = descriptor.full_name().to_owned();
    let mismatch = |detail: String| Error::Mismatch { message: name.clone(), detail };
    let dynamic = DynamicMessage::deserialize_with_options(descriptor, value, options)
        .map_err(|error| mismatch(error.to_string()))?;
    dynamic.transcode_to().map_err(|error| mismatch(error.to_string()))
}

/// A JSON object as `google.protobuf.Struct`; `None` for any other value.
pub fn to_struct(value: Value) -> Option<prost_types::Struct> {
    value.is_object().then(|| from_value(value).ok()).flatten()
}

/// A `google.protobuf.Struct` as a JSON object.
pub fn from_struct(message: &prost_types::Struct) -> Value {
    to_value(message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::metadata::v1::Project;

    #[test]
    fn a_message_survives_its_json() {
        let json = json!({"projectId": "prj_x", "name": "churn", "createTime": "2026-01-02T03:04:05Z"});
        let project: Project = from_value(json.clone()).expect("it fits");
        assert_eq!(project.name, "churn");
        assert_eq!(to_value(&project), json);
    }

    #[test]
    fn an_unknown_field_is_refused_but_in_events() {
        let newer = json!({"name": "churn", "sharedWith": 3});
        assert!(from_value::<Project>(newer.clone()).is_err());
        assert_eq!(from_payload::<Project>(newer).expect("an event").name, "churn");
    }

    #[test]
    fn a_struct_survives() {
        let json = json!({"accuracy": 0.5, "nested": {"list": [1.0, "a", null, true]}});
        let message = to_struct(json.clone()).expect("an object");
        assert_eq!(from_struct(&message), json);
        assert!(to_struct(json!([1])).is_none());
    }
}
