"""Tried again, one after another, once more, many at once."""

from pathlib import Path

import pytest

import katonic
from katonic import Client, JobSpec
from katonic.errors import InvalidError


def test_a_job_that_fails_is_tried_again(client: Client, project: str) -> None:
    script = "echo attempt $KATONIC_ATTEMPT; test $KATONIC_ATTEMPT = 2"
    job = client.run(["sh", "-c", script], project=project, retries=2, retry_on=["user"], retry_after=0)
    assert [(line.text, line.attempt) for line in job.logs()] == [("attempt 1", 1), ("attempt 2", 2)]
    assert job.wait().succeeded
    assert [attempt.reason for attempt in job.execution.attempts] == ["REASON_EXIT_CODE", "REASON_COMPLETED"]


def test_retries_that_cannot_be_meant_are_named(client: Client, project: str) -> None:
    with pytest.raises(InvalidError) as refused:
        client.run("true", project=project, retries=20, retry_on=["success"], retry_after=3601)
    assert set(refused.value.violations) == {"retry.max_attempts", "retry.backoff", "retry.classes"}
    for option in ({"retry_on": ["user"]}, {"retry_after": 1}):
        with pytest.raises(InvalidError, match="`retries`"):
            client.run("true", project=project, **option)


def test_a_job_runs_after_others(client: Client, project: str) -> None:
    slow = client.run("sleep 600", project=project)
    strict = client.run("true", project=project, after=[slow])
    (row,) = [row for row in client.runs(project=project) if row.id == slow.id]
    patient = client.run("true", project=project, after_any=[row])
    both = client.run("true", project=project, after=[patient.id], after_any=[strict])
    assert [open_.execution_id for open_ in strict.explain().dependencies] == [slow.id]
    slow.stop()
    assert strict.wait().reason == "DEPENDENCY_FAILED"
    assert strict.execution.failed_dependency == slow.id
    assert patient.wait().succeeded
    assert both.wait().succeeded


def test_a_job_is_run_once_more_and_says_what_differs(client: Client, project: str) -> None:
    first = client.run(
        ["sh", "-c", "echo $KATONIC_PARAM_LR"], project=project, params={"lr": 0.1, "seed": 1}, tags=["kept"], wait=True
    )
    again = first.rerun(params={"lr": 0.2}, wait=True)
    assert again.execution.rerun_of == first.id
    assert again.differences == {"param.lr": ("0.1", "0.2")}
    assert [line.text for line in again.logs()] == ["0.2"]
    assert (again.tags, again.params) == (["kept"], {"lr": "0.2", "seed": "1"})
    assert first.rerun().differences == {}

    other = again.rerun("true", params={"new": True}, priority="low", retries=2, after=[first])
    assert other.differences == {
        "command": ("sh -c 'echo $KATONIC_PARAM_LR'", "true"),
        "priority": ("normal", "low"),
        "attempts": (1, 3),
        "param.new": (None, "true"),
    }
    assert other.wait().succeeded
    assert client.job(other.id).differences == {}


def test_one_key_is_one_rerun(client: Client, project: str) -> None:
    job = client.run("true", project=project)
    assert len({job.rerun(idempotency_key=project).id for _ in range(3)} - {job.id}) == 1


def test_many_jobs_are_accepted_in_one_call_each_with_its_own_answer(client: Client, project: str) -> None:
    jobs = [
        JobSpec(["sh", "-c", "echo $KATONIC_PARAM_LR"], params={"lr": 0.1}, tags=["many"]),
        JobSpec("true", tier="no-such-tier"),
        JobSpec("echo last", after=[0]),
        JobSpec("true", after_any=[1]),
    ]
    first, refused, last, orphan = client.run_many(jobs, project=project, idempotency_key=project)
    assert (refused.id, refused.number) == ("", 0)
    assert refused.error is not None
    assert refused.error.reason == "UNKNOWN_TIER"
    assert orphan.error is not None
    assert set(orphan.error.violations) == {"after_items"}
    assert client.job(last.id).wait().succeeded
    job = client.job(first.id)
    assert (job.number, job.tags, [line.text for line in job.logs()]) == (first.number, ["many"], ["0.1"])
    assert [(after.execution_id, after.condition) for after in client.job(last.id).execution.after] == [
        (first.id, "DEPENDENCY_CONDITION_SUCCEEDED")
    ]
    again = client.run_many(jobs, project=project, idempotency_key=project)
    assert [(answer.id, answer.replayed) for answer in again if not answer.error] == [(first.id, True), (last.id, True)]


def test_many_jobs_have_the_files_of_a_folder(client: Client, project: str, tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("given\n")
    answers = client.run_many([JobSpec("cat data.txt")] * 2, project=project, folder=tmp_path)
    for answer in answers:
        assert [line.text for line in client.job(answer.id).logs()] == ["given"]


def test_too_many_jobs_or_none_are_refused_as_a_whole(client: Client, project: str) -> None:
    for count in (0, 1_001):
        with pytest.raises(InvalidError) as refused:
            client.run_many([JobSpec("true")] * count, project=project)
        assert set(refused.value.violations) == {"jobs"}


@pytest.mark.usefixtures("url", "token")
def test_the_package_itself_runs_many_and_compares_them(project: str) -> None:
    jobs = [JobSpec("true", params={"lr": rate}) for rate in (0.1, 0.2)]
    one, other = katonic.run_many(jobs, project=project)
    after = katonic.run("true", project=project, retries=1, after=[one], after_any=[other], wait=True)
    assert after.succeeded
    (rate,) = [row for row in katonic.compare(one, other) if row["name"] == "param.lr"]
    assert rate == {"name": "param.lr", "differs": True, one.id: "0.1", other.id: "0.2"}
