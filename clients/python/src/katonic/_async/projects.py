"""Which project is meant, and the files that are sent to it."""

from os import PathLike
from pathlib import Path

from .. import _wire
from .._generated import models, operations
from .._project import is_project_id, project_of_folder
from .._snapshot import Snapshot
from .._threads import in_thread
from ..errors import ConflictError, NotFoundError
from .transport import AsyncTransport


class AsyncProjects:
    """The projects of a platform."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def prepare(self, project: str | None, folder: str | PathLike[str] | None) -> tuple[str, str | None]:
        """Find where jobs belong, making it where there is none, and send a folder; answers its id and the commit."""
        project_id = await self.find(project, folder or ".", create=True)
        return project_id, await self.send(folder, project_id)

    async def send(self, folder: str | PathLike[str] | None, project_id: str) -> str | None:
        """Send a folder, where there is one, and answer the commit of its files."""
        return await in_thread(self._push, Path(folder), project_id) if folder is not None else None

    async def find(self, project: str | None, folder: str | PathLike[str] = ".", *, create: bool = False) -> str:
        """Find the id of a project by name or id; where none is given, of the one that a folder says."""
        if project is None:
            project = await in_thread(project_of_folder, Path(folder))
        if is_project_id(project):
            return project
        if found := await self.all(project):
            return found[0].project_id
        if not create:
            raise NotFoundError(f"there is no project `{project}` of yours", reason="PROJECT_NOT_FOUND")
        try:
            made = await self._transport.call(operations.CREATE_PROJECT, models.CreateProjectRequest(name=project))
        except ConflictError:  # somebody made it at the same moment
            return await self.find(project)
        return made.project_id

    async def all(self, name: str | None = None, *, archived: bool = False) -> list[models.Project]:
        """List those that one may read."""
        request = models.ListProjectsRequest(page_size=_wire.PAGE, name=name, archived=archived)
        projects: list[models.Project] = []
        while True:
            page = await self._transport.call(operations.LIST_PROJECTS, request)
            projects += page.projects
            if not page.next_page_token:
                return projects
            request = request.model_copy(update={"page_token": page.next_page_token})

    def _push(self, folder: Path, project_id: str) -> str | None:
        with Snapshot(folder) as snapshot:
            return snapshot.push(self._transport.endpoint, project_id)
