//! A member directory with a shim on it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use katonic_member::{
    Exit, Launch, Liveness, MemberDir, Members, RunAs, Stop, StopReason,
    spool::{Content, Reader, Record, Seq, Stream},
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Longer than any test needs on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Bench {
    pub member: MemberDir,
    pub launch: Launch,
    folder: TempDir,
}

pub struct Running {
    child: Child,
    bench: Bench,
}

pub struct Ended {
    pub exit: Exit,
    pub records: Vec<Record>,
    pub work: PathBuf,
    pub shim: i32,
    _folder: TempDir,
}

impl Bench {
    pub fn new(command: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("passable");
        let launch = Launch {
            member_id: "exe_01h455vb4pex5vsknk084sn02q/1/main/0".into(),
            execution_id: "exe_01h455vb4pex5vsknk084sn02q".into(),
            project_id: "prj_01h455vb4pex5vsknk084sn02q".into(),
            attempt: 1,
            command: command.iter().map(|part| (*part).to_owned()).collect(),
            variables: BTreeMap::new(),
            path: "/usr/local/bin:/usr/bin:/bin".into(),
            folder: folder.path().join("attempt"),
            run_as: None,
            timeout: Duration::from_secs(100),
            grace: Duration::from_secs(30),
            limits: Vec::new(),
            spool_limit_bytes: None,
            traceparent: None,
        };
        fs::create_dir_all(launch.work_folder()).expect("a work folder");
        let members = Members::open(folder.path().join("members")).expect("members");
        let member = members.create("exe-1-1-main-0", &launch, "kmt_ticket").expect("a member");
        Self { member, launch, folder }
    }

    /// Gives the command a user of its own.
    pub fn own_user(&mut self) -> u32 {
        // Tests run at the same time: one user each.
        let uid = 700_000 + u32::from_le_bytes(rand_bytes()) % 1_000_000;
        std::os::unix::fs::chown(&self.launch.folder, Some(uid), Some(uid)).expect("owned");
        std::os::unix::fs::chown(self.launch.work_folder(), Some(uid), Some(uid)).expect("owned");
        self.launch.run_as = Some(RunAs { uid, gid: uid });
        uid
    }

    pub fn file(&mut self, name: &str, content: &str, mode: u32) {
        let path = self.launch.work_folder().join(name);
        fs::write(&path, content).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("permitted");
    }

    pub fn start_without_go(self) -> Running {
        self.member.write("launch.json", &self.launch).expect("a launch");
        let child = shim(&self.member).spawn().expect("a shim");
        let running = Running { child, bench: self };
        wait_until(|| matches!(running.bench.member.liveness(), Ok(Liveness::Running(Some(_)))).then_some(()));
        running
    }

    pub fn start(self) -> Running {
        self.member.go().expect("go");
        self.member.write("launch.json", &self.launch).expect("a launch");
        let child = shim(&self.member).spawn().expect("a shim");
        Running { child, bench: self }
    }

    pub fn finish(self) -> Ended {
        self.start().end()
    }
}

impl Running {
    pub fn stop(&self, reason: StopReason) {
        self.bench.member.order_stop(&Stop { reason, message: String::new() }).expect("ordered");
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a pid");
        kill_process(pid, signal).expect("sent");
    }

    pub fn code(mut self) -> Option<i32> {
        self.child.wait().expect("ended").code()
    }

    pub fn wait_for_line(&mut self, text: &str) {
        let mut reader = Reader::open(self.bench.member.spool(), Seq::FIRST);
        wait_until(|| {
            let records = reader.read(usize::MAX).expect("read");
            records.iter().filter_map(line).any(|(_, data, _)| data == text.as_bytes()).then_some(())
        });
    }

    pub fn end(mut self) -> Ended {
        let status = wait_until(|| self.child.try_wait().expect("asked"));
        assert!(status.success(), "the shim failed: {status}");
        let member = &self.bench.member;
        let records = Reader::open(member.spool(), Seq::FIRST).read(usize::MAX).expect("read");
        let exit = member.exit().expect("read").expect("an exit record");
        assert_eq!(records.last().map(Record::last_seq), exit.last_seq);
        for (record, seq) in records.iter().zip(1..) {
            assert_eq!(record.seq.get(), seq, "sequences have holes");
        }
        let shim = i32::try_from(self.child.id()).expect("a pid");
        Ended { exit, records, work: self.bench.launch.work_folder(), shim, _folder: self.bench.folder }
    }
}

impl Ended {
    pub fn text(&self, wanted: Stream) -> Vec<String> {
        let lines = self.records.iter().filter_map(line).filter(|(stream, _, _)| *stream == wanted);
        lines.map(|(_, data, _)| String::from_utf8_lossy(data).into_owned()).collect()
    }
}

pub fn shim(member: &MemberDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_katonic-shim"));
    command.arg(member.path());
    command
}

pub fn line(record: &Record) -> Option<(Stream, &[u8], bool)> {
    match &record.content {
        Content::Line { stream, data, continued } => Some((*stream, data, *continued)),
        Content::Gap { .. } => None,
    }
}

/// Level-triggered: looks until it is so, with a generous limit.
fn wait_until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let limit = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < limit, "it did not come to be");
        thread::park_timeout(Duration::from_millis(2));
    }
}

fn rand_bytes() -> [u8; 4] {
    let mut bytes = [0; 4];
    fs::File::open("/dev/urandom")
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut bytes))
        .expect("random");
    bytes
}
