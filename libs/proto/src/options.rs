//! Reads an extension option of a descriptor as its generated type.

use std::sync::LazyLock;

use prost_reflect::{DynamicMessage, ExtensionDescriptor, ReflectMessage};

use crate::DESCRIPTOR_POOL;

/// An extension option, looked up once.
pub(crate) struct Extension(LazyLock<ExtensionDescriptor>);

impl Extension {
    pub(crate) const fn new(find: fn() -> ExtensionDescriptor) -> Self {
        Self(LazyLock::new(find))
    }

    /// The option's value on `options`, or `None` where it is not set.
    pub(crate) fn get<M: ReflectMessage + Default>(&self, options: &DynamicMessage) -> Option<M> {
        if !options.has_extension(&self.0) {
            return None;
        }
        let value = options.get_extension(&self.0);
        value.as_message().and_then(|message| message.transcode_to().ok())
    }

    /// The option's value as a dynamic message, for options without a generated type.
    pub(crate) fn get_dynamic(&self, options: &DynamicMessage) -> Option<DynamicMessage> {
        if !options.has_extension(&self.0) {
            return None;
        }
        options.get_extension(&self.0).as_message().cloned()
    }
}

pub(crate) fn named(name: &str) -> ExtensionDescriptor {
    DESCRIPTOR_POOL.get_extension_by_name(name).expect("an extension of our own contracts")
}
