"""Carry one file to another root of the same target through our own hands: copy, read back, only then remove."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace

from spfc.errors import Disposition, Interrupted, ItemGone, ServiceBusy, ServiceError, TargetChanged, TargetExists
from spfc.planning.difference import TIME_TOLERANCE
from spfc.planning.model import Kind, TargetEntry
from spfc.targets.base import PutSpec, Target
from spfc.targets.paths import MOST_NAMES, numbered
from spfc.transfer.measure import Fingerprint, Measure
from spfc.transfer.read_back import read_back

log = logging.getLogger("spfc.transfer")

TRIES = 3
"""How often the bytes of one file are sent in all before the trouble is let out."""


def carry_file(
    origin: Target, entry: TargetEntry, vault: Target, wanted: str, *, age: int, hurried: Callable[[], bool]
) -> str:
    """Move the file ``entry`` of ``origin`` to ``wanted`` in ``vault``, whose folder exists; return where it went.

    For targets that refuse to move it. A taken name gets a number, but a file that an earlier try brought there (same
    size, time and bytes) is taken for the copy, so this may be repeated after any end. The original goes last, when
    the copy was read back and the original is still what was copied. ``age``: the time (seconds UTC) of a file whose
    own the target does not tell. ``hurried`` is asked between chunks and breaks off with Interrupted.

    Raises ItemGone, TargetChanged (edited meanwhile, and the copy is gone again), or what reading and writing raise;
    the original is there then.
    """
    copy = _Copy(origin, replace(entry, modified=entry.modified or age), vault, hurried)
    goal = next((goal for goal in (numbered(wanted, n) for n in range(1, MOST_NAMES + 1)) if copy.made(goal)), None)
    if goal is None:
        raise TargetExists(f"{MOST_NAMES} items of this name were carried there already.", item=wanted)
    now = origin.stat(entry.path)
    if now is None:
        raise ItemGone("Somebody removed the file while it was copied.", item=entry.path)
    if (now.size, now.modified) != (entry.size, entry.modified) or _differ(now.etag, entry.etag):
        vault.remove(goal, Kind.FILE)
        raise TargetChanged("Somebody changed the file while it was copied.", item=entry.path)
    origin.remove(entry.path, Kind.FILE)
    return goal


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


@dataclass(frozen=True, slots=True)
class _Copy:
    """One file on its way to another root."""

    origin: Target
    entry: TargetEntry
    vault: Target
    hurried: Callable[[], bool]

    def made(self, goal: str) -> bool:
        """Make sure that the copy is at ``goal``; False when something else is there."""
        if (standing := self.vault.stat(goal)) is not None:
            return self._is_copy(standing)
        try:
            sent = self._sent(goal)
        except TargetExists:
            standing = self.vault.stat(goal)  # a lost reply, or somebody was faster
            return standing is not None and self._is_copy(standing)
        found = read_back(self.vault, goal, size=self.entry.size)
        if found is None or found.fingerprint != sent:
            self.vault.remove(goal, Kind.FILE)
            raise ServiceBusy("The copy holds other bytes than the file, so the file stays.", item=self.entry.path)
        return True

    def _is_copy(self, standing: TargetEntry) -> bool:
        entry = self.entry
        if standing.kind is not Kind.FILE or standing.size != entry.size:
            return False
        if standing.modified is not None and abs(standing.modified - (entry.modified or 0)) > TIME_TOLERANCE:
            return False
        there = read_back(self.vault, standing.path, size=entry.size)
        here = read_back(self.origin, entry.path, size=entry.size)
        return there is not None and here is not None and there.fingerprint == here.fingerprint

    def _sent(self, goal: str) -> Fingerprint:
        for attempt in range(1, TRIES):
            try:
                return self._send(goal)
            except ServiceError as error:
                if error.disposition is not Disposition.RETRY:
                    raise
                log.info("%s: try %d to copy it failed: %s", self.entry.path, attempt, error)
        return self._send(goal)

    def _send(self, goal: str) -> Fingerprint:
        entry, measure = self.entry, Measure()
        spec = PutSpec(goal, entry.size, int(entry.modified or 0), expect_absent=True)
        with closing(self.origin.open(entry.path, size=entry.size)) as stream:
            while True:
                chunk, offset = stream.read(self.vault.chunk_size), measure.size
                measure.update(chunk)
                last = measure.size == entry.size
                if not chunk and not last:
                    raise ServiceBusy("The file ended too early.", item=entry.path)
                self.vault.put_chunk(spec, offset, chunk, last=last)
                if last:
                    return measure.fingerprint
                if self.hurried():
                    raise Interrupted("The copy was broken off.", item=entry.path)
