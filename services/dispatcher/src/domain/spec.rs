//! What a launch is made of: checked and pinned at submit, never changed after.

use std::{collections::BTreeMap, time::Duration};

use katonic_domain::{CommitId, ExecutionId, Name, ScheduleId, Tags, error::Violation};
use serde::{Deserialize, Serialize};

use crate::domain::{
    dependency::{self, Dependency},
    params::Params,
    priority::Priority,
    retry::{RetryForm, RetryPolicy},
    variables::Variables,
};

/// How long user code may run where nothing was said.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(24 * 3600);
/// How long user code has between TERM and KILL where nothing was said.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(30);

const MAX_COMMAND_ITEMS: usize = 256;
const MAX_COMMAND_BYTES: usize = 32 * 1024;
const MAX_TITLE_CHARS: usize = 200;
const MIN_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_TIMEOUT: Duration = Duration::from_secs(30 * 24 * 3600);
const MAX_GRACE: Duration = Duration::from_secs(3600);

/// Why a request cannot become a launch: each wrong field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the job cannot be launched as it is described")]
pub struct Error(pub Vec<Violation>);

/// Program and arguments: at least one item, capped, without NUL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Command(Vec<String>);

impl Command {
    /// The command of these items, if it is one.
    pub fn try_new(items: Vec<String>) -> Result<Self, &'static str> {
        let bytes: usize = items.iter().map(|item| json_len(item)).sum();
        match items.first() {
            None => Err("name at least a program"),
            Some(program) if program.is_empty() => Err("the program's name is empty"),
            Some(_) if items.len() > MAX_COMMAND_ITEMS => Err("has more than 256 items"),
            Some(_) if bytes > MAX_COMMAND_BYTES => Err("is longer than 32 KiB in all"),
            Some(_) if items.iter().any(|item| item.contains('\0')) => Err("contains a NUL character"),
            Some(_) => Ok(Self(items)),
        }
    }

    /// Program and arguments.
    pub fn items(&self) -> &[String] {
        &self.0
    }

    /// How long it is in an event.
    fn json_len(&self) -> usize {
        self.0.iter().map(|item| json_len(item)).sum()
    }

    /// What stands for it in lists: on one line, at most 200 characters.
    pub(super) fn as_title(&self) -> String {
        let line = self.0.join(" ");
        let printable = line.chars().map(|c| if c.is_control() { ' ' } else { c });
        printable.take(MAX_TITLE_CHARS).collect()
    }
}

/// How long a text is in an event: what is escaped there counts as what it
/// becomes, so that the cap holds for the payload too (E2).
pub(super) fn json_len(item: &str) -> usize {
    let escaped: usize = item
        .chars()
        .map(|c| if c.is_ascii_control() { 6 } else { c.len_utf8() + usize::from(matches!(c, '"' | '\\')) })
        .sum();
    escaped + "\"\",".len()
}

/// How long texts by name are in an event.
pub(super) fn map_json_len(texts: &BTreeMap<String, String>) -> usize {
    texts.iter().map(|(name, text)| json_len(name) + json_len(text)).sum()
}

/// What a user asks to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRequest {
    /// Program and arguments.
    pub command: Command,
    /// For people.
    pub title: String,
    /// The commit of the input; none means what metadata pins.
    pub commit: Option<CommitId>,
    /// The tier; none means the default one.
    pub tier: Option<Name>,
    /// How long user code may run.
    pub timeout: Duration,
    /// How long it has between TERM and KILL.
    pub grace: Duration,
    /// What the command is given beside its arguments.
    pub params: Params,
    /// And what else its environment holds.
    pub env: Variables,
    /// For people.
    pub tags: Tags,
    /// How it is ordered in its tier's queue.
    pub priority: Priority,
    /// How often it is tried.
    pub retry: RetryPolicy,
    /// That it has no input files, whatever the project has.
    pub no_input: bool,
    /// What it repeats.
    pub rerun_of: Option<ExecutionId>,
    /// What launches it, where that is no person.
    pub schedule: Option<ScheduleId>,
    /// What it waits for.
    pub after: Vec<Dependency>,
}

/// A job request as it came, before anything was checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobForm {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Empty means the command.
    pub title: String,
    /// Empty means the head of the main branch.
    pub commit: String,
    /// Empty means the default tier.
    pub tier: String,
    /// None means 24 h.
    pub timeout: Option<Duration>,
    /// None means 30 s.
    pub grace: Option<Duration>,
    /// Values by name.
    pub params: BTreeMap<String, String>,
    /// Environment variables, values by name.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Labels.
    pub tags: Vec<String>,
    /// How urgent it is.
    pub priority: Priority,
    /// How often it is tried.
    pub retry: RetryForm,
    /// That it has no input files, whatever the project has.
    pub no_input: bool,
    /// What it repeats.
    pub rerun_of: Option<ExecutionId>,
    /// What launches it, where that is no person.
    pub schedule: Option<ScheduleId>,
    /// What it waits for.
    #[serde(default)]
    pub after: Vec<Dependency>,
}

impl JobForm {
    /// Checks every field and names all that are wrong.
    pub fn check(self) -> Result<JobRequest, Error> {
        let mut violations = Vec::new();
        let timeout = self.timeout.unwrap_or(DEFAULT_TIMEOUT);
        let grace = self.grace.unwrap_or(DEFAULT_GRACE);
        let mut refuse =
            |field: &str, why: &dyn std::fmt::Display| violations.push(Violation::new(field, why.to_string()));

        if !(MIN_TIMEOUT..=MAX_TIMEOUT).contains(&timeout) {
            refuse("timeout", &"is not between 1 s and 30 days");
        }
        if grace > MAX_GRACE {
            refuse("grace", &"is longer than 1 h");
        }
        if let Err(why) = title(&self.title) {
            refuse("title", &why);
        }
        let commit = optional(&self.commit).map_err(|why| refuse("commit", &why)).ok();
        let tier = optional(&self.tier).map_err(|why| refuse("tier", &why)).ok();
        let tags = Tags::try_new(&self.tags).map_err(|why| refuse("tags", &why)).ok();
        let command = Command::try_new(self.command).map_err(|why| refuse("command", &why)).ok();
        let given = command.as_ref().map_or(0, Command::json_len) + dependency::json_len(&self.after);
        let after = dependency::check(&self.after).and_then(|()| within(given));
        let after = after.map_err(|why| refuse("after", &why)).ok();
        // What is refused already takes no room.
        let given = after.map_or(0, |()| given);
        let params = Params::try_new(self.params).and_then(|params| within(given + params.json_len()).map(|()| params));
        let params = params.map_err(|why| refuse("params", &why)).ok();
        let given = given + params.as_ref().map_or(0, Params::json_len);
        let env = Variables::try_new(self.env).and_then(|env| within(given + env.json_len()).map(|()| env));
        let env = env.map_err(|why| refuse("env", &why)).ok();
        let retry = self.retry.check().map_err(|wrong| violations.extend(wrong)).ok();

        match (command, commit, tier, tags, after, params, env, retry) {
            (Some(command), Some(commit), Some(tier), Some(tags), Some(()), Some(params), Some(env), Some(retry))
                if violations.is_empty() =>
            {
                let title = if self.title.is_empty() { command.as_title() } else { self.title };
                let Self { priority, no_input, rerun_of, schedule, after, .. } = self;
                Ok(JobRequest {
                    command,
                    title,
                    commit,
                    tier,
                    timeout,
                    grace,
                    params,
                    env,
                    tags,
                    priority,
                    retry,
                    no_input,
                    rerun_of,
                    schedule,
                    after,
                })
            }
            _ => Err(Error(violations)),
        }
    }
}

/// Dependencies, parameters and variables share the command's room in an event.
fn within(bytes: usize) -> Result<(), &'static str> {
    if bytes <= MAX_COMMAND_BYTES { Ok(()) } else { Err("are together with the command longer than 32 KiB") }
}

/// Whether a text can be a title.
pub(super) fn title(text: &str) -> Result<(), &'static str> {
    let fits = text.chars().count() <= MAX_TITLE_CHARS && !text.chars().any(char::is_control);
    if fits { Ok(()) } else { Err("is longer than 200 characters or contains control characters") }
}

fn optional<T: std::str::FromStr>(text: &str) -> Result<Option<T>, T::Err> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

/// The revision of a hardware tier that was current at submit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// The tier.
    pub name: Name,
    /// Rises with every change of the tier.
    pub revision: u32,
    /// CPU in thousandths of a core.
    pub cpu_millis: u32,
    /// Memory.
    pub memory_bytes: u64,
    /// How many members may hold it at once.
    pub max_running: u32,
    /// What an hour of one member costs, in millionths of the currency.
    #[serde(default)]
    pub price_micros_per_hour: u64,
    /// ISO 4217; empty where it costs nothing.
    #[serde(default)]
    pub currency: String,
}

/// Members of the same role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What they are there for.
    pub role: Name,
    /// How many.
    pub size: u32,
}

/// What was pinned at submit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchSpec {
    /// Program and arguments.
    pub command: Command,
    /// Commit of the input files; none means no files.
    pub input_commit: Option<CommitId>,
    /// Where it runs; `host` is the machine itself.
    pub environment: Name,
    /// What the environment was made of at submit.
    pub image_digest: String,
    /// What it is given to run on.
    pub tier: Tier,
    /// How long user code may run.
    pub timeout_ms: u64,
    /// How long it has between TERM and KILL.
    pub grace_ms: u64,
    /// Who runs.
    pub groups: Vec<Group>,
    /// What the command is given beside its arguments.
    #[serde(default)]
    pub params: Params,
    /// And what else its environment holds.
    #[serde(default)]
    pub env: Variables,
    /// How it is ordered in its tier's queue.
    #[serde(default)]
    pub priority: Priority,
    /// How often it is tried.
    #[serde(default)]
    pub retry: RetryPolicy,
}

impl LaunchSpec {
    /// How many members an attempt has.
    pub fn member_count(&self) -> u32 {
        self.groups.iter().map(|group| group.size).sum()
    }

    /// What user code finds in its environment beside what the platform sets.
    pub fn variables(&self) -> BTreeMap<String, String> {
        // No name is in both: what begins as parameters do is refused as a variable.
        self.env.values().clone().into_iter().chain(self.params.variables()).collect()
    }

    /// How long user code has between TERM and KILL.
    pub const fn grace(&self) -> Duration {
        Duration::from_millis(self.grace_ms)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::dependency::tests::on;

    /// A valid form.
    pub(crate) fn form() -> JobForm {
        JobForm { command: vec!["python3".into(), "train.py".into()], ..JobForm::default() }
    }

    /// A spec of one member in a tier that admits `max_running`.
    pub(crate) fn spec(tier: &str, max_running: u32) -> LaunchSpec {
        LaunchSpec {
            command: Command::try_new(vec!["true".into()]).expect("a command"),
            input_commit: None,
            environment: "host".parse().expect("a name"),
            image_digest: "sha256:0".into(),
            tier: Tier {
                name: tier.parse().expect("a name"),
                revision: 1,
                cpu_millis: 1000,
                memory_bytes: 1 << 30,
                max_running,
                price_micros_per_hour: 0,
                currency: String::new(),
            },
            timeout_ms: 60_000,
            grace_ms: 1_000,
            groups: vec![Group { role: "main".parse().expect("a name"), size: 1 }],
            params: Params::default(),
            env: Variables::default(),
            priority: Priority::default(),
            retry: RetryPolicy::default(),
        }
    }

    fn fields(form: JobForm) -> Vec<String> {
        form.check().expect_err("was taken").0.into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn what_is_not_said_has_defaults() {
        let request = form().check().expect("a valid form");
        assert_eq!(request.title, "python3 train.py");
        assert_eq!((request.timeout, request.grace), (DEFAULT_TIMEOUT, DEFAULT_GRACE));
        assert_eq!((request.commit, request.tier), (None, None));
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let wrong = JobForm {
            command: vec![],
            title: "\u{1b}[31m".into(),
            commit: "--upload-pack=x".into(),
            tier: "../big".into(),
            timeout: Some(Duration::ZERO),
            grace: Some(MAX_GRACE + Duration::from_millis(1)),
            params: BTreeMap::from([("a-b".into(), String::new())]),
            env: BTreeMap::from([("PATH".into(), String::new())]),
            tags: vec!["a b".into()],
            priority: Priority::High,
            retry: RetryForm { max_attempts: 21, ..RetryForm::default() },
            after: vec![on(ExecutionId::generate()); 2],
            ..JobForm::default()
        };
        let mut named = fields(wrong);
        named.sort();
        assert_eq!(
            named,
            [
                "after",
                "command",
                "commit",
                "env",
                "grace",
                "params",
                "retry.max_attempts",
                "tags",
                "tier",
                "timeout",
                "title"
            ]
        );
    }

    #[test]
    fn commands_are_capped() {
        let many = vec!["x".to_owned(); MAX_COMMAND_ITEMS + 1];
        for command in [
            vec![String::new()],
            vec!["a\0b".into()],
            many,
            vec!["x".repeat(MAX_COMMAND_BYTES)],
            vec!["\u{1}".repeat(6000)],
        ] {
            assert_eq!(fields(JobForm { command, ..form() }), ["command"]);
        }
        assert!(Command::try_new(vec!["x".into(); MAX_COMMAND_ITEMS]).is_ok());
    }

    #[test]
    fn what_a_command_is_given_shares_its_cap() {
        let with = |bytes: usize| JobForm {
            command: vec!["x".repeat(MAX_COMMAND_BYTES / 2)],
            params: BTreeMap::from([("p".into(), "y".repeat(bytes))]),
            ..form()
        };
        assert!(with(MAX_COMMAND_BYTES / 2 - 16).check().is_ok());
        assert_eq!(fields(with(MAX_COMMAND_BYTES / 2)), ["params"]);
        let env = |bytes: usize| BTreeMap::from([("V".to_owned(), "z".repeat(bytes))]);
        let both = |bytes: usize| JobForm { env: env(bytes), ..with(MAX_COMMAND_BYTES / 2 - 116) };
        assert!(both(90).check().is_ok());
        assert_eq!(fields(both(116)), ["env"]);
        let after: Vec<Dependency> = (0..64).map(|_| on(ExecutionId::generate())).collect();
        let room = MAX_COMMAND_BYTES - dependency::json_len(&after);
        assert!(JobForm { after: after.clone(), ..with(room - MAX_COMMAND_BYTES / 2 - 16) }.check().is_ok());
        let full = JobForm { command: vec!["x".repeat(room)], after, ..form() };
        assert_eq!(fields(full), ["after"]);
    }

    #[test]
    fn a_command_is_a_title_of_one_short_line() {
        let command = Command::try_new(vec!["sh".into(), "-c".into(), format!("echo\n{}", "x".repeat(300))]);
        let title = command.expect("a command").as_title();
        assert_eq!(title.chars().count(), MAX_TITLE_CHARS);
        assert!(title.starts_with("sh -c echo x"));
    }
}
