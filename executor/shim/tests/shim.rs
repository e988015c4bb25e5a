//! The real binary, run on real member directories.

#[path = "shim/bench.rs"]
mod bench;

use std::time::Duration;

use bench::{Bench, line};
use katonic_member::{ExitReason, Stop, StopReason, Which, kill_all, spool::Stream};

#[test]
fn exit_codes_and_signals_are_recorded() {
    let ok = Bench::new(&["true"]).finish();
    assert_eq!((ok.exit.reason, ok.exit.exit_code), (ExitReason::Completed, Some(0)));
    let seven = Bench::new(&["sh", "-c", "exit 7"]).finish();
    assert_eq!((seven.exit.reason, seven.exit.exit_code), (ExitReason::ExitCode, Some(7)));
    let killed = Bench::new(&["sh", "-c", "kill -9 $$"]).finish();
    assert_eq!((killed.exit.reason, killed.exit.signal), (ExitReason::KilledBySignal, Some(9)));
    assert!(killed.exit.started.is_some_and(|started| started <= killed.exit.ended));
}

#[test]
fn what_all_its_processes_used_is_recorded() {
    // A grandchild does the work, and its parent waits for it.
    let script = "import time\nheld = b'x' * (64 << 20)\nwhile time.process_time() < 0.2: pass";
    let ended = Bench::new(&["sh", "-c", "python3 -c \"$0\"; true", script]).finish();
    let used = ended.exit.used.expect("counted");
    assert!(used.cpu_ms >= 200 && used.peak_memory_bytes >= 64 << 20, "{used:?}");
    assert_eq!(Bench::new(&["no-such-program"]).finish().exit.used, None);
}

#[test]
fn a_program_that_is_not_there_or_cannot_run_is_a_stated_reason() {
    let none = Bench::new(&["no-such-program"]).finish();
    assert_eq!(none.exit.reason, ExitReason::CommandNotFound);
    assert!(none.text(Stream::Prepare)[0].contains("no-such-program"));
    let none = Bench::new(&["./no-such-file"]).finish();
    assert_eq!(none.exit.reason, ExitReason::CommandNotFound);
    let folder = Bench::new(&["/"]).finish();
    assert_eq!(folder.exit.reason, ExitReason::CommandNotExecutable);
    for (mode, content) in [(0o644, "#!/bin/sh\n"), (0o755, "#!/no/interpreter\n"), (0o755, "no program")] {
        let mut bench = Bench::new(&["./run"]);
        bench.file("run", content, mode);
        let ended = bench.finish();
        assert_eq!(ended.exit.reason, ExitReason::CommandNotExecutable, "{mode:o} {content}");
        assert_eq!(ended.exit.started, None);
        assert_eq!(ended.text(Stream::Prepare).len(), 1);
    }
}

#[test]
fn a_short_job_keeps_all_its_lines() {
    for _ in 0..20 {
        let ended = Bench::new(&["sh", "-c", "i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo $i; done"]).finish();
        let expected: Vec<String> = (1..=100).map(|n| n.to_string()).collect();
        assert_eq!(ended.text(Stream::Stdout), expected);
        assert_eq!(ended.exit.last_seq.map(|seq| seq.get()), Some(100));
    }
}

#[test]
fn two_hundred_thousand_lines_on_both_streams_arrive_in_order() {
    let script = "import sys\nfor i in range(100000):\n print('out', i)\n print('err', i, file=sys.stderr)";
    let ended = Bench::new(&["python3", "-c", script]).finish();
    assert_eq!(ended.records.len(), 200_000);
    for (stream, name) in [(Stream::Stdout, "out"), (Stream::Stderr, "err")] {
        let expected: Vec<String> = (0..100_000).map(|i| format!("{name} {i}")).collect();
        assert_eq!(ended.text(stream), expected);
    }
}

#[test]
fn any_bytes_arrive_and_a_long_line_is_marked() {
    let script = "import sys\nsys.stdout.buffer.write(b'\\xff\\xfe\\x1b[31m\\x00\\r\\n' + b'x' * 10485760 + b'\\nend')";
    let ended = Bench::new(&["python3", "-c", script]).finish();
    let lines: Vec<_> = ended.records.iter().filter_map(line).collect();
    assert_eq!(lines[0], (Stream::Stdout, &b"\xff\xfe\x1b[31m\x00\r"[..], false));
    let long = &lines[1..lines.len() - 1];
    assert_eq!(long.iter().map(|(_, data, _)| data.len()).sum::<usize>(), 10 * 1024 * 1024);
    assert!(long.iter().rev().skip(1).all(|(_, _, continued)| *continued));
    assert!(!long[long.len() - 1].2);
    assert_eq!(lines[lines.len() - 1].1, b"end");
}

#[test]
fn a_stop_is_delivered_as_term_and_decides_the_reason() {
    let bench =
        Bench::new(&["sh", "-c", "trap 'echo stopping; exit 0' TERM; echo ready; while :; do sleep 0.01; done"]);
    let mut running = bench.start();
    running.wait_for_line("ready");
    running.stop(StopReason::User);
    let ended = running.end();
    assert_eq!((ended.exit.reason, ended.exit.exit_code), (ExitReason::Stopped, Some(0)));
    assert_eq!(ended.text(Stream::Stdout), ["ready", "stopping"]);
}

#[test]
fn what_ignores_term_is_killed_after_the_grace() {
    let mut bench = Bench::new(&["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.01; done"]);
    bench.launch.grace = Duration::from_millis(50);
    let mut running = bench.start();
    running.wait_for_line("ready");
    running.stop(StopReason::User);
    let ended = running.end();
    assert_eq!((ended.exit.reason, ended.exit.signal), (ExitReason::Stopped, Some(9)));
}

#[test]
fn a_timeout_ends_the_command() {
    let mut bench = Bench::new(&["sleep", "600"]);
    bench.launch.timeout = Duration::from_millis(50);
    let ended = bench.finish();
    assert_eq!((ended.exit.reason, ended.exit.signal), (ExitReason::TimedOut, Some(15)));
}

#[test]
fn children_are_killed_whatever_group_or_session_they_fled_to() {
    let script = "sleep 601 & setsid sleep 602 & (setsid sh -c 'sleep 603 & sleep 604' &) ; echo started";
    let ended = Bench::new(&["sh", "-c", script]).finish();
    assert_eq!(ended.exit.reason, ExitReason::Completed);
    assert_eq!(ended.text(Stream::Stdout), ["started"]);
    assert_eq!(kill_all(Which::Session(ended.shim)).expect("looked"), 0);
    for entry in std::fs::read_dir("/proc").expect("proc") {
        let command = std::fs::read(entry.expect("an entry").path().join("cmdline")).unwrap_or_default();
        let theirs = [&b"sleep\x00601\0"[..], b"sleep\x00602\0", b"sleep\x00603\0", b"sleep\x00604\0"];
        assert!(!theirs.contains(&&command[..]), "{} is left", String::from_utf8_lossy(&command));
    }
}

#[test]
fn a_stop_before_go_means_that_nothing_ever_runs() {
    let bench = Bench::new(&["touch", "ran"]);
    bench
        .member
        .order_stop(&Stop { reason: StopReason::InputUnavailable, message: "no such commit".into() })
        .expect("ordered");
    let ended = bench.finish();
    assert_eq!(ended.exit.reason, ExitReason::InputUnavailable);
    assert_eq!(ended.text(Stream::Prepare), ["no such commit"]);
    assert!(!ended.work.join("ran").exists());
}

#[test]
fn a_second_shim_leaves_at_once() {
    let bench = Bench::new(&["true"]);
    let member = bench.member.clone();
    let ended = bench.finish();
    let again = bench::shim(&member).status().expect("a shim");
    assert_eq!(again.code(), Some(3));
    assert_eq!(member.exit().expect("read"), Some(ended.exit));
}

#[test]
fn the_command_finds_a_clean_environment_its_folder_and_no_descriptor_of_ours() {
    let mut bench =
        Bench::new(&["sh", "-c", "env | cut -d= -f1 | sort; pwd; ls /proc/self/fd; readlink /proc/self/fd/0"]);
    bench.launch.variables.insert("SEED".into(), "7".into());
    let ended = bench.finish();
    let text = ended.text(Stream::Stdout);
    let variables: Vec<&str> = text.iter().map(String::as_str).take_while(|line| !line.starts_with('/')).collect();
    for name in ["HOME", "KATONIC_ATTEMPT", "KATONIC_EXECUTION_ID", "KATONIC_METRICS", "PATH", "SEED"] {
        assert!(variables.contains(&name), "{name} is not in {variables:?}");
    }
    assert!(!variables.contains(&"CARGO_MANIFEST_DIR"));
    assert!(text.contains(&ended.work.display().to_string()));
    // `ls` itself opens the folder as 3.
    assert_eq!(text[text.len() - 5..], ["0", "1", "2", "3", "/dev/null"]);
}

#[test]
fn as_root_the_command_is_its_own_user_and_all_of_that_user_dies() {
    if !rustix::process::getuid().is_root() {
        return;
    }
    let mut bench = Bench::new(&[
        "sh",
        "-c",
        "id -u; id -G; grep NoNewPrivs /proc/self/status; echo x > /dev/stdout; sleep 605 & cat /proc/$PPID/environ || true",
    ]);
    let uid = bench.own_user();
    let ended = bench.finish();
    let text = ended.text(Stream::Stdout);
    assert_eq!(text[..3], [uid.to_string(), uid.to_string(), "NoNewPrivs:\t1".to_owned()]);
    assert_eq!(text[3..], ["x"]);
    assert_eq!(kill_all(Which::User(uid)).expect("looked"), 0);
}

#[test]
fn a_fork_bomb_that_prints_is_ended_by_its_timeout() {
    if !rustix::process::getuid().is_root() {
        return;
    }
    let mut bench = Bench::new(&["sh", "-c", "f() { echo boom; f & f; }; f"]);
    let uid = bench.own_user();
    bench.launch.limits.push(katonic_member::Limit { resource: katonic_member::Resource::Processes, value: 60 });
    bench.launch.timeout = Duration::from_millis(300);
    bench.launch.grace = Duration::from_millis(10);
    let ended = bench.finish();
    assert!(matches!(ended.exit.reason, ExitReason::TimedOut | ExitReason::ExitCode), "{:?}", ended.exit);
    assert_eq!(kill_all(Which::User(uid)).expect("looked"), 0);
}

#[test]
fn a_term_to_a_waiting_shim_leaves_the_member_to_another() {
    let bench = Bench::new(&["true"]);
    let member = bench.member.clone();
    let running = bench.start_without_go();
    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.code(), Some(3));
    assert!(!member.is_started());
}
