# Made by `generate` from _async/client.py; do not edit.
"""The client: what one asks of a platform."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from os import PathLike
from types import TracebackType
from typing import Any, Self

from .. import _wire
from .._comparison import compared
from .._endpoint import find_endpoint
from .._generated import models, operations
from .._operation import Answer, Operation, Request
from .._request import JobReference, JobSpec, id_of, job_request
from .._values import Event, Run, Submission, event_of, run_of, submission_of
from .job import Job
from .projects import Projects
from .schedules import Schedules
from .transport import Transport


class Client:
    """A platform to work with.

    It is named by `url` and `token`, else by `KATONIC_URL` and `KATONIC_TOKEN`, else it is the installation of this
    machine. Calls have `timeout` seconds to be answered and are repeated while the platform is away for a moment.
    """

    def __init__(self, url: str | None = None, token: str | None = None, *, timeout: float = 30.0) -> None:
        self._transport = Transport(find_endpoint(url, token), timeout)
        self._projects = Projects(self._transport)

    def __repr__(self) -> str:
        """Which platform."""
        return f"<{type(self).__name__} {self.url}>"

    @property
    def url(self) -> str:
        """The platform's address."""
        return self._transport.endpoint.url

    @property
    def schedules(self) -> Schedules:
        """Jobs that are launched again and again."""
        return Schedules(self._transport, self._projects)

    def run(
        self,
        command: str | Sequence[str],
        *,
        project: str | None = None,
        folder: str | PathLike[str] | None = None,
        title: str | None = None,
        tier: str | None = None,
        params: Mapping[str, object] | None = None,
        tags: Iterable[str] = (),
        priority: str | None = None,
        timeout: timedelta | float | None = None,
        grace: timedelta | float | None = None,
        retries: int | None = None,
        retry_on: Iterable[str] = (),
        retry_after: timedelta | float | None = None,
        after: Iterable[JobReference] = (),
        after_any: Iterable[JobReference] = (),
        idempotency_key: str | None = None,
        wait: bool = False,
    ) -> Job:
        """Run a command as a job.

        `command` is a program and its arguments; a text is split at its spaces as a shell would, and never passed
        through one. `folder` is sent along as the job's files, as `katonic run` does it: without what its `.gitignore`
        leaves out. Without a folder the job has the files of the project's branch `main`.

        `project` is a name, made into a project of yours where there is none, or an id. Where it is left out the file
        `.katonic.toml` of the folder says it, else the folder's name; the folder is the current one where none is sent.

        `params` reach the command as `KATONIC_PARAM_<NAME>` and stay with the job, `tags` find it again, `tier` and
        `priority` (`low`, `normal`, `high`) say what it runs on and when, `timeout` how long it may run and `grace` how
        long it has between being asked to stop and being killed.

        `retries` is how often it may be tried again after it failed, `retry_on` after which failures (`infrastructure`,
        which is the default, `user`, `timeout`), `retry_after` how long to wait before that, twice as long each further
        time. It starts once the jobs of `after` have succeeded, and those of `after_any` have ended; each is a job, its
        id, or what has its id.

        Calls with the same `idempotency_key` are one job; without one, each call is a new job. With `wait` the answer
        comes once it has ended, however that is.
        """
        spec = JobSpec(
            command,
            title=title,
            tier=tier,
            params=params,
            tags=tags,
            priority=priority,
            timeout=timeout,
            grace=grace,
            retries=retries,
            retry_on=retry_on,
            retry_after=retry_after,
            after=after,
            after_any=after_any,
        )
        request = job_request(spec)
        project_id, commit = self._projects.prepare(project, folder)
        request = request.model_copy(update={"project_id": project_id, "commit": commit})
        execution = self._transport.call(operations.SUBMIT_JOB, request, idempotency_key)
        job = Job(self._transport, execution)
        return job.wait() if wait else job

    def run_many(
        self,
        jobs: Iterable[JobSpec],
        *,
        project: str | None = None,
        folder: str | PathLike[str] | None = None,
        idempotency_key: str | None = None,
    ) -> list[Submission]:
        """Run up to 1,000 commands as jobs in one call; each has an answer of its own, in their order.

        A job that is refused says so in its answer, and holds up none but those that name it in `after` or `after_any`.
        `project` and `folder` are as for `run`, and the same for all. With the same `idempotency_key` a repeated call
        answers the same for each job, by its place.
        """
        written = [job_request(job) for job in jobs]
        project_id, commit = self._projects.prepare(project, folder)
        written = [job.model_copy(update={"commit": commit}) for job in written]
        request = models.SubmitJobsRequest(project_id=project_id, jobs=written)
        answered = self._transport.call(operations.SUBMIT_JOBS, request, idempotency_key)
        return [submission_of(answer) for answer in answered.answers]

    def job(self, execution_id: str) -> Job:
        """Find a job by its id, `exe_…`."""
        request = models.GetExecutionRequest(execution_id=execution_id)
        return Job(self._transport, self._transport.call(operations.GET_EXECUTION, request))

    def runs(
        self,
        query: str | None = None,
        *,
        project: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
    ) -> list[Run]:
        """List jobs as rows of a table, the newest first: `pandas.DataFrame(katonic.runs(...))` takes them as they are.

        With a `project`, by name or id, only its jobs. With a `query`, such as `metric.loss<0.3 tag:prod`, those that
        the search finds, which also knows other orders (`sort`, such as `metric.accuracy:desc`) and follows what
        happens within half a second or so. At most `limit` of them.
        """
        project_id = self._projects.find(project) if project else None
        if project_id and query is None and sort is None:
            executions = self._list_jobs(project_id)
        else:
            executions = self._search(query, project_id, sort)
        rows: list[Run] = []
        with closing(executions):
            for execution in executions:
                if limit is not None and len(rows) >= limit:
                    break
                rows.append(run_of(execution))
        return rows

    def compare(self, *jobs: JobReference) -> list[dict[str, Any]]:
        """Put jobs beside each other, as rows of a table: `pandas.DataFrame(katonic.compare(...))` takes them.

        A row has a `name`, whether it `differs`, and for each job, under its id, the value. Of what became of them
        there are `title`, `phase`, `reason`, `exit_code`, `metric.<name>`, and `queued` and `duration` in seconds; of
        what they were given `command`, `input` (the commit of their files), `environment`, `tier`, `timeout` and
        `grace` in seconds, `priority`, `attempts`, `tags` and `param.<name>`. What none of them has is left out.
        """
        return compared([(self.job(id_of(job))).execution for job in jobs])

    def projects(self, *, archived: bool = False) -> list[models.Project]:
        """List the projects that you may read, or the `archived` ones."""
        return self._projects.all(archived=archived)

    def events(
        self,
        *,
        project: str | None = None,
        types: Iterable[str] = (),
        subject: str | None = None,
        cursor: str | None = None,
        from_start: bool = False,
    ) -> Generator[Event, None]:
        """Yield what happens on the platform, each event once, across lost connections; it does not end by itself.

        It begins now, after the event of a `cursor`, or `from_start` at the first event there ever was. `project`,
        `types` (a `*` at the end matches any rest) and `subject` (an id) leave out all others.
        """
        request = models.FollowEventsRequest(
            project_id=self._projects.find(project) if project else None,
            types=list(types),
            subject=subject,
            cursor=cursor,
            from_start=from_start,
        )
        answers = self._transport.follow(operations.FOLLOW_EVENTS, request)
        with closing(answers):
            for answer, at in answers:
                if answer.event:
                    yield event_of(answer.event, at)

    def call(
        self, operation: Operation[Request, Answer], request: Request, *, idempotency_key: str | None = None
    ) -> Answer:
        """Make any call of the platform's API; `katonic.api` has the operations, requests and answers."""
        return self._transport.call(operation, request, idempotency_key)

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        """Nothing to open: connections are made when first used."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close all connections."""
        self.close()

    def _list_jobs(self, project_id: str) -> Generator[models.Execution, None]:
        request = models.ListJobsRequest(project_id=project_id, page_size=_wire.PAGE)
        while True:
            page = self._transport.call(operations.LIST_JOBS, request)
            for execution in page.executions:
                yield execution
            if not page.next_page_token:
                return
            request = request.model_copy(update={"page_token": page.next_page_token})

    def _search(self, query: str | None, project_id: str | None, sort: str | None) -> Generator[models.Execution, None]:
        narrowed = f"project:{project_id}" if project_id else None
        order = sort or "created:desc"
        request = models.SearchRequest(q=query, kinds=["execution"], filter=narrowed, sort=order, page_size=_wire.PAGE)
        while True:
            page = self._transport.call(operations.SEARCH, request)
            for hit in page.hits:
                if hit.execution:
                    yield hit.execution
            if not page.next_page_token:
                return
            request = request.model_copy(update={"page_token": page.next_page_token})
