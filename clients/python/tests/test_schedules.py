"""Jobs by a timetable: kept, not waited for."""

from pathlib import Path

import pytest

from katonic import AsyncClient, Client, JobSpec
from katonic.errors import ConflictError, InvalidError, NotFoundError, StaleError


def test_a_schedule_is_made_shown_and_listed(client: Client, project: str) -> None:
    job = JobSpec("python3 report.py", params={"lr": 1}, tags=["nightly"], retries=1)
    made = client.schedules.create(
        "nightly", job, cron="0 3 * * *", zone="Europe/Berlin", overlap="replace", catch_up=3, project=project
    )
    assert (made.name, made.cron, made.zone) == ("nightly", "0 3 * * *", "Europe/Berlin")
    assert (made.overlap, made.catch_up, made.catch_up_limit) == ("OVERLAP_REPLACE", "CATCH_UP_ALL", 3)
    assert made.job is not None
    assert (made.job.command, made.job.params, made.job.tags) == (["python3", "report.py"], {"lr": "1"}, ["nightly"])
    assert made.job.retry is not None
    assert made.job.retry.max_attempts == 2
    shown = client.schedules.show("nightly", project=project)
    assert (shown.schedule_id, len(shown.next_ticks)) == (made.schedule_id, 10)
    other = client.schedules.create("weekly", JobSpec("true"), cron="@weekly", paused=True, project=project)
    assert (other.paused, other.zone, other.overlap) == (True, "UTC", "OVERLAP_FORBID")
    assert [known.name for known in client.schedules.list(project=project)] == ["weekly", "nightly"]


def test_a_schedule_is_changed_in_what_is_given(client: Client, project: str) -> None:
    made = client.schedules.create("again", JobSpec("true"), cron="@yearly", catch_up=2, project=project)
    changed = client.schedules.update("again", project=project, zone="Asia/Tokyo", catch_up="last", etag=made.etag)
    assert (changed.cron, changed.zone) == (made.cron, "Asia/Tokyo")
    assert (changed.catch_up, changed.catch_up_limit) == ("CATCH_UP_LAST", 0)
    assert changed.job == made.job
    with pytest.raises(StaleError):
        client.schedules.update(made.schedule_id, overlap="allow", etag=made.etag)
    assert client.schedules.pause(made.schedule_id).paused
    assert client.schedules.show("again", project=project).next_ticks == []
    resumed = client.schedules.resume("again", project=project)
    assert not resumed.paused
    assert resumed.zone == "Asia/Tokyo"


def test_a_schedule_has_the_files_of_a_folder_or_follows_main(client: Client, project: str, tmp_path: Path) -> None:
    (tmp_path / ".katonic.toml").write_text(f'project = "{project}"\n')
    made = client.schedules.create("pinned", JobSpec("true"), cron="@yearly", folder=tmp_path)
    assert made.job is not None
    pinned = made.job.commit
    assert pinned
    follows = client.schedules.update(made.schedule_id, job=JobSpec("false"))
    assert follows.job is not None
    assert (follows.job.command, follows.job.commit or "") == (["false"], "")
    again = client.schedules.update(made.schedule_id, job=JobSpec("false"), folder=tmp_path)
    assert again.job is not None
    assert again.job.commit == pinned
    with pytest.raises(InvalidError, match="`job`"):
        client.schedules.update(made.schedule_id, folder=tmp_path)


def test_what_is_wrong_with_a_schedule_is_named(client: Client, project: str) -> None:
    with pytest.raises(InvalidError) as refused:
        client.schedules.create("wrong", JobSpec("true"), cron="nonsense", project=project)
    assert set(refused.value.violations) == {"cron"}
    with pytest.raises(InvalidError) as refused:
        client.schedules.create("wrong", JobSpec([]), cron="@daily", project=project)
    assert set(refused.value.violations) == {"job.command"}
    client.schedules.create("twice", JobSpec("true"), cron="@yearly", project=project)
    with pytest.raises(ConflictError) as taken:
        client.schedules.create("twice", JobSpec("true"), cron="@yearly", project=project)
    assert taken.value.reason == "SCHEDULE_EXISTS"


def test_a_deleted_schedule_is_gone(client: Client, project: str) -> None:
    client.schedules.create("gone", JobSpec("true"), cron="@yearly", project=project)
    client.schedules.delete("gone", project=project)
    assert client.schedules.list(project=project) == []
    with pytest.raises(NotFoundError) as refused:
        client.schedules.show("gone", project=project)
    assert refused.value.reason == "SCHEDULE_NOT_FOUND"
    with pytest.raises(NotFoundError) as refused:
        client.schedules.list(project=f"{project}-none")
    assert refused.value.reason == "PROJECT_NOT_FOUND"


def test_more_than_a_page_is_listed(client: Client, project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"n{n}" for n in range(3)]
    for name in names:
        client.schedules.create(name, JobSpec("true"), cron="@yearly", project=project)
    monkeypatch.setattr("katonic._wire.PAGE", 2)
    assert [known.name for known in client.schedules.list(project=project)] == names[::-1]
    assert client.schedules.show(names[0], project=project).name == names[0]


async def test_schedules_are_kept_by_the_async_client(async_client: AsyncClient, project: str) -> None:
    schedules = async_client.schedules
    made = await schedules.create("nightly", JobSpec("true"), cron="@daily", project=project)
    assert (await schedules.pause("nightly", project=project)).paused
    assert not (await schedules.resume(made.schedule_id)).paused
    assert (await schedules.update("nightly", project=project, cron="@weekly")).cron != made.cron
    assert [known.schedule_id for known in await schedules.list(project=project)] == [made.schedule_id]
    await schedules.delete("nightly", project=project)
    assert (await schedules.show(made.schedule_id)).delete_time is not None
