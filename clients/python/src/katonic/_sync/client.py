# Made by `generate` from _async/client.py; do not edit.
"""The client: what one asks of a platform."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self

from .._endpoint import find_endpoint
from .._generated import models, operations
from .._operation import Answer, Operation, Request
from .._project import is_project_id, project_of_folder
from .._request import submission
from .._snapshot import Snapshot
from .._threads import at_once
from .._values import Event, Run, event_of, run_of
from ..errors import ConflictError, NotFoundError
from .job import Job
from .transport import Transport

_PAGE = 200


class Client:
    """A platform to work with.

    It is named by `url` and `token`, else by `KATONIC_URL` and `KATONIC_TOKEN`, else it is the installation of this
    machine. Calls have `timeout` seconds to be answered and are repeated while the platform is away for a moment.
    """

    def __init__(self, url: str | None = None, token: str | None = None, *, timeout: float = 30.0) -> None:
        self._transport = Transport(find_endpoint(url, token), timeout)

    def __repr__(self) -> str:
        """Which platform."""
        return f"<{type(self).__name__} {self.url}>"

    @property
    def url(self) -> str:
        """The platform's address."""
        return self._transport.endpoint.url

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

        Calls with the same `idempotency_key` are one job; without one, each call is a new job. With `wait` the answer
        comes once it has ended, however that is.
        """
        request = submission(
            command,
            title=title,
            tier=tier,
            params=params,
            tags=tags,
            priority=priority,
            timeout=timeout,
            grace=grace,
        )
        if project is None:
            project = at_once(project_of_folder, Path(folder or "."))
        project_id = self._project_id(project, create=True)
        commit = at_once(self._send, Path(folder), project_id) if folder is not None else None
        request = request.model_copy(update={"project_id": project_id, "commit": commit})
        execution = self._transport.call(operations.SUBMIT_JOB, request, idempotency_key)
        job = Job(self._transport, execution)
        return job.wait() if wait else job

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
        project_id = self._project_id(project) if project else None
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

    def projects(self, *, archived: bool = False) -> list[models.Project]:
        """List the projects that you may read, or the `archived` ones."""
        return self._list_projects(archived=archived)

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
            project_id=self._project_id(project) if project else None,
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

    def _send(self, folder: Path, project_id: str) -> str | None:
        with Snapshot(folder) as snapshot:
            return snapshot.push(self._transport.endpoint, project_id)

    def _project_id(self, project: str, *, create: bool = False) -> str:
        if is_project_id(project):
            return project
        if found := self._list_projects(project):
            return found[0].project_id
        if not create:
            raise NotFoundError(f"there is no project `{project}` of yours", reason="PROJECT_NOT_FOUND")
        try:
            made = self._transport.call(operations.CREATE_PROJECT, models.CreateProjectRequest(name=project))
        except ConflictError:  # somebody made it at the same moment
            return self._project_id(project)
        return made.project_id

    def _list_projects(self, name: str | None = None, *, archived: bool = False) -> list[models.Project]:
        request = models.ListProjectsRequest(page_size=_PAGE, name=name, archived=archived)
        projects: list[models.Project] = []
        while True:
            page = self._transport.call(operations.LIST_PROJECTS, request)
            projects += page.projects
            if not page.next_page_token:
                return projects
            request = request.model_copy(update={"page_token": page.next_page_token})

    def _list_jobs(self, project_id: str) -> Generator[models.Execution, None]:
        request = models.ListJobsRequest(project_id=project_id, page_size=_PAGE)
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
        request = models.SearchRequest(q=query, kinds=["execution"], filter=narrowed, sort=order, page_size=_PAGE)
        while True:
            page = self._transport.call(operations.SEARCH, request)
            for hit in page.hits:
                if hit.execution:
                    yield hit.execution
            if not page.next_page_token:
                return
            request = request.model_copy(update={"page_token": page.next_page_token})
