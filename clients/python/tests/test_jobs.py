"""Run, follow, wait, stop: the sync client."""

import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

import katonic
from katonic import Client, JobFailedError
from katonic.errors import ConflictError, UnprocessableError

from .proxy import CuttingProxy


def test_a_job_runs_shows_its_log_and_succeeds(client: Client, project: str) -> None:
    job = client.run(["sh", "-c", "echo hello; echo careful >&2"], project=project)
    lines = list(job.logs())
    assert sorted((line.stream, line.text) for line in lines) == [("stderr", "careful"), ("stdout", "hello")]
    assert job.wait().succeeded
    assert (job.phase, job.reason, job.exit_code) == ("succeeded", "COMPLETED", 0)
    assert [line.text for line in job.logs(follow=False, stream="stdout")] == ["hello"]


def test_a_job_that_fails_says_why(client: Client, project: str) -> None:
    job = client.run("sh -c 'exit 3'", project=project, wait=True)
    assert (job.phase, job.reason, job.exit_code) == ("failed", "EXIT_CODE", 3)
    assert job.reason_text
    with pytest.raises(JobFailedError, match=job.id) as failed:
        job.wait(check=True)
    assert (failed.value.reason, failed.value.exit_code) == ("EXIT_CODE", 3)


def test_a_job_is_stopped(client: Client, project: str) -> None:
    job = client.run(["sh", "-c", "echo ready; exec sleep 600"], project=project, grace=5)
    assert next(job.logs()).text == "ready"
    job.stop()
    assert (job.wait().phase, job.reason) == ("stopped", "STOPPED_BY_USER")
    with pytest.raises(ConflictError) as refused:
        job.stop(discard=True)
    assert refused.value.reason == "OUTCOME_FIXED"


def test_a_job_that_takes_too_long_is_ended(client: Client, project: str) -> None:
    job = client.run("sleep 600", project=project, timeout=1, wait=True)
    assert job.reason == "TIMED_OUT"


def test_who_gives_up_waiting_leaves_the_job_running(client: Client, project: str) -> None:
    job = client.run("sleep 600", project=project)
    with pytest.raises(TimeoutError) as given_up:
        job.wait(timeout=0.2)
    assert job.id in "".join(given_up.value.__notes__)
    assert not job.refresh().ended
    assert job.explain().summary
    assert job.stop().wait().phase == "stopped"


def test_an_interrupt_while_waiting_leaves_the_job_running(
    client: Client, project: str, proxy: CuttingProxy, token: str
) -> None:
    job = client.run("sleep 600", project=project)

    def interrupt() -> None:
        proxy.wait_until_asked(b":watch")
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    with Client(proxy.url, token) as waiting:
        watched = waiting.job(job.id)
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt) as interrupted:
            watched.wait()
    assert job.id in "".join(interrupted.value.__notes__)
    assert not job.refresh().ended
    job.stop().wait()


def test_what_a_job_is_given_and_what_it_measured(client: Client, project: str) -> None:
    script = 'echo "rate $KATONIC_PARAM_RATE flag $KATONIC_PARAM_FLAG"; echo "{\\"loss\\": 0.25}" > $KATONIC_METRICS'
    job = client.run(
        ["sh", "-c", script],
        project=project,
        params={"rate": 0.1, "flag": True},
        tags=["sweep"],
        title="a try",
        priority="low",
        wait=True,
    )
    assert [line.text for line in job.logs()] == ["rate 0.1 flag true"]
    assert job.metrics == {"loss": 0.25}
    assert (job.title, job.tags, job.params) == ("a try", ["sweep"], {"rate": "0.1", "flag": "true"})
    assert client.job(job.id).metrics == job.metrics


def test_one_key_is_one_job(client: Client, project: str) -> None:
    first = client.run("echo once", project=project, idempotency_key=project)
    again = client.run("echo once", project=project, idempotency_key=project)
    assert first.id == again.id
    assert client.run("echo once", project=project).id != first.id
    with pytest.raises(UnprocessableError) as refused:
        client.run("echo twice", project=project, idempotency_key=project)
    assert refused.value.reason == "IDEMPOTENCY_KEY_REUSED"


def test_a_submit_whose_answer_is_lost_is_one_job(
    client: Client, project: str, proxy: CuttingProxy, token: str
) -> None:
    first = client.run("true", project=project, wait=True)
    with Client(proxy.url, token) as unlucky:
        proxy.allowance, proxy.cuts_left = 0, 1
        job = unlucky.run("true", project=first.project_id)
    assert proxy.cuts == 1
    assert [row.id for row in client.runs(project=project)] == [job.id, first.id]


def test_a_folder_is_sent_along(client: Client, project: str, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    for name, text in {
        "train.py": "print('trained')",
        ".gitignore": "*.tmp\n",
        "left.tmp": "out",
        "data/a b.csv": "1\r\n",
        "inner/code.c": "nested",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    (folder / "link").symlink_to("train.py")
    commit_something(folder / "inner")

    job = client.run(["sh", "-c", "find . ! -type d | sort && cat 'data/a b.csv'"], project=project, folder=folder)
    lines = [line.text for line in job.logs(stream="stdout")]
    assert lines == ["./.gitignore", "./data/a b.csv", "./inner/code.c", "./link", "./train.py", "1\r"]
    again = client.run("true", project=project, folder=folder)
    assert again.execution.spec is not None
    assert job.execution.spec is not None
    assert again.execution.spec.input_commit == job.execution.spec.input_commit
    assert not (folder / ".git").exists()


def commit_something(folder: Path) -> None:
    environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "EMAIL": "nobody@example.invalid"}
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "inner"]):
        subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True)


def test_a_folder_without_files_is_no_obstacle(client: Client, project: str, tmp_path: Path) -> None:
    assert client.run("true", project=project, folder=tmp_path, wait=True).succeeded


def test_a_folder_says_its_project(client: Client, project: str, tmp_path: Path) -> None:
    (tmp_path / ".katonic.toml").write_text(f'project = "{project}"\n')
    job = client.run("true", folder=tmp_path)
    assert [known.name for known in client.projects() if known.project_id == job.project_id] == [project]


@pytest.mark.usefixtures("url", "token")
def test_the_package_itself_is_a_client(project: str) -> None:
    job = katonic.run("echo short", project=project, wait=True)
    assert [str(line) for line in job.logs()] == ["short"]
    assert katonic.job(job.id).succeeded
    assert [row.id for row in katonic.runs(project=project)] == [job.id]
    assert project in [known.name for known in katonic.projects()]
    found = katonic.events(project=project, types=["io.katonic.execution.finished.v1"], from_start=True)
    assert next(found).subject == job.id
