"""Make folders at FileCloud, level by level, whatever stands there already and however often replies are lost."""

from __future__ import annotations

from spfc.errors import PlaceNotFound, ReplyLost, TargetExists
from spfc.filecloud.client import FileCloudClient
from spfc.filecloud.explain import explain_new_name, in_the_way, stands_there
from spfc.filecloud.refusals import CallRefused
from spfc.targets.base import Made
from spfc.targets.paths import MOST_NAMES, numbered

TRIES = 3
"""How often one change is sent in all when its replies are lost."""
_AREAS = frozenset({"SHARED", "EXTERNAL"})
"""First levels below which the second level is not ours to make either (FileCloud reference 4)."""


class FolderMaker:
    """Makes folders by FileCloud's own paths. Threads may share one."""

    def __init__(self, client: FileCloudClient) -> None:
        self._client = client
        self._known: set[str] = set()

    def make_known(self, folder: str) -> str:
        """Make sure that a folder is there, and remember: many items are retired into few folders.

        Returns its path: a level whose name a file has got a number.
        """
        while folder not in self._known:
            try:
                self.make_path(folder)
                self._known.add(folder)
            except TargetExists as error:
                level = error.item or folder
                folder = self._free_name(level) + folder[len(level) :]
        return folder

    def _free_name(self, taken: str) -> str:
        names = (numbered(taken, number) for number in range(2, MOST_NAMES + 1))
        found = next((name for name in names if (entry := self._client.info(name)) is None or entry.is_folder), None)
        if found is None:
            raise TargetExists(f"{MOST_NAMES} files of this name are where a folder must be.", item=taken)
        return found

    def make_path(self, full: str) -> Made:
        """Make the missing levels of a folder. PlaceNotFound when its area is not there, TargetExists for a file."""
        levels = full[1:].split("/")
        given = 2 if levels[0] in _AREAS else 1
        depth = len(levels)
        while depth > given:
            found = self._client.info(_upto(levels, depth))
            if found is not None and not found.is_folder:
                raise TargetExists("A file is at FileCloud where a folder must be.", item=_upto(levels, depth))
            if found is not None:
                break
            depth -= 1
        if depth <= given and (len(levels) < given or not self.is_place(_upto(levels, given))):
            raise PlaceNotFound(
                f"The account or team folder {_upto(levels, given)} is not there at FileCloud.",
                hint="Create it, or correct the target folder of the route.",
            )
        for made in range(depth + 1, len(levels) + 1):
            self.make(_upto(levels, made))
        return Made.CREATED if depth < len(levels) else Made.EXISTED

    def is_place(self, path: str) -> bool:
        """Say whether a folder, or an area such as a team folder, is there."""
        found = self._client.info(path)
        if found is not None:
            return found.is_folder
        try:  # top levels are areas rather than folders: a server may list them and yet not stat them
            self._client.list_page(path, 0, 1)
        except CallRefused:
            return False
        return True

    def make(self, full: str) -> Made:
        """Make one folder whose parent exists. Raises TargetExists when something else is there."""
        parent, _, name = full.rpartition("/")
        for attempt in range(1, TRIES + 1):
            try:
                self._client.create_folder(parent, name)
            except (ReplyLost, CallRefused) as problem:
                found = self._client.info(full)
                if found is not None:
                    if found.is_folder and stands_there(found, full):
                        return Made.EXISTED
                    raise in_the_way(found, full) from problem
                if isinstance(problem, CallRefused):
                    raise explain_new_name(self._client, full, problem) from problem
                if attempt == TRIES:
                    raise
                self._client.rest(attempt)
            else:
                return Made.CREATED
        raise AssertionError("unreachable")


def _upto(levels: list[str], depth: int) -> str:
    return "/" + "/".join(levels[:depth])
