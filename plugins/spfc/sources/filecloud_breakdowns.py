"""Tell a folder that FileCloud fails to list from a FileCloud that is down, and stop when they come in a row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from spfc.errors import ServiceBusy, Unreachable
from spfc.filecloud.client import FileCloudClient

TROUBLE: Final = (ServiceBusy, Unreachable)
"""What the client raises, its own repetitions being over, for status 5xx, silence and an answer that broke off."""

MOST_IN_A_ROW: Final = 3
"""Folders that may break down one after the other. Each costs all repetitions of the client, with their waiting."""


@dataclass(slots=True)
class Breakdowns:
    """The subfolders whose listing broke down since one was listed whole. ``top`` is the path of the source folder.

    Known to this process only, so that another try of the task comes by the next few of them.
    """

    client: FileCloudClient
    top: str
    _row: set[str] = field(default_factory=set)

    def judge(self, path: str, trouble: ServiceBusy | Unreachable) -> None:
        """Return when ``trouble`` is with the folder at ``path`` alone: the source folder can be listed right then.

        That costs one request. Raises ``trouble`` when it is about no place (nobody could connect or log in) or passed
        while the source folder was asked for, what is wrong with the source folder otherwise, and ServiceBusy for more
        than :data:`MOST_IN_A_ROW` folders in a row.
        """
        if trouble.item is None:
            raise trouble
        if path not in self._row and len(self._row) == MOST_IN_A_ROW:
            raise ServiceBusy(
                f"FileCloud failed to list {MOST_IN_A_ROW + 1} folders in a row, though it lists the source folder. "
                f"{trouble.message}",
                hint="Have the log of the FileCloud server and the storage of these folders looked at; nothing was "
                "removed, and the next try goes on with this folder.",
                item=path,
            ) from trouble
        before = self.client.counts["getfilelist"]
        self.client.list_page(self.top, 0, 1)
        if self.client.counts["getfilelist"] > before + 1:  # it did not work at once either: trouble that passes
            raise trouble
        self._row.add(path)

    def end(self) -> None:
        """Note that a subfolder was listed whole."""
        self._row.clear()
