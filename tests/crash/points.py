"""The side effects of a run: each is numbered and named where it leaves the engine, and one of them can be fatal."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from requests.cookies import RequestsCookieJar
from sqlalchemy import Connection, event
from sqlalchemy.util import LRUCache

from spfc.filecloud.wire import Reply, Request, Wire
from spfc.ledger.database import Database

BEFORE, AFTER = "before", "after"


@dataclass
class Points:
    """Writes the name of each point down as it is passed, and kills this process at the one called ``fatal``.

    A name is ``<side effect> #<how many of that name> before|after``: it stays the same when threads interleave
    otherwise. What was written down survives the kill.
    """

    log: Path
    fatal: str | None = None
    _counts: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, effect: str) -> str:
        """Name the next side effect of a kind and pass the point before it."""
        with self._lock:
            self._counts[effect] += 1
            name = f"{effect} #{self._counts[effect]}"
        self.reach(f"{name} {BEFORE}")
        return name

    def end(self, name: str) -> None:
        """Pass the point after a side effect."""
        self.reach(f"{name} {AFTER}")

    def reach(self, point: str) -> None:
        with self._lock, self.log.open("a", encoding="utf-8") as file:
            file.write(f"{point}\n")
        if point == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)


class Statements(LRUCache[object, object]):
    """Compiled statements for all engines of this process and of those forked from it: compiling takes longer.

    Keys begin with the dialect, one object for each engine; those of one database are all alike.
    """

    def get(self, key: tuple[Any, ...], default: object = None) -> object:
        """Return what is kept, whichever engine has compiled it."""
        return super().get((key[0].name, *key[1:]), default)

    def __setitem__(self, key: tuple[Any, ...], value: object) -> None:
        super().__setitem__((key[0].name, *key[1:]), value)


STATEMENTS = Statements(2000)


class WatchedDatabase(Database):
    """A ledger each of whose write transactions is a side effect: before its commit, and after it."""

    def __init__(self, url: str, points: Points) -> None:
        super().__init__(url)
        self._points = points
        self._engine._compiled_cache = STATEMENTS
        # What a killed process has written, the machine still has: only a power cut needs more, and tests go faster.
        event.listen(self._engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))

    @contextmanager
    def writing(self, route: str | None = None, fence: int | None = None) -> Iterator[Connection]:
        with super().writing(route, fence) as connection:
            yield connection
            name = self._points.begin(f"commit {_step(sys._getframe(1))}")
        self._points.end(name)


def _step(frame: FrameType | None) -> str:
    """Return ``module.function`` of the innermost caller that belongs to the steps of a run."""
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("spfc.steps.") and frame.f_code.co_name not in ("writing", "record"):
            return f"{module.removeprefix('spfc.steps.')}.{frame.f_code.co_qualname.removeprefix('RunContext.')}"
        frame = frame.f_back
    return "elsewhere"


@contextmanager
def watched_wire(points: Points, root: str) -> Iterator[None]:
    """Make every changing request to FileCloud a side effect: before it is sent, and when its answer has come.

    ``root`` is cut from the paths in the names.
    """
    send = Wire._once

    def once(self: Wire, request: Request, jar: RequestsCookieJar, headers: dict[str, str]) -> Reply:
        if not request.changes:
            return send(self, request, jar, headers)
        name = points.begin(_name(request).replace(root, ""))
        reply = send(self, request, jar, headers)
        points.end(name)
        return reply

    Wire._once = once  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        Wire._once = send  # type: ignore[method-assign]


def _name(request: Request) -> str:
    if request.operation == "upload":
        last = " last" if request.query["complete"] == "1" else ""
        return f"upload {request.subject} @{request.query['offset']}{last}"
    if request.operation == "renameormove":
        return f"move {request.form['fromname']} -> {request.form['toname']}"
    return f"{request.operation} {request.subject}"
