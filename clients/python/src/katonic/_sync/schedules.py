# Made by `generate` from _async/schedules.py; do not edit.
"""Jobs that are launched again and again, by a timetable."""

from os import PathLike
from typing import TypeAlias

from .. import _wire
from .._generated import models, operations
from .._request import JobSpec, constant, job_request, masked
from ..errors import InvalidError, NotFoundError
from .projects import Projects
from .transport import Transport

# The class has a method of that name.
_Schedules: TypeAlias = list[models.Schedule]


class Schedules:
    """The schedules of a platform.

    One is named by its name in a project, or by its id, `sch_…`. Where a `project`, by name or id, is left out the file
    `.katonic.toml` of the current folder says it, else the folder's name.
    """

    def __init__(self, transport: Transport, projects: Projects) -> None:
        self._transport = transport
        self._projects = projects

    def create(
        self,
        name: str,
        job: JobSpec,
        *,
        cron: str,
        zone: str | None = None,
        overlap: str | None = None,
        catch_up: str | int | None = None,
        paused: bool = False,
        project: str | None = None,
        folder: str | PathLike[str] | None = None,
        idempotency_key: str | None = None,
    ) -> models.Schedule:
        """Launch a job again and again, in your name.

        `cron` has five fields, minute, hour, day of month, month and day of week, or is `@hourly`, `@daily` or
        `@weekly`; `zone` is a time zone such as `Europe/Berlin`, else UTC. `overlap` says what happens where the job
        before still runs: `forbid` leaves it out, which is the default, `allow` runs both, `replace` stops the one
        before. `catch_up` says what of that which was due while the platform was down is launched: `none`, which is the
        default, `last`, or how many of the latest.

        `folder` is sent along as for `run`; without one each job has the files of the project's branch `main` as they
        are then.
        """
        written = job_request(job)
        project_id, commit = self._projects.prepare(project, folder)
        request = models.CreateScheduleRequest(
            project_id=project_id,
            name=name,
            cron=cron,
            zone=zone,
            overlap=constant("OVERLAP", overlap),
            catch_up=_catch_up(catch_up),
            catch_up_limit=_limit(catch_up),
            paused=paused,
            job=written.model_copy(update={"commit": commit}),
        )
        return self._transport.call(operations.CREATE_SCHEDULE, request, idempotency_key)

    def list(self, *, project: str | None = None) -> _Schedules:
        """List the schedules of a project, the newest first."""
        return self._list(self._projects.find(project))

    def show(self, schedule: str, *, project: str | None = None) -> models.Schedule:
        """Show one, with what came of it last and the times at which it is due next."""
        request = models.GetScheduleRequest(schedule_id=self._find(schedule, project))
        return self._transport.call(operations.GET_SCHEDULE, request)

    def update(
        self,
        schedule: str,
        *,
        project: str | None = None,
        cron: str | None = None,
        zone: str | None = None,
        overlap: str | None = None,
        catch_up: str | int | None = None,
        job: JobSpec | None = None,
        folder: str | PathLike[str] | None = None,
        etag: str | None = None,
    ) -> models.Schedule:
        """Change what is given; it launches in your name from then on.

        A `job` replaces the one before as a whole, with the files of a `folder` or, without one, of the branch `main`.
        With an `etag`, as a schedule has it, it raises `StaleError` where the schedule was changed since.
        """
        if folder is not None and job is None:
            raise InvalidError("a `folder` goes with a `job` only", violations={"job": "is not said"})
        request = models.UpdateScheduleRequest(
            schedule_id=self._find(schedule, project),
            cron=cron,
            zone=zone,
            overlap=constant("OVERLAP", overlap),
            catch_up=_catch_up(catch_up),
            catch_up_limit=_limit(catch_up),
            job=job_request(job) if job else None,
            etag=etag,
        )
        if request.job and folder is not None:
            commit = self._projects.send(folder, (self.show(request.schedule_id)).project_id)
            request = request.model_copy(update={"job": request.job.model_copy(update={"commit": commit})})
        return self._transport.call(operations.UPDATE_SCHEDULE, masked(request))

    def pause(self, schedule: str, *, project: str | None = None) -> models.Schedule:
        """Let it rest."""
        return self._pause(schedule, project, paused=True)

    def resume(self, schedule: str, *, project: str | None = None) -> models.Schedule:
        """Let it go on; what was due meanwhile is not made up for."""
        return self._pause(schedule, project, paused=False)

    def delete(self, schedule: str, *, project: str | None = None) -> None:
        """Take it away; what it launched stays."""
        request = models.DeleteScheduleRequest(schedule_id=self._find(schedule, project))
        self._transport.call(operations.DELETE_SCHEDULE, request)

    def _pause(self, schedule: str, project: str | None, *, paused: bool) -> models.Schedule:
        request = models.UpdateScheduleRequest(schedule_id=self._find(schedule, project), paused=paused)
        return self._transport.call(operations.UPDATE_SCHEDULE, masked(request))

    def _find(self, schedule: str, project: str | None) -> str:
        if schedule.startswith("sch_"):  # no name has a `_`
            return schedule
        for known in self.list(project=project):
            if known.name == schedule:
                return known.schedule_id
        raise NotFoundError(f"there is no schedule `{schedule}` in the project", reason="SCHEDULE_NOT_FOUND")

    def _list(self, project_id: str) -> _Schedules:
        request = models.ListSchedulesRequest(project_id=project_id, page_size=_wire.PAGE)
        schedules: _Schedules = []
        while True:
            page = self._transport.call(operations.LIST_SCHEDULES, request)
            schedules += page.schedules
            if not page.next_page_token:
                return schedules
            request = request.model_copy(update={"page_token": page.next_page_token})


def _catch_up(what: str | int | None) -> str | None:
    return "CATCH_UP_ALL" if isinstance(what, int) else constant("CATCH_UP", what)


def _limit(what: str | int | None) -> int | None:
    return what if isinstance(what, int) else None
