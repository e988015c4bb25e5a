//! JSON Schema (draft 2020-12) of the proto3 JSON form of messages.
//!
//! `OpenAPI` 3.1 and the event schemas share it. Comments of the contracts
//! become descriptions.

use std::collections::BTreeMap;

use prost_reflect::{Cardinality, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use crate::DESCRIPTOR_POOL;

/// Collects schemas of messages and of all that they reach, by short name.
#[derive(Debug, Default)]
pub struct Schemas {
    /// Where references point, such as `#/components/schemas/`.
    prefix: String,
    /// Whether fields that the contract does not name are allowed: readers of
    /// events must bear fields that a later version adds.
    open: bool,
    collected: BTreeMap<String, Value>,
}

impl Schemas {
    /// Schemas of requests and answers, which name every field.
    pub fn closed(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), open: false, collected: BTreeMap::new() }
    }

    /// Schemas of event payloads, to which later versions may add fields.
    pub fn open(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), open: true, collected: BTreeMap::new() }
    }

    /// A reference to the schema of a message, which is collected with all that it reaches.
    pub fn reference(&mut self, message: &MessageDescriptor) -> Value {
        if let Some(well_known) = well_known(message.full_name()) {
            return well_known;
        }
        let name = short_name(message.full_name());
        if !self.collected.contains_key(&name) {
            self.collected.insert(name.clone(), Value::Null);
            let schema = self.object(message, &[]);
            self.collected.insert(name.clone(), schema);
        }
        json!({ "$ref": format!("{}{name}", self.prefix) })
    }

    /// The schema of a message without some fields, such as those that the path carries.
    pub fn object(&mut self, message: &MessageDescriptor, without: &[&str]) -> Value {
        let properties: Map<String, Value> = message
            .fields()
            .filter(|field| !without.contains(&field.name()))
            .map(|field| (field.json_name().to_owned(), self.field(&field)))
            .collect();
        let mut schema = json!({ "type": "object", "properties": properties });
        if let Some(description) = comment(message.parent_file().name(), message.path()) {
            schema["description"] = description.into();
        }
        if !self.open {
            schema["additionalProperties"] = false.into();
        }
        schema
    }

    /// The schema of a field, with its comment.
    pub fn field(&mut self, field: &FieldDescriptor) -> Value {
        let mut schema = if field.is_map() {
            let value = self.map_value(field);
            json!({ "type": "object", "additionalProperties": value })
        } else if field.cardinality() == Cardinality::Repeated {
            json!({ "type": "array", "items": self.kind(&field.kind()) })
        } else {
            self.kind(&field.kind())
        };
        if let Some(description) = comment(field.parent_message().parent_file().name(), field.path()) {
            schema["description"] = description.into();
        }
        schema
    }

    /// Everything collected, by short name.
    pub fn into_collected(self) -> Map<String, Value> {
        self.collected.into_iter().collect()
    }

    fn map_value(&mut self, field: &FieldDescriptor) -> Value {
        match field.kind() {
            Kind::Message(entry) => self.kind(&entry.map_entry_value_field().kind()),
            other => self.kind(&other),
        }
    }

    fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Double | Kind::Float => json!({ "type": "number" }),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({ "type": "integer", "format": "int32" }),
            Kind::Uint32 | Kind::Fixed32 => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => json!({ "type": "string", "pattern": "^-?[0-9]{1,19}$" }),
            Kind::Uint64 | Kind::Fixed64 => json!({ "type": "string", "pattern": "^[0-9]{1,20}$" }),
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::String => json!({ "type": "string" }),
            Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
            Kind::Enum(values) => self.enumeration(values),
            Kind::Message(message) => self.reference(message),
        }
    }

    fn enumeration(&self, values: &EnumDescriptor) -> Value {
        if values.full_name() == "google.protobuf.NullValue" {
            return json!({ "type": "null" });
        }
        // A later version may add a value to an event's enum.
        if self.open {
            return json!({ "type": "string" });
        }
        let names: Vec<_> = values.values().map(|value| value.name().to_owned()).collect();
        json!({ "type": "string", "enum": names })
    }
}

fn well_known(name: &str) -> Option<Value> {
    Some(match name {
        "google.protobuf.Timestamp" => json!({ "type": "string", "format": "date-time" }),
        "google.protobuf.Duration" => json!({ "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]{1,9})?s$" }),
        "google.protobuf.FieldMask" => json!({ "type": "string" }),
        "google.protobuf.Struct" => json!({ "type": "object" }),
        "google.protobuf.Value" => json!({}),
        _ => return None,
    })
}

/// The comment of a message.
pub fn description(message: &MessageDescriptor) -> String {
    comment(message.parent_file().name(), message.path()).unwrap_or_default()
}

/// `katonic.metadata.v1.Project` → `Project`; names are unique over the packages that
/// documents show (tested).
fn short_name(full_name: &str) -> String {
    full_name.rsplit('.').next().unwrap_or(full_name).to_owned()
}

/// The leading comment of the element at `path` of a file.
pub(crate) fn comment(file: &str, path: &[i32]) -> Option<String> {
    let file = DESCRIPTOR_POOL.get_file_by_name(file)?;
    let info = file.file_descriptor_proto().source_code_info.as_ref()?;
    let location = info.location.iter().find(|location| location.path == path)?;
    let comment = location.leading_comments.as_deref()?;
    let text = comment.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{events, routes};

    /// What parts say to each other.
    const INTERNAL: &str = "katonic.part.v1";

    /// No route, no event and no other contract names it.
    #[test]
    fn no_document_shows_what_is_internal() {
        let served = routes::routes().iter().map(|route| route.rpc.parent_file());
        let published = events::catalogue().iter().map(|kind| kind.payload.parent_file());
        let others = DESCRIPTOR_POOL.files().filter(|file| file.package_name() != INTERNAL);
        for file in served.chain(published).chain(others) {
            assert_ne!(file.package_name(), INTERNAL, "{}", file.name());
            for imported in file.dependencies() {
                assert_ne!(imported.package_name(), INTERNAL, "{} imports {}", file.name(), imported.name());
            }
        }
    }

    #[test]
    fn short_names_are_unique() {
        let mut seen = BTreeSet::new();
        for message in DESCRIPTOR_POOL.all_messages().filter(|m| m.package_name().starts_with("katonic.")) {
            if !message.is_map_entry() && message.package_name() != INTERNAL {
                assert!(seen.insert(short_name(message.full_name())), "{} is there twice", message.full_name());
            }
        }
    }
}
