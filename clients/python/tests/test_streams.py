"""Streams go on across whatever happens to the connection: no line twice, none lost."""

import threading
from contextlib import aclosing, closing

from katonic import AsyncClient, Client

from .proxy import CuttingProxy

LINES = [f"{n:0400}" for n in range(1, 10_001)]
COMMAND = ["seq", "-f", "%0400g", "10000"]
# More than an answer, so that each connection brings something, and less than half of the log.
ALLOWANCE = 2_000_000


def test_ten_thousand_lines_come_in_order(client: Client, project: str) -> None:
    job = client.run(COMMAND, project=project)
    assert [line.text for line in job.logs()] == LINES
    assert [line.text for line in job.logs(follow=False)] == LINES


def test_a_log_is_followed_across_broken_connections(
    client: Client, project: str, proxy: CuttingProxy, token: str
) -> None:
    job = client.run(COMMAND, project=project)
    proxy.allowance = ALLOWANCE
    with Client(proxy.url, token) as unlucky:
        lines = [line.text for line in unlucky.job(job.id).logs()]
    assert lines == LINES
    assert proxy.cuts > 1


async def test_a_log_is_followed_across_broken_connections_async(
    async_client: AsyncClient, project: str, proxy: CuttingProxy, token: str
) -> None:
    job = await async_client.run(COMMAND, project=project)
    proxy.allowance = ALLOWANCE
    async with AsyncClient(proxy.url, token) as unlucky:
        lines = [line.text async for line in (await unlucky.job(job.id)).logs()]
    assert lines == LINES
    assert proxy.cuts > 1


def test_a_job_that_still_writes_is_followed_across_a_cut(
    client: Client, project: str, proxy: CuttingProxy, token: str
) -> None:
    script = "for n in 1 2 3 4 5; do echo $n; done; sleep 2; for n in 6 7 8 9; do echo $n; done"
    job = client.run(["sh", "-c", script], project=project)
    with Client(proxy.url, token) as unlucky:
        seen = []
        for line in unlucky.job(job.id).logs():
            seen.append(line.text)
            if line.text == "5":
                proxy.cut()
    assert seen == list("123456789")


def test_waiting_goes_on_across_a_cut(client: Client, project: str, proxy: CuttingProxy, token: str) -> None:
    job = client.run("sleep 600", project=project)

    def disturb() -> None:
        proxy.wait_until_asked(b":watch")
        proxy.cut()
        job.stop()

    with Client(proxy.url, token) as unlucky:
        watched = unlucky.job(job.id)
        disturbing = threading.Thread(target=disturb)
        disturbing.start()
        assert watched.wait().phase == "stopped"
        disturbing.join()


def test_events_are_followed_across_a_cut_and_from_a_cursor(
    client: Client, project: str, proxy: CuttingProxy, token: str
) -> None:
    jobs = [client.run("true", project=project, wait=True).id for _ in range(3)]
    types = ["io.katonic.execution.queued.*", "io.katonic.execution.finished.*"]
    expected = [(job, fact) for job in jobs for fact in ("queued", "finished")]
    with Client(proxy.url, token) as unlucky:
        seen = []
        with closing(unlucky.events(project=project, types=types, from_start=True)) as events:
            for event in events:
                seen.append(event)
                proxy.cut()
                if len(seen) == len(expected):
                    break
    assert [(event.subject, event.type.split(".")[3]) for event in seen] == expected
    assert all(event.project_id == seen[0].data["projectId"] for event in seen)

    with closing(client.events(project=project, types=types, cursor=seen[2].cursor)) as rest:
        assert [next(rest).id for _ in seen[3:]] == [event.id for event in seen[3:]]


async def test_events_of_one_thing_are_followed(async_client: AsyncClient, project: str) -> None:
    job = await async_client.run("true", project=project, wait=True)
    async with aclosing(async_client.events(project=project, subject=job.id, from_start=True)) as events:
        async for event in events:
            if event.type == "io.katonic.execution.finished.v1":
                assert event.data["executionId"] == job.id
                break
