//! What a container is made of. Pure: an order and an image in, a request of
//! the engine's API out; nothing of it is the user's to choose but the command,
//! its parameters and variables, and the size of its tier.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    time::Duration,
};

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountBindOptions,
    MountBindOptionsPropagationEnum, MountType, RestartPolicy, RestartPolicyNameEnum,
};
use katonic_domain::{InstallationId, MemberId};
use katonic_member::{Launch, Limit, MemberDir, Resource, RunAs};
use katonic_service::telemetry;

use super::image::Image;
use crate::backend::{MAX_PROCESSES, Order};

/// The attempt's folder, in the folder that the container sees.
pub const JOB: &str = "job";

/// The member directory as a container sees it.
const INSIDE: &str = "/katonic";
/// What the scheduler counts a quota in.
const CPU_PERIOD_MICROS: i64 = 100_000;
/// The kernel takes no smaller quota.
const MIN_CPU_QUOTA_MICROS: i64 = 1_000;
/// What the shim says when it fails; user code writes nothing there.
const LOG_BYTES: &str = "1m";
/// Beyond the grace of a command, for the kill and the last lines.
const STOP_MARGIN: Duration = Duration::from_secs(10);

const INSTALLATION_LABEL: &str = "io.katonic.installation";
const MEMBER_LABEL: &str = "io.katonic.member";

/// How containers of one installation are told from all others.
#[derive(Debug, Clone)]
pub struct Labels {
    installation: String,
}

impl Labels {
    /// Of an installation.
    pub fn of(installation: InstallationId) -> Self {
        Self { installation: installation.to_string() }
    }

    /// What the engine is asked to list.
    pub fn filter(&self) -> String {
        format!("{INSTALLATION_LABEL}={}", self.installation)
    }

    /// Whether a container is one of these.
    pub fn are_on(&self, labels: &HashMap<String, String>) -> bool {
        labels.get(INSTALLATION_LABEL) == Some(&self.installation)
    }

    /// The member that a container of these says to be.
    pub fn member(&self, labels: &HashMap<String, String>) -> Option<MemberId> {
        self.are_on(labels).then(|| labels.get(MEMBER_LABEL)?.parse().ok()).flatten()
    }

    fn with(&self, member: &MemberId) -> HashMap<String, String> {
        let member = (MEMBER_LABEL.to_owned(), member.to_string());
        HashMap::from([(INSTALLATION_LABEL.to_owned(), self.installation.clone()), member])
    }
}

/// The launch as the agent reads it.
pub fn launch(order: &Order<'_>, image: &Image, folder: PathBuf) -> Launch {
    let Order { execution, member, ticket: _ } = order;
    Launch {
        member_id: member.id.to_string(),
        execution_id: execution.id.to_string(),
        project_id: execution.project.to_string(),
        attempt: member.id.attempt,
        command: execution.spec.command.items().to_vec(),
        variables: variables(image, execution.spec.variables()),
        path: image.path(),
        folder,
        run_as: member.uid.map(|uid| RunAs { uid, gid: uid }),
        timeout: Duration::from_millis(execution.spec.timeout_ms),
        grace: execution.spec.grace(),
        limits: vec![Limit { resource: Resource::CoreBytes, value: 0 }],
        spool_limit_bytes: None,
        traceparent: telemetry::traceparent(),
    }
}

/// The same as the shim reads it: with the container's paths, and as whoever it runs.
pub fn launch_inside(launch: &Launch) -> Launch {
    Launch { folder: Path::new(INSIDE).join("files").join(JOB), run_as: None, ..launch.clone() }
}

/// The image's own environment, over it the job's.
fn variables(image: &Image, job: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut variables = image.variables.clone();
    variables.extend(job);
    variables
}

/// What a container is made from.
pub struct Blueprint<'a> {
    /// What to run.
    pub order: &'a Order<'a>,
    /// In what.
    pub image: &'a Image,
    /// Its directory.
    pub dir: &'a MemberDir,
    /// Its working folder.
    pub work: &'a Path,
    /// The shim's program.
    pub shim: &'a Path,
}

impl Blueprint<'_> {
    /// The request.
    pub fn container(&self, labels: &Labels) -> ContainerCreateBody {
        let grace = self.order.execution.spec.grace() + STOP_MARGIN;
        ContainerCreateBody {
            image: Some(self.image.digest.clone()),
            user: Some(self.user()),
            labels: Some(labels.with(&self.order.member.id)),
            entrypoint: Some(vec![format!("{INSIDE}/shim")]),
            cmd: Some(vec![INSIDE.to_owned()]),
            env: Some(Vec::new()),
            working_dir: Some("/".to_owned()),
            // The image's own would run beside user code, as its user.
            healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
            // The engine's own end is the shim's order to end.
            stop_signal: Some("SIGTERM".to_owned()),
            stop_timeout: i64::try_from(grace.as_secs()).ok(),
            network_disabled: Some(true),
            host_config: Some(self.host()),
            ..ContainerCreateBody::default()
        }
    }

    fn user(&self) -> String {
        match self.order.member.uid {
            Some(uid) => format!("{uid}:{uid}"),
            None => format!("{}:{}", rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()),
        }
    }

    fn host(&self) -> HostConfig {
        let tier = &self.order.execution.spec.tier;
        let memory = i64::try_from(tier.memory_bytes).unwrap_or(i64::MAX);
        let quota = i64::from(tier.cpu_millis) * CPU_PERIOD_MICROS / 1_000;
        let log = HashMap::from([("max-size".to_owned(), LOG_BYTES.to_owned())]);
        HostConfig {
            cap_drop: Some(vec!["ALL".to_owned()]),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            readonly_rootfs: Some(true),
            // Counts as memory of the container.
            tmpfs: Some(HashMap::from([("/tmp".to_owned(), "rw,exec,nosuid,nodev,mode=1777".to_owned())])),
            mounts: Some(self.mounts()),
            network_mode: Some("none".to_owned()),
            ipc_mode: Some("private".to_owned()),
            memory: Some(memory),
            // As much as memory: no swap.
            memory_swap: Some(memory),
            // Not as "CPUs", of which an engine refuses more than the machine has.
            cpu_period: Some(CPU_PERIOD_MICROS),
            cpu_quota: Some(quota.max(MIN_CPU_QUOTA_MICROS)),
            pids_limit: i64::try_from(MAX_PROCESSES).ok(),
            shm_size: Some(memory / 2),
            log_config: Some(HostConfigLogConfig { typ: Some("json-file".to_owned()), config: Some(log) }),
            restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None }),
            init: Some(false),
            privileged: Some(false),
            auto_remove: Some(false),
            ..HostConfig::default()
        }
    }

    fn mounts(&self) -> Vec<Mount> {
        vec![
            bind(self.shim, "shim", true),
            bind(&self.dir.orders(), "orders", true),
            bind(&self.dir.answers(), "answers", false),
            bind(self.work, "files", false),
        ]
    }
}

fn bind(source: &Path, name: &str, read_only: bool) -> Mount {
    Mount {
        typ: Some(MountType::BIND),
        source: Some(source.to_string_lossy().into_owned()),
        target: Some(format!("{INSIDE}/{name}")),
        read_only: Some(read_only),
        bind_options: Some(MountBindOptions {
            propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
            ..MountBindOptions::default()
        }),
        ..Mount::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use katonic_member::Members;

    use super::*;
    use crate::domain::{
        execution::tests::queued,
        member::{Member, tests::member_of},
    };

    fn image() -> Image {
        Image { digest: "sha256:1".into(), variables: BTreeMap::from([("A".into(), "image".into())]), path: None }
    }

    fn built() -> ContainerCreateBody {
        let folder = tempfile::tempdir().expect("a folder");
        let execution = queued(1);
        let member = Member { uid: Some(1_900_000), ..member_of(&execution) };
        let order = Order { execution: &execution, member: &member, ticket: "kmt_secret" };
        let launch = launch(&order, &image(), folder.path().join("work/job"));
        let launch = Launch { run_as: None, ..launch };
        let members = Members::open(folder.path()).expect("members");
        let dir = members.create_contained("exe-1-1-main-0", &launch, &launch, "kmt_secret").expect("made");
        let (work, shim) = (folder.path().join("work"), Path::new("/usr/lib/katonic/katonic-shim"));
        let blueprint = Blueprint { order: &order, image: &image(), dir: &dir, work: &work, shim };
        blueprint.container(&Labels::of(InstallationId::generate()))
    }

    #[test]
    fn a_container_has_no_privilege_no_network_and_only_its_own_mounts() {
        let built = built();
        let host = built.host_config.expect("set");
        assert_eq!(built.user.as_deref(), Some("1900000:1900000"));
        assert_eq!(host.cap_drop, Some(vec!["ALL".to_owned()]));
        assert_eq!((host.cap_add, host.devices, host.privileged), (None, None, Some(false)));
        assert_eq!((host.network_mode.as_deref(), host.readonly_rootfs), (Some("none"), Some(true)));
        assert_eq!((host.pid_mode, host.uts_mode, host.userns_mode, host.binds), (None, None, None, None));
        let mounts = host.mounts.expect("set");
        let targets: BTreeSet<_> = mounts.iter().filter_map(|mount| mount.target.as_deref()).collect();
        assert_eq!(targets, BTreeSet::from(["/katonic/answers", "/katonic/files", "/katonic/orders", "/katonic/shim"]));
        for mount in &mounts {
            let writable =
                mount.target.as_deref().is_some_and(|target| target.ends_with("answers") || target.ends_with("files"));
            assert_eq!(mount.read_only, Some(!writable), "{mount:?}");
        }
        assert!(!serde_json::to_string(&mounts).expect("JSON").contains("docker.sock"));
    }

    #[test]
    fn no_secret_is_in_what_the_engine_is_told() {
        assert!(!serde_json::to_string(&built()).expect("JSON").contains("kmt_secret"));
    }

    #[test]
    fn limits_are_the_tiers() {
        let host = built().host_config.expect("set");
        assert_eq!((host.memory, host.memory_swap), (Some(1 << 30), Some(1 << 30)));
        assert_eq!((host.cpu_quota, host.cpu_period), (Some(100_000), Some(100_000)));
        assert_eq!((host.shm_size, host.pids_limit), (Some(1 << 29), Some(4096)));
    }

    #[test]
    fn what_the_job_says_replaces_the_images_environment() {
        let both = variables(&image(), BTreeMap::from([("A".into(), "job".into()), ("B".into(), "job".into())]));
        assert_eq!(both, BTreeMap::from([("A".into(), "job".into()), ("B".into(), "job".into())]));
    }

    #[test]
    fn labels_of_another_installation_are_none_of_ours() {
        let (ours, theirs) = (Labels::of(InstallationId::generate()), Labels::of(InstallationId::generate()));
        let member: MemberId = "exe_01h455vb4pex5vsknk084sn02q/1/main/0".parse().expect("an id");
        assert_eq!(ours.member(&ours.with(&member)), Some(member.clone()));
        assert_eq!(theirs.member(&ours.with(&member)), None);
    }
}
