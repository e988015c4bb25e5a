"""The same with the async client."""

import asyncio

import pytest

from katonic import AsyncClient, JobFailedError, JobSpec
from katonic.errors import NotFoundError


async def test_a_job_runs_shows_its_log_and_succeeds(async_client: AsyncClient, project: str) -> None:
    job = await async_client.run(["sh", "-c", "echo hello; echo careful >&2"], project=project)
    lines = [line async for line in job.logs()]
    assert sorted((line.stream, line.text) for line in lines) == [("stderr", "careful"), ("stdout", "hello")]
    assert (await job.wait()).succeeded
    assert [line.text async for line in job.logs(follow=False, stream="stderr")] == ["careful"]


async def test_a_job_that_fails_says_why(async_client: AsyncClient, project: str) -> None:
    job = await async_client.run("sh -c 'exit 3'", project=project)
    with pytest.raises(JobFailedError) as failed:
        await job.wait(check=True)
    assert failed.value.exit_code == 3


async def test_a_job_is_stopped(async_client: AsyncClient, project: str) -> None:
    job = await async_client.run(["sh", "-c", "echo ready; exec sleep 600"], project=project)
    async for line in job.logs():
        assert line.text == "ready"
        break
    await job.stop()
    assert (await job.wait()).phase == "stopped"


async def test_waiting_can_be_cancelled(async_client: AsyncClient, project: str) -> None:
    job = await async_client.run("sleep 600", project=project)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(job.wait(), 0.2)
    with pytest.raises(TimeoutError):
        await job.wait(timeout=0.2)
    assert not (await job.refresh()).ended
    assert (await job.explain()).summary
    await job.stop()
    await job.wait()


async def test_many_jobs_are_followed_at_once(async_client: AsyncClient, project: str) -> None:
    async def say(word: int) -> list[str]:
        job = await async_client.run(f"echo {word}", project=project)
        return [line.text async for line in job.logs()]

    assert await asyncio.gather(*map(say, range(8))) == [[str(word)] for word in range(8)]
    assert len(await async_client.runs(project=project)) == 8


async def test_one_key_is_one_job(async_client: AsyncClient, project: str) -> None:
    async def submit() -> str:
        return (await async_client.run("true", project=project, idempotency_key=project)).id

    assert len(set(await asyncio.gather(*(submit() for _ in range(4))))) == 1


async def test_what_is_not_there_is_said(async_client: AsyncClient) -> None:
    with pytest.raises(NotFoundError) as refused:
        await async_client.runs(project="there-is-none")
    assert refused.value.reason == "PROJECT_NOT_FOUND"


async def test_jobs_are_launched_again_and_beside_each_other(async_client: AsyncClient, project: str) -> None:
    script = 'echo "{\\"step\\": 0, \\"loss\\": $KATONIC_PARAM_LR}" > $KATONIC_METRICS; test $KATONIC_ATTEMPT = 2'
    first = await async_client.run(
        ["sh", "-c", script], project=project, params={"lr": 0.1}, retries=1, retry_on=["user"], retry_after=0
    )
    again = await first.rerun(params={"lr": 0.2}, after=[first], wait=True)
    assert again.succeeded
    assert again.differences == {"param.lr": ("0.1", "0.2")}
    assert (await again.series()).rows() == [{"step": 0, "loss": 0.2}]
    assert (await again.usage()).usage is not None
    assert (await again.edit(notes="better")).notes == "better"
    rows = {row["name"]: row for row in await async_client.compare(first, again)}
    assert (rows["metric.loss"][first.id], rows["metric.loss"][again.id]) == (0.1, 0.2)
    answers = await async_client.run_many([JobSpec("true"), JobSpec("true", after=[0])], project=project)
    assert (await (await async_client.job(answers[1].id)).wait()).succeeded
