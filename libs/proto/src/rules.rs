//! Who may call an RPC, from its `katonic.auth.v1.rule` (DESIGN C1).

use std::{collections::HashMap, sync::LazyLock};

use prost_reflect::MethodDescriptor;

use crate::{
    DESCRIPTOR_POOL,
    auth::v1::{Access, Rule as RuleOption, rule::Kind},
    options::{Extension, named},
};

static RULE: Extension = Extension::new(|| named("katonic.auth.v1.rule"));

static RULES: LazyLock<HashMap<String, Rule>> =
    LazyLock::new(|| methods().filter_map(|method| of_method(&method).map(|rule| (path(&method), rule))).collect());

/// Who may call an RPC.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// A user whose token has the scope and who may do the action.
    Access(Access),
    /// Anyone, without a token.
    Public,
    /// Another service of the installation.
    Service,
    /// An agent, for its own member.
    Agent,
}

/// The rule of an RPC by its gRPC path, `/package.Service/Method`. `None` for
/// an RPC that is not ours or carries none: it must be refused.
pub fn rule(grpc_path: &str) -> Option<&'static Rule> {
    RULES.get(grpc_path)
}

/// Every RPC of our own contracts.
pub fn methods() -> impl Iterator<Item = MethodDescriptor> {
    DESCRIPTOR_POOL
        .services()
        .filter(|service| service.package_name().starts_with("katonic."))
        .flat_map(|service| service.methods().collect::<Vec<_>>())
}

/// The gRPC path of a method, `/package.Service/Method`.
pub fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

/// The owner of a method: the second part of its package, such as `metadata`.
pub fn owner(method: &MethodDescriptor) -> String {
    let service = method.parent_service();
    service.package_name().split('.').nth(1).unwrap_or_default().to_owned()
}

/// The rule of a method; `None` where it carries none.
pub fn of_method(method: &MethodDescriptor) -> Option<Rule> {
    match RULE.get::<RuleOption>(&method.options())?.kind? {
        Kind::Access(access) => Some(Rule::Access(access)),
        Kind::Public(true) => Some(Rule::Public),
        Kind::Service(true) => Some(Rule::Service),
        Kind::Agent(true) => Some(Rule::Agent),
        Kind::Public(false) | Kind::Service(false) | Kind::Agent(false) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use katonic_domain::Scope;

    use super::*;

    #[test]
    fn every_rpc_carries_a_rule() {
        let without: Vec<_> = methods().filter(|m| of_method(m).is_none()).map(|m| path(&m)).collect();
        assert!(without.is_empty(), "add `option (katonic.auth.v1.rule)` to {without:?}");
    }

    #[test]
    fn every_rule_names_a_known_scope_and_a_real_field() {
        for method in methods() {
            if let Some(Rule::Access(access)) = of_method(&method) {
                assert!(Scope::from_str(&access.scope).is_ok(), "{}: unknown scope {:?}", path(&method), access.scope);
                let field = &access.object_field;
                assert!(
                    field.is_empty() || method.input().get_field_by_name(field).is_some(),
                    "{}: its request has no field {field:?}",
                    path(&method)
                );
            }
        }
    }
}
