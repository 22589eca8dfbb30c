"""What a run cost, read from the simulators' journal: requests, resource units, calls, bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from simulators.common.journal import Journal, JournalEntry

Totals = Mapping[str, Mapping[str, Mapping[str, int]]]
"""Service -> operation -> {"calls": n, "units": n}, of all time (as `Journal.totals` returns it)."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What was asked of each service between two moments. Units are Graph's (Graph reference 10.1)."""

    operations: Mapping[tuple[str, str], int]
    graph_units: int = 0

    @classmethod
    def between(cls, before: Totals, after: Totals) -> Costs:
        """Return what came between two readings of the totals."""
        calls: dict[tuple[str, str], int] = {}
        units = 0
        for service, operations in after.items():
            for operation, now in operations.items():
                then = before.get(service, {}).get(operation, {"calls": 0, "units": 0})
                if now["calls"] > then["calls"]:
                    calls[service, operation] = now["calls"] - then["calls"]
                if service == "graph":
                    units += now["units"] - then["units"]
        return cls(calls, units)

    def of(self, service: str) -> int:
        """Return the number of requests to "login", "graph", "download" or "filecloud"."""
        return sum(calls for (name, _), calls in self.operations.items() if name == service)

    def detail(self, service: str) -> str:
        """Return the operations of a service with their counts, most frequent first."""
        found = sorted((-calls, name) for (where, name), calls in self.operations.items() if where == service)
        return ", ".join(f"{name} {-negative}" for negative, name in found)


_OK = len("OK")
"""Bytes of the answer to a chunk that was taken; a refusal is longer (FileCloud reference 7.2)."""


class Way(StrEnum):
    """On which way the bytes of files are seen."""

    UPLOAD = "upload"
    """What FileCloud has taken in."""
    DOWNLOAD = "download"
    """What SharePoint has sent."""
    FILECLOUD_DOWNLOAD = "downloadfile"
    """What FileCloud has sent."""


class Traffic:
    """Follows the journal while a run goes: files and bytes that went the given way so far."""

    def __init__(self, journal: Journal, way: Way = Way.UPLOAD) -> None:
        self._journal = journal
        self._way = way
        self._mark = journal.mark()
        self.files = 0
        self.size = 0

    def update(self) -> None:
        """Take in what was journalled since the last call."""
        for entry in self._journal.since(self._mark):
            self._mark = max(self._mark, entry.seq)
            if self._way is Way.UPLOAD:
                self._take_upload(entry)
            elif self._way in (entry.service, entry.operation) and entry.status in (200, 206):
                self.size += entry.bytes_out
                self.files += entry.status == 200  # a resumed one was counted when it began

    def _take_upload(self, entry: JournalEntry) -> None:
        if entry.operation == "upload" and entry.status == 200 and entry.bytes_out == _OK:
            self.size += entry.bytes_in
            # An upload without `complete` counts as complete (FileCloud reference 7.1).
            self.files += entry.params.get("complete", "1") == "1"
