//! The one table of what each action needs: [`super::decision`] decides by it,
//! and `docs/roles.md` is made of it.
//!
//! An action is what an RPC's `katonic.auth.v1.rule` names, or a part of one
//! that is decided apart. What is not in the table nobody may do.

use super::decision::Role;

/// What an action needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// A user who is not disabled: it is about nothing, about the user's own
    /// things, or decided by what it is about.
    Nothing,
    /// An administrator.
    Administrator,
    /// At least this role in the project.
    Role(Role),
}

/// What can be done.
#[derive(Debug, Clone, Copy)]
pub struct Action {
    /// As `<noun>.<verb>`.
    pub name: &'static str,
    /// What it needs.
    pub needs: Needs,
    /// What it is, in words.
    pub what: &'static str,
}

const fn anyone(name: &'static str, what: &'static str) -> Action {
    Action { name, needs: Needs::Nothing, what }
}

const fn administrator(name: &'static str, what: &'static str) -> Action {
    Action { name, needs: Needs::Administrator, what }
}

const fn role(name: &'static str, least: Role, what: &'static str) -> Action {
    Action { name, needs: Needs::Role(least), what }
}

/// Every action.
pub const ACTIONS: &[Action] = &[
    // In a project.
    role("project.read", Role::ResultsConsumer, "see name, description, tags and branches"),
    role("execution.list", Role::ResultsConsumer, "list executions"),
    role(
        "execution.read",
        Role::ResultsConsumer,
        "see an execution: its command, parameters and variables, how it went and ended",
    ),
    role("files.read", Role::Reader, "read files and result files (Git)"),
    role("log.read", Role::Reader, "read and follow logs"),
    role("grant.list", Role::Reader, "see who has which role"),
    role("grant.read", Role::Reader, "see who has which role"),
    role("execution.launch", Role::Launcher, "launch executions"),
    role("execution.stop_own", Role::Launcher, "stop an execution that one launched"),
    role("execution.update_own", Role::Launcher, "change title and tags of an execution that one launched"),
    role("execution.update", Role::Contributor, "change title and tags of any execution"),
    role("execution.stop", Role::Contributor, "stop any execution"),
    role("files.write", Role::Contributor, "push files (Git)"),
    role("project.update", Role::Contributor, "change description and tags"),
    role("project.rename", Role::Owner, "change the name"),
    role("project.archive", Role::Owner, "archive"),
    role("project.restore", Role::Owner, "restore"),
    role("project.transfer", Role::Owner, "give it to another owner"),
    role("grant.set", Role::Owner, "grant roles"),
    role("grant.delete", Role::Owner, "take roles away"),
    // Of the installation.
    administrator("project.list_all", "list every project"),
    administrator("user.create", "make users"),
    administrator("user.disable", "disable users"),
    administrator("user.enable", "enable users"),
    administrator("user.create_token", "make tokens for users"),
    administrator("subscription.create", "make event subscriptions"),
    administrator("subscription.read", "see event subscriptions"),
    administrator("subscription.list", "list event subscriptions"),
    administrator("subscription.delete", "delete event subscriptions"),
    administrator("tier.create", "make hardware tiers"),
    administrator("tier.update", "change hardware tiers"),
    administrator("tier.retire", "take hardware tiers out of use"),
    administrator("limit.list", "list limits"),
    administrator("limit.set", "set limits"),
    administrator("part.read", "see the platform's parts"),
    administrator("part.configure", "change the platform's parts while they run"),
    administrator("search.rebuild", "have the search index made anew"),
    // Anybody's.
    anyone("self.read", "see who one is"),
    anyone("token.create", "make tokens of one's own"),
    anyone("token.read", "see one's own tokens"),
    anyone("token.list", "list one's own tokens"),
    anyone("token.revoke", "revoke one's own tokens"),
    anyone("tier.list", "list hardware tiers"),
    anyone("user.read", "look a user up"),
    anyone("user.list", "list users"),
    anyone("project.create", "make projects of one's own"),
    anyone("project.list", "list the projects that one may see"),
    anyone("search.query", "search what one may see"),
    anyone("event.follow", "follow the events of what one may see"),
    anyone("organisation.create", "make organisations"),
    anyone("organisation.read", "look an organisation up"),
    anyone("organisation.list", "list organisations"),
    anyone("organisation.set_member", "decide who is in an organisation that one owns"),
    anyone("organisation.remove_member", "leave an organisation; take members out of one that one owns"),
];

/// What an action needs; none for what is not in the table.
pub fn needs(action: &str) -> Option<Needs> {
    ACTIONS.iter().find(|known| known.name == action).map(|known| known.needs)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fmt::Write as _};

    use katonic_proto::rules::{self, Rule};

    use super::*;

    #[test]
    fn every_action_of_a_rule_is_in_the_table_once() {
        let names: BTreeSet<_> = ACTIONS.iter().map(|action| action.name).collect();
        assert_eq!(names.len(), ACTIONS.len(), "an action is there twice");
        for method in rules::methods() {
            if let Some(Rule::Access(access)) = rules::of_method(&method) {
                assert!(
                    names.contains(access.action.as_str()),
                    "{}: say in services/metadata/src/domain/actions.rs what {:?} needs",
                    rules::path(&method),
                    access.action
                );
            }
        }
    }

    #[test]
    fn the_documentation_is_made_of_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/roles.md");
        if std::env::var_os("KATONIC_WRITE_DOCS").is_some() {
            std::fs::write(path, documentation()).expect("docs/roles.md is writable");
        }
        assert_eq!(
            std::fs::read_to_string(path).unwrap_or_default(),
            documentation(),
            "docs/roles.md is not the table: run `KATONIC_WRITE_DOCS=1 cargo test -p katonic-metadata actions`"
        );
    }

    const HEAD: &str = "\
# Roles

Made from the table in `services/metadata/src/domain/actions.rs`; a test says how to make it again.

A user has the highest of the roles that were granted to them and to the organisations that they are in. Through an
organisation its owners have its role, its members at most contributor. Administrators may do everything. Without a role in
a project one does not see that it is there.

An execution's command, parameters, variables and tags are part of what its readers see, also those who see only results: put
no secret into them. Result files lie beside the inputs in Git, so that reading them needs the role reader.

## In a project

| action | what | results consumer | reader | launcher | contributor | owner |
|---|---|---|---|---|---|---|
";

    fn documentation() -> String {
        let mut text = HEAD.to_owned();
        for action in ACTIONS {
            let Needs::Role(least) = action.needs else { continue };
            let marks = Role::ALL.map(|role| if role >= least { "yes" } else { "" });
            writeln!(text, "| `{}` | {} | {} |", action.name, action.what, marks.join(" | ")).expect("a string");
        }
        for (title, needs) in [("Administrators only", Needs::Administrator), ("Everybody", Needs::Nothing)] {
            write!(text, "\n## {title}\n\n| action | what |\n|---|---|\n").expect("a string");
            for action in ACTIONS.iter().filter(|action| action.needs == needs) {
                writeln!(text, "| `{}` | {} |", action.name, action.what).expect("a string");
            }
        }
        text
    }
}
