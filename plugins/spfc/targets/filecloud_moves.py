"""Move and retire items at FileCloud; every lost or refused move is settled by looking where the item is now."""

from __future__ import annotations

from spfc.errors import ItemGone, MoveRefused, ReplyLost, TargetExists, TargetLocked
from spfc.filecloud.client import FileCloudClient
from spfc.filecloud.explain import in_the_way, is_same_place, known_reason, stands_there
from spfc.filecloud.refusals import CallRefused
from spfc.targets.filecloud_folders import TRIES, FolderMaker
from spfc.targets.paths import MOST_NAMES, numbered


class Mover:
    """Moves items by FileCloud's own paths. Threads may share one."""

    def __init__(self, client: FileCloudClient, folders: FolderMaker) -> None:
        self._client, self._folders = client, folders

    def move(self, source: str, goal: str) -> None:
        """Move an item as :meth:`spfc.targets.base.Target.move` promises. One call when all is well."""
        for attempt in range(1, TRIES + 1):
            try:
                self._client.move(source, goal)
            except (ReplyLost, CallRefused) as problem:
                if self._moved(source, goal, problem, first=attempt == 1):
                    return
                if attempt == TRIES:
                    raise
                self._client.rest(attempt)
            else:
                return

    def retire(self, source: str, destination: str) -> str:
        """Move an item away as :meth:`spfc.targets.base.Target.retire` promises, and return where it went.

        One call when its folder is known to be there and the name is free.
        """
        folder, _, name = destination.rpartition("/")
        folder = self._folders.make_known(folder)
        for number in range(1, MOST_NAMES + 1):
            goal = numbered(f"{folder}/{name}", number)
            if self._retired(source, goal):
                return goal
        raise TargetExists(f"{MOST_NAMES} items of this name were retired already.", item=destination)

    def _moved(self, source: str, goal: str, problem: ReplyLost | CallRefused, *, first: bool) -> bool:
        """Look where the item is now: True = it has moved, False = send again (FileCloud reference 9).

        A refusal that nothing explains is asked for once more: what a caller may do instead, copying, is costly.
        """
        there, here = self._client.info(goal), self._client.info(source)
        at_goal, at_source = stands_there(there, goal), stands_there(here, source)
        if at_goal and (not at_source or is_same_place(source, here, goal, there)):
            return True
        if at_goal and there is not None:
            raise in_the_way(there, goal) from problem
        if not at_source:
            raise ItemGone("Nothing is there to be moved.", item=source) from problem
        if isinstance(problem, ReplyLost):
            return False
        if here is not None and here.locked:
            raise TargetLocked("Somebody holds the file open at FileCloud.", item=source) from problem
        reason = known_reason(self._client, goal, problem)
        if reason is None and first:
            return False
        # Such as a move between managed storage and a network folder (FileCloud reference 4 and 9).
        raise (reason or MoveRefused(problem.message, item=source)) from problem

    def _retired(self, source: str, goal: str) -> bool:
        """Move ``source`` to ``goal``, making the folders above it; False when the name is taken."""
        for attempt in range(1, TRIES + 1):
            try:
                self._client.move(source, goal)
            except (ReplyLost, CallRefused) as problem:
                here, there = self._client.info(source), self._client.info(goal)
                if not stands_there(here, source):
                    if stands_there(there, goal) and (isinstance(problem, ReplyLost) or attempt > 1):
                        return True
                    raise ItemGone("Nothing is there to be moved.", item=source) from problem
                if there is not None:
                    return False
                if attempt == TRIES:
                    raise
                if isinstance(problem, ReplyLost):
                    self._client.rest(attempt)
                elif not self._path_made(source, goal, problem, first=attempt == 1):
                    return False
            else:
                return True
        raise AssertionError("unreachable")

    def _path_made(self, source: str, goal: str, refusal: CallRefused, *, first: bool) -> bool:
        """Make the missing folder above ``goal``; True when the move is to be asked for again, False for a taken name.

        Any other reason is raised; a first refusal without one is asked for again, as in :meth:`_moved`.
        """
        folder = goal.rpartition("/")[0]
        if self._client.info(folder) is None and not self._folders.is_place(folder):
            self._folders.make_path(folder)
            return True
        found = self._client.info(source)
        if found is not None and found.locked:
            raise TargetLocked("Somebody holds the file open at FileCloud.", item=source) from refusal
        reason = known_reason(self._client, goal, refusal)
        if isinstance(reason, TargetExists):
            return False
        if reason is None and first:
            return True
        raise (reason or MoveRefused(refusal.message, item=source)) from refusal
