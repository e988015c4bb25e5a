//! What containers promise beyond: user code reaches nothing, and each way in
//! which a container can end is told from the others. The cases try.

use std::{net::TcpListener, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use katonic_dispatcher::{
    backend::{
        Backend, Error, Order,
        docker::{DockerBackend, Settings},
    },
    reconcile::plan::Presence,
};
use katonic_member::ExitReason;
use katonic_testkit::engine::{BARE, Engine, Kind, OTHER_USER};

use crate::{
    Cases,
    bench::{Bench, Job, Where},
};

/// Adds them all.
pub fn cases(cases: &mut Cases<'_>) {
    cases.add("memory_that_runs_out_is_a_stated_reason", out_of_memory);
    cases.add("a_container_that_is_removed_is_a_stated_reason", removed);
    cases.add("an_image_that_is_not_there_is_told_apart", no_image);
    cases.add("an_engine_that_restarts_interrupts", restarted);
    cases.add("somebody_elses_container_is_never_touched", foreign);
    cases.add("an_image_without_a_shell_runs_its_program", no_shell);
    cases.add("the_images_user_is_not_the_jobs", other_user);
    cases.add("user_code_has_no_privilege", unprivileged);
    cases.add("only_its_own_folders_are_mounted", mounts);
    cases.add("nothing_is_reachable_by_network", network);
    cases.add("the_shim_cannot_be_killed_or_looked_into", shim_is_safe);
    cases.add("a_forged_end_is_not_believed", forged);
    cases.add("forged_times_are_not_believed", forged_times);
    cases.add("limits_are_the_tiers", limits);
    cases.add("what_is_not_enforced_is_said", remarks);
}

const WAITING: &str = "echo ready; while :; do sleep 0.05; done";

async fn out_of_memory(place: Where) -> Result<()> {
    let hog = "x=a; while :; do x=$x$x; done";
    let small = |script: &str| Job { memory_bytes: 64 << 20, ..Job::script(script) };
    let (exit, _) = Bench::run(place.clone(), small(hog)).await?;
    ensure!((exit.reason, exit.signal) == (ExitReason::OutOfMemory, Some(9)), "{exit:?}");
    let (exit, _) = Bench::run(place.clone(), small(&format!("sh -c '{hog}'; exit 5"))).await?;
    ensure!((exit.reason, exit.exit_code) == (ExitReason::OutOfMemory, Some(5)), "{exit:?}");
    let (exit, _) = Bench::run(place, small(&format!("sh -c '{hog}'; exit 0"))).await?;
    ensure!(exit.reason == ExitReason::Completed, "the command coped with it: {exit:?}");
    Ok(())
}

async fn removed(place: Where) -> Result<()> {
    let bench = Bench::start(place, Job::script(WAITING)).await?;
    bench.line("ready").await?;
    bench.engine()?.delete(&format!("/containers/{}?force=true", bench.name()))?;
    let exit = bench.end().await?;
    ensure!(exit.reason == ExitReason::ContainerRemoved, "{exit:?}");
    ensure!(exit.last_seq.is_some_and(|last| last.get() == 2), "one line and the gap after it: {exit:?}");
    bench.delete().await
}

async fn no_image(place: Where) -> Result<()> {
    let mut bench = Bench::new(place, Job::script("echo ran")).await?;
    let gone = format!("sha256:{}", "0".repeat(64));
    bench.execution.spec.image_digest = gone;
    let folder = tempfile::tempdir()?;
    let backend = DockerBackend::open(Settings {
        installation: katonic_domain::InstallationId::generate(),
        socket: bench.engine()?.socket(),
        // Nobody listens there.
        image: "127.0.0.1:1/none:1".to_owned(),
        members: folder.path().join("members"),
        work: folder.path().join("work"),
        shim: "/bin/true".into(),
        uids: None,
    })?;
    let error = backend.environment_digest().await.err().context("a digest of no image")?;
    ensure!(error.lacks_image(), "{error:?}");
    let order = Order { execution: &bench.execution, member: &bench.member, ticket: "kmt_conformance" };
    let error = backend.ensure(order).await.err().context("it was made of no image")?;
    ensure!(error.lacks_image(), "{error:?}");
    Ok(())
}

async fn restarted(place: Where) -> Result<()> {
    let Where::Engine(shared) = &place else { return Ok(()) };
    // Others use the shared one.
    let engine = Arc::new(Engine::start_with_images(shared.kind())?);
    let bench = Bench::start(Where::Engine(Arc::clone(&engine)), Job::script(WAITING)).await?;
    bench.line("ready").await?;
    engine.restart()?;
    match engine.kind() {
        Kind::Docker => {
            let exit = bench.end().await?;
            ensure!(exit.reason == ExitReason::Interrupted, "{exit:?}");
        }
        // It has no daemon that containers hang on.
        Kind::Podman => drop(bench.becomes(&[Presence::Alive]).await?),
    }
    bench.delete().await
}

async fn foreign(place: Where) -> Result<()> {
    let bench = Bench::new(place, Job::script("echo ran")).await?;
    bench.engine()?.create(&bench.name())?;
    let order = Order { execution: &bench.execution, member: &bench.member, ticket: "kmt_conformance" };
    ensure!(matches!(bench.backend.ensure(order).await, Err(Error::Foreign(_))));
    ensure!(matches!(bench.backend.observe(&bench.member.id).await, Err(Error::Foreign(_))));
    ensure!(matches!(bench.backend.delete(&bench.member).await, Err(Error::Foreign(_))));
    ensure!(bench.backend.observe_all().await?.is_empty(), "it is listed as ours");
    // It is still there to be removed.
    bench.engine()?.delete(&format!("/containers/{}", bench.name()))
}

async fn no_shell(place: Where) -> Result<()> {
    let (exit, _) = Bench::run(place.clone(), Job { image: BARE, ..Job::of(&["true"]) }).await?;
    ensure!(exit.reason == ExitReason::Completed, "{exit:?}");
    let (exit, _) = Bench::run(place, Job { image: BARE, ..Job::script("true") }).await?;
    ensure!(exit.reason == ExitReason::CommandNotFound, "{exit:?}");
    Ok(())
}

async fn other_user(place: Where) -> Result<()> {
    let bench =
        Bench::start(place, Job { image: OTHER_USER, ..Job::script("id -u; id -g; id -G; echo x > made") }).await?;
    let exit = bench.end().await?;
    ensure!(exit.reason == ExitReason::Completed, "{exit:?}");
    let uid = bench.member.uid.context("a user of its own")?.to_string();
    ensure!(bench.lines()? == [uid.as_str(); 3], "{:?}", bench.lines()?);
    bench.delete().await
}

async fn unprivileged(place: Where) -> Result<()> {
    let script = "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status | tr -d '\\t '; \
        touch /here 2>/dev/null && echo 'the root is writable'; \
        mkdir /tmp/a && cp /bin/busybox /tmp/a/true && /tmp/a/true && echo 'tmp is usable'; \
        mount -t tmpfs none /mnt 2>/dev/null && echo 'mounted'; \
        chroot / true 2>/dev/null && echo 'changed root'; \
        mknod /tmp/kmsg c 1 11 2>/dev/null && echo 'made a device'; \
        hostname x 2>/dev/null && echo 'renamed'; echo $FROM_IMAGE";
    let (exit, lines) = Bench::run(place, Job::script(script)).await?;
    let none = "0000000000000000";
    let mut expected: Vec<String> =
        ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].iter().map(|set| format!("{set}:{none}")).collect();
    expected.extend(["NoNewPrivs:1", "Seccomp:2", "tmp is usable", "yes"].map(ToOwned::to_owned));
    ensure!(lines == expected, "{exit:?} {lines:#?}");
    Ok(())
}

/// File systems of the kernel's own, and the layers of the image.
const VIRTUAL: [&str; 9] = ["overlay", "proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2", "devtmpfs"];

async fn mounts(place: Where) -> Result<()> {
    let script = "cat /proc/self/mountinfo; ls /katonic; find / -name ticket -o -name nonce -o -name '*.sock' 2>/dev/null; \
        touch /katonic/orders/x /katonic/shim /katonic/files/x /katonic/x 2>/dev/null; ls /katonic/orders";
    let bench = Bench::start(place, Job::script(script)).await?;
    let exit = bench.end().await?;
    let lines = bench.lines()?;
    let (mounts, rest): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.contains(" - "));
    ensure!(!mounts.is_empty(), "{exit:?} {lines:#?}");
    for line in &mounts {
        let mut fields = line.split(' ').skip(3);
        let (source, target) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let kind = line.split(" - ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        let own =
            target.starts_with("/katonic/") && (source.contains(&bench.folder()) || source.ends_with("/katonic-shim"));
        // Names of hosts and users, which the engine writes for each container in its own data.
        let engines = target.starts_with("/etc/") && source.contains("katonic-engine-");
        ensure!(VIRTUAL.contains(&kind) || own || engines, "{line}");
    }
    let seen: Vec<&str> = rest.iter().map(|line| line.as_str()).collect();
    ensure!(seen == ["answers", "files", "orders", "shim", "go", "launch.json"], "{seen:#?}");
    ensure!(!bench.work().join("x").exists(), "it wrote beside its own folder");
    bench.delete().await
}

async fn network(place: Where) -> Result<()> {
    // A service of this machine, as the control plane's are.
    let service = TcpListener::bind("127.0.0.1:0")?;
    service.set_nonblocking(true)?;
    let port = service.local_addr()?.port();
    let script = format!(
        "ls /sys/class/net; for address in 127.0.0.1:{port} 169.254.169.254 172.17.0.1:{port} 10.0.0.1; do \
         wget -q -T 3 -O - http://$address/ 2>/dev/null && echo reached $address; done; echo tried"
    );
    let (exit, lines) = Bench::run(place, Job::script(&script)).await?;
    ensure!(lines == ["lo", "tried"], "{exit:?} {lines:?}");
    ensure!(service.accept().is_err(), "somebody has called");
    Ok(())
}

async fn shim_is_safe(place: Where) -> Result<()> {
    let script = "kill -9 1; kill -TERM 1; kill -STOP 1; \
        for file in mem environ maps fd/0 cwd/. root/.; do cat /proc/1/$file >/dev/null 2>&1 && echo opened $file; done; \
        ls /proc/1/fd >/dev/null 2>&1 && echo listed; echo survived";
    let (exit, lines) = Bench::run(place, Job::script(script)).await?;
    ensure!(exit.reason == ExitReason::Completed, "{exit:?} {lines:?}");
    ensure!(lines == ["survived"], "{lines:?}");
    Ok(())
}

async fn forged(place: Where) -> Result<()> {
    let success = r#"{"reason":"completed","exit_code":0,"last_seq":1,"started":1,"ended":1}"#;
    let answers = "/katonic/answers";
    for spoil in [
        format!("echo '{success}' > {answers}/exit.json"),
        format!("rm -rf {answers}/*"),
        format!("mkdir {answers}/exit.json"),
        format!("rm -rf {answers}/*; ln -s /etc {answers}/spool; ln -s /etc/passwd {answers}/exit.json"),
        format!("rm {answers}/lock; mkfifo {answers}/lock; mkfifo {answers}/launched.json"),
        format!("chmod 0 {answers}"),
    ] {
        let bench = Bench::start(place.clone(), Job::script(&format!("{spoil}; exit 9"))).await?;
        let exit = tokio::time::timeout(Duration::from_secs(120), bench.end()).await??;
        ensure!(exit.reason == ExitReason::ExitCode, "{spoil}: {exit:?}");
        bench.delete().await?;
    }
    Ok(())
}

/// How long it ran is paid for: its own word counts for nothing, though it agrees with the engine's.
async fn forged_times(place: Where) -> Result<()> {
    let free = r#"{"reason":"completed","exit_code":0,"last_seq":1,"started":1,"ended":1}"#;
    let answers = "/katonic/answers";
    let script = format!(
        "sleep 1; mkdir {answers}/.exit.json.new; echo '{free}' > {answers}/exit.json; rm {answers}/launched.json"
    );
    let (exit, _) = Bench::run(place, Job::script(&script)).await?;
    let ran = exit.started.map(|started| exit.ended.get() - started.get());
    ensure!(exit.reason == ExitReason::Completed && ran >= Some(1_000_000_000), "{exit:?}");
    Ok(())
}

async fn limits(place: Where) -> Result<()> {
    let script = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/memory/memory.limit_in_bytes \
        /sys/fs/cgroup/pids/pids.max 2>/dev/null; df -P /dev/shm | tail -n 1 | awk '{print $2}'; ulimit -c";
    let (exit, lines) = Bench::run(place, Job::script(script)).await?;
    let memory = 256_u64 << 20;
    let expected = [memory.to_string(), "4096".to_owned(), (memory / 2 / 1024).to_string(), "0".to_owned()];
    ensure!(lines == expected, "{exit:?} {lines:?}");
    Ok(())
}

async fn remarks(place: Where) -> Result<()> {
    let bench = Bench::new(place, Job::script("true")).await?;
    ensure!(bench.backend.remarks().contains(&("disk limit".to_owned(), "not enforced".to_owned())));
    ensure!(bench.backend.endpoint(&bench.member.id, 80).is_none(), "there is no way in");
    Ok(())
}
