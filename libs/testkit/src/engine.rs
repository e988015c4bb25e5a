//! A container engine of a test's own: its socket, its data, its images. It ends
//! with the test process, however that ends.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

/// Longer than an engine needs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(50);

/// Has a shell and small programs.
pub const TOOLS: &str = "conformance-tools:1";
/// Has one static program, `/bin/true`, and nothing else.
pub const BARE: &str = "conformance-bare:1";
/// As the first, but says that it wants to run as somebody else.
pub const OTHER_USER: &str = "conformance-user:1";

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Docker's, which keeps its containers.
    Docker,
    /// Podman's service, which only serves the API.
    Podman,
}

/// An engine that runs until this is dropped.
#[derive(Debug)]
pub struct Engine {
    kind: Kind,
    folder: TempDir,
    /// The script that holds it, until its standard input ends.
    keeper: Mutex<Child>,
}

/// Where a program is.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/bin", "/usr/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

impl Engine {
    /// Starts it; root only.
    ///
    /// # Errors
    /// It is not installed, or does not answer.
    pub fn start(kind: Kind) -> Result<Self> {
        // Not in /tmp: an overlay needs a real file system below it.
        let folder = tempfile::Builder::new().prefix("katonic-engine-").tempdir_in("/var/tmp")?;
        let keeper = Mutex::new(launch(kind, folder.path())?);
        let engine = Self { kind, folder, keeper };
        engine.wait()?;
        Ok(engine)
    }

    /// Starts it with the images [`TOOLS`], [`BARE`] and [`OTHER_USER`].
    ///
    /// # Errors
    /// As [`Self::start`], or busybox is not installed.
    pub fn start_with_images(kind: Kind) -> Result<Self> {
        let engine = Self::start(kind)?;
        engine.make_images()?;
        Ok(engine)
    }

    /// Which it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("engine.sock")
    }

    /// Ends it as a machine that shuts down does, and starts it again.
    pub fn restart(&self) -> Result<()> {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        end(&mut keeper)?;
        *keeper = launch(self.kind, self.folder.path())?;
        drop(keeper);
        self.wait()
    }

    /// A POST that must succeed, by a client that is none of ours.
    pub fn post(&self, path: &str) -> Result<()> {
        self.curl(&["--request", "POST", &url(path)]).map(drop)
    }

    /// A DELETE that must succeed.
    pub fn delete(&self, path: &str) -> Result<()> {
        self.curl(&["--request", "DELETE", &url(path)]).map(drop)
    }

    /// Makes a container of a name, as anybody could.
    pub fn create(&self, name: &str) -> Result<()> {
        let container = format!(r#"{{"Image":"{TOOLS}","Cmd":["true"]}}"#);
        let header = "Content-Type: application/json";
        let path = url(&format!("/containers/create?name={name}"));
        self.curl(&["--request", "POST", "--header", header, "--data", &container, &path]).map(drop)
    }

    fn curl(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        let socket = self.socket();
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--fail-with-body", "--unix-socket"])
            .arg(&socket)
            .args(arguments)
            .output()?;
        ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
        Ok(output.stdout)
    }

    fn wait(&self) -> Result<()> {
        let limit = Instant::now() + PATIENCE;
        while self.curl(&[&url("/_ping")]).is_err() {
            let status = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).try_wait()?;
            if status.is_some() || Instant::now() > limit {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                bail!("the engine does not answer: {}", log.lines().rev().take(20).collect::<Vec<_>>().join("\n"));
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn make_images(&self) -> Result<()> {
        let busybox = program("busybox").context("busybox-static is missing: `scripts/test` installs it")?;
        let root = self.folder.path().join("image");
        fs::create_dir_all(root.join("bin"))?;
        fs::copy(&busybox, root.join("bin/true"))?;
        self.import(&root, BARE, &[])?;
        fs::rename(root.join("bin/true"), root.join("bin/busybox"))?;
        let applets = Command::new(&busybox).arg("--list").output()?;
        for applet in String::from_utf8(applets.stdout)?.lines().filter(|applet| *applet != "busybox") {
            std::os::unix::fs::symlink("busybox", root.join("bin").join(applet))?;
        }
        self.import(&root, TOOLS, &["ENV FROM_IMAGE=yes"])?;
        self.import(&root, OTHER_USER, &["USER 4321:4321"])?;
        Ok(fs::remove_dir_all(root)?)
    }

    fn import(&self, root: &Path, image: &str, changes: &[&str]) -> Result<()> {
        let tar = self.folder.path().join("image.tar");
        let made = Command::new("tar").arg("-C").arg(root).arg("-cf").arg(&tar).arg(".").status()?;
        ensure!(made.success(), "tar failed");
        let changes: String = changes.iter().map(|change| format!("&changes={}", change.replace(' ', "%20"))).collect();
        // Podman heeds a tag only within `repo`.
        let path = format!("/images/create?fromSrc=-&repo={image}{changes}");
        let data = format!("@{}", tar.display());
        let header = "Content-Type: application/x-tar";
        self.curl(&["--request", "POST", "--header", header, "--data-binary", &data, &url(&path)])?;
        Ok(fs::remove_file(tar)?)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.kind == Kind::Podman {
            // Its containers do not end with it; what a failed test left ends here.
            let _ = podman(self.folder.path())
                .and_then(|mut podman| Ok(podman.args(["rm", "--all", "--force"]).output()?));
        }
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = end(&mut keeper) {
            eprintln!("the engine did not end: {error:#}");
        }
    }
}

fn url(path: &str) -> String {
    format!("http://engine{path}")
}

fn launch(kind: Kind, folder: &Path) -> Result<Child> {
    let log = fs::OpenOptions::new().append(true).create(true).open(folder.join("log"))?;
    let socket = format!("unix://{}", folder.join("engine.sock").display());
    let mut command = match kind {
        Kind::Docker => {
            let mut command = kept(&program("dockerd").context("dockerd is missing: `scripts/test` installs it")?);
            // Containers have no network: the machine's firewall is left alone.
            command.args(["--host", &socket, "--bridge", "none", "--iptables=false", "--ip6tables=false"]);
            for (flag, name) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "pid")] {
                command.arg(flag).arg(folder.join(name));
            }
            command
        }
        Kind::Podman => {
            let podman = podman(folder)?;
            let mut command = kept(Path::new(podman.get_program()));
            command.args(podman.get_args()).envs(podman.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command.args(["system", "service", "--time", "0", &socket]);
            command
        }
    };
    Ok(command.current_dir(folder).stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log).spawn()?)
}

/// The script that holds a program.
fn kept(program: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", include_str!("engine.sh"), "engine.sh"]).arg(program);
    command
}

/// Podman on data of its own.
fn podman(folder: &Path) -> Result<Command> {
    let config = folder.join("containers.conf");
    fs::write(
        &config,
        "[containers]\ndefault_ulimits=[\"nofile=1024:1024\",\"nproc=1024:1024\"]\n\
         [engine]\nruntime=\"runc\"\ncgroup_manager=\"cgroupfs\"\nevents_logger=\"file\"\n",
    )?;
    let mut command = Command::new(program("podman").context("podman is missing: `scripts/test` installs it")?);
    command.env("CONTAINERS_CONF", config).arg("--root").arg(folder.join("data"));
    command.arg("--runroot").arg(folder.join("exec")).arg("--tmpdir").arg(folder.join("tmp"));
    Ok(command)
}

fn end(keeper: &mut Child) -> Result<()> {
    drop(keeper.stdin.take());
    keeper.wait()?;
    Ok(())
}
