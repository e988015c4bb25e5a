"""Jobs as rows of a table."""

import time

import pandas as pd
import pytest

from katonic import Client
from katonic.api import models, operations

from .proxy import CuttingProxy


def measured(client: Client, project: str, rate: float, loss: float) -> str:
    script = f'echo \'{{"loss": {loss}, "val": {{"accuracy": {1 - loss}}}}}\' > $KATONIC_METRICS'
    job = client.run(["sh", "-c", script], project=project, params={"rate": rate}, tags=["sweep"], wait=True)
    assert job.succeeded
    return job.id


def test_runs_are_a_data_frame(client: Client, project: str) -> None:
    ids = [measured(client, project, rate, loss) for rate, loss in [(0.1, 0.5), (0.01, 0.25)]]
    client.run("false", project=project, wait=True)
    frame = pd.DataFrame(client.runs(project=project))
    assert list(frame["phase"]) == ["failed", "succeeded", "succeeded"]
    assert list(frame["id"])[1:] == ids[::-1]
    best = frame.sort_values("metric.loss").iloc[0]
    assert (best["id"], best["param.rate"], best["metric.val.accuracy"]) == (ids[1], "0.01", 0.75)
    assert frame["created"].is_monotonic_decreasing
    assert (frame["duration"] >= 0).all()
    assert pd.isna(frame["metric.loss"].iloc[0])


def test_rows_have_typed_access_too(client: Client, project: str) -> None:
    measured(client, project, 0.1, 0.5)
    (row,) = client.runs(project=project)
    assert (row.phase, row.params, row.metrics) == ("succeeded", {"rate": "0.1"}, {"loss": 0.5, "val.accuracy": 0.5})


def test_a_query_finds_runs(client: Client, project: str) -> None:
    ids = [measured(client, project, 0.1, loss) for loss in (0.5, 0.25, 0.75)]
    expected = [ids[1], ids[0]]
    while True:  # the index follows the events
        rows = client.runs("metric.loss<0.6 tag:sweep", project=project, sort="metric.loss:asc")
        if len(rows) >= len(expected):
            break
        time.sleep(0.1)
    assert [row.id for row in rows] == expected
    assert client.runs("metric.loss<0.1", project=project) == []


@pytest.mark.parametrize("query", [None, "tag:paged"])
def test_more_than_a_page_is_listed(
    client: Client, project: str, monkeypatch: pytest.MonkeyPatch, query: str | None
) -> None:
    ids = [client.run("true", project=project, tags=["paged"], wait=True).id for _ in range(5)]
    while len(client.runs("phase:succeeded", project=project)) < len(ids):  # the index follows the events
        time.sleep(0.1)
    monkeypatch.setattr("katonic._wire.PAGE", 2)
    assert [row.id for row in client.runs(query, project=project)] == ids[::-1]
    assert [row.id for row in client.runs(query, project=project, limit=3)] == ids[:1:-1]


def test_a_list_that_breaks_off_is_asked_for_again(
    client: Client, project: str, proxy: CuttingProxy, token: str
) -> None:
    ids = [client.run("true", project=project, params={"long": "x" * 2000}).id for _ in range(8)]
    project_id = client.job(ids[0]).project_id
    proxy.allowance, proxy.cuts_left = 10_000, 1
    with Client(proxy.url, token) as unlucky:
        assert [row.id for row in unlucky.runs(project=project_id)] == ids[::-1]
    assert proxy.cuts == 1


def test_all_projects_are_listed(client: Client, project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {f"{project}-{n}" for n in range(3)}
    for name in names:
        client.call(operations.CREATE_PROJECT, models.CreateProjectRequest(name=name))
    monkeypatch.setattr("katonic._wire.PAGE", 2)
    listed = [known.name for known in client.projects()]
    assert names <= set(listed)
    assert len(listed) == len(set(listed))
