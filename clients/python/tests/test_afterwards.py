"""What is known and said of jobs: series, usage, notes, and jobs beside each other."""

import pandas as pd
import pytest

from katonic import Client, Job
from katonic.errors import InvalidError, StaleError

SCRIPT = """
printf '{"step": %d, "loss": %s}\\n' 0 $KATONIC_PARAM_LOSS 1 0.5 > $KATONIC_METRICS
echo '{"step": 1, "loss": 0.25, "accuracy": 0.75}' >> $KATONIC_METRICS
"""


def measured(client: Client, project: str, loss: float) -> Job:
    job = client.run(["sh", "-c", SCRIPT], project=project, params={"loss": loss}, wait=True)
    assert job.metrics == {"step": 1, "loss": 0.25, "accuracy": 0.75}
    return job


def test_what_was_logged_is_read_by_step_and_as_a_data_frame(client: Client, project: str) -> None:
    series = measured(client, project, 0.9).series()
    assert list(series) == ["accuracy", "loss"]
    assert (series["loss"].steps, series["loss"].values, series["loss"].count) == ([0, 1, 1], [0.9, 0.5, 0.25], 3)
    assert series.rows() == [{"step": 0, "loss": 0.9}, {"step": 1, "accuracy": 0.75, "loss": 0.25}]
    frame = pd.DataFrame(series.rows()).set_index("step")
    assert list(frame["loss"]) == [0.9, 0.25]
    assert pd.isna(frame["accuracy"].loc[0])


def test_series_are_those_that_are_named(client: Client, project: str) -> None:
    job = measured(client, project, 0.9)
    assert list(job.series("loss")) == ["loss"]
    assert job.series("none") == {}
    assert client.run("true", project=project, wait=True).series().rows() == []


def test_what_a_job_used_is_read(client: Client, project: str) -> None:
    job = client.run("true", project=project, wait=True)
    used = job.usage(attempt=1, max_points=1)
    assert used.usage is not None
    assert job.execution.usage is not None
    assert used.usage.run_time == job.execution.usage.run_time
    assert all(member.member_id.startswith(job.id) for member in used.members)
    with pytest.raises(InvalidError):
        job.usage(attempt=7)


def test_what_people_say_of_a_job_changes_in_whatever_phase(client: Client, project: str) -> None:
    job = client.run("true", project=project, tags=["first"], title="a try")
    stale = job.execution.etag
    job.edit(notes="overfits\nfrom epoch 3", tags=["best", "first"])
    assert (job.title, job.tags, job.notes) == ("a try", ["best", "first"], "overfits\nfrom epoch 3")
    with pytest.raises(StaleError):
        job.edit(title="lost", etag=stale)
    job.wait().edit(title="", tags=[], etag=job.execution.etag)
    assert (job.title, job.tags, job.notes) == ("true", [], "overfits\nfrom epoch 3")

    assert job.edit(archived=True).archived
    assert client.runs(project=project) == []
    assert not job.edit(archived=False, notes="").archived
    assert client.job(job.id).notes == ""
    assert [row.id for row in client.runs(project=project)] == [job.id]
    with pytest.raises(InvalidError) as refused:
        job.edit(tags=["a b"])
    assert set(refused.value.violations) == {"tags"}


def test_jobs_beside_each_other_are_rows(client: Client, project: str) -> None:
    one, other = measured(client, project, 0.9), measured(client, project, 0.8)
    failed = client.run("false", project=project, wait=True)
    frame = pd.DataFrame(client.compare(one, other.id)).set_index("name")
    assert set(frame.index[frame["differs"]]) <= {"param.loss", "queued", "duration"}
    assert list(frame.loc["param.loss", [one.id, other.id]]) == ["0.9", "0.8"]
    assert list(frame.loc["metric.loss", [one.id, other.id]]) == [0.25, 0.25]

    rows = {row["name"]: row for row in client.compare(one, failed)}
    assert rows["exit_code"] == {"name": "exit_code", "differs": True, one.id: 0, failed.id: 1}
    assert (rows["phase"][one.id], rows["phase"][failed.id]) == ("succeeded", "failed")
    assert (rows["metric.loss"]["differs"], rows["metric.loss"][failed.id]) == (True, None)
    assert rows["grace"] == {"name": "grace", "differs": False, one.id: 30.0, failed.id: 30.0}
    assert "tags" not in rows
