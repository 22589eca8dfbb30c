"""What a store of objects must be able to do, in terms of keys: two modules do it, one for each kind of store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from spfc.targets.storage.meter import Meter

MOVING = ".spfc-moving"
"""The object in a folder that says: being moved here, not complete yet. See ``object_moves.py``."""
OWN_NAMES = frozenset({MOVING})
"""Names that no item may have, and that listings do not show."""


@dataclass(frozen=True, slots=True)
class Blob:
    """One object. ``key`` is ``container/name``; ``written`` the store's own time of writing, seconds UTC.

    ``modified`` is our metadata ``mtime`` and None where nobody has asked for it or nobody wrote it. ``stamp`` says
    which upload or move has put it there, as far as metadata were asked for. ``marks`` a folder: not a file.
    """

    key: str
    size: int
    etag: str | None
    written: float = 0.0
    modified: int | None = None
    stamp: str | None = None
    marks: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """What must be there when a write takes effect: nothing (``absent``), or an object with this ``etag``."""

    absent: bool = False
    etag: str | None = None


ANYWAY = Condition()


@dataclass(frozen=True, slots=True)
class Label:
    """What is written beside the bytes: the modification time in seconds UTC, and the stamp of the writer.

    ``marks``: it is no file but stands for a folder, see :meth:`Store.marker`.
    """

    modified: int | None
    stamp: str
    marks: bool = False


class ConditionFailed(Exception):
    """Something else is there than the condition of a write, or of a read, asked for."""


class NotThere(Exception):
    """There is no such object."""


class Upload(Protocol):
    """Parts on their way to one key; nothing is visible before :meth:`complete`. Not thread safe."""

    size: int
    """How many bytes have been sent."""

    def part(self, data: bytes) -> None:
        """Send the next part. All but the last have one size."""

    def complete(self, condition: Condition, label: Label) -> str | None:
        """Make the object visible; return its etag. Raises ConditionFailed.

        Stores that want the label at the beginning keep the one of then.
        """

    def abort(self) -> None:
        """Throw the parts away, as far as the store can do that; nothing is raised."""


class Store(Protocol):
    """A service with containers of objects, by keys ``container/name``. Threads may share it.

    Every method raises the ServiceErrors of :mod:`spfc.errors`, after a few tries of its own where that may help.
    """

    most_parts: int
    """How many parts an upload may have."""
    bulk: bool
    """Whether many objects are deleted by one request, else by many at once."""
    meter: Meter
    """What was asked so far."""

    def head(self, key: str) -> Blob | None:
        """Return one object with its label, None when there is none (or no container). One request."""

    def page(self, prefix: str, most: int) -> tuple[list[Blob], bool]:
        """Return the first objects, by key, that begin with ``prefix``, and whether these are all. One request.

        Raises PlaceNotFound when there is no such container.
        """

    def level(self, prefix: str) -> tuple[list[Blob], list[str]]:
        """Return the objects right below ``prefix``, and the prefixes (with ``/``) of what is deeper.

        Raises AnswerUnreadable rather than returning a part.
        """

    def below(self, prefix: str) -> Iterator[Blob]:
        """Yield all objects that begin with ``prefix``, in any order, by pages."""

    def read(self, key: str, start: int, length: int, etag: str | None) -> tuple[bytes, int, str | None]:
        """Return bytes, the size of the whole, and its etag. One request.

        Raises NotThere; ConditionFailed for another etag, or when nothing is at ``start``.
        """

    def put(self, key: str, data: bytes, label: Label, condition: Condition) -> str | None:
        """Write an object at once; return its etag. Raises ConditionFailed."""

    def upload(self, key: str, label: Label) -> Upload:
        """Begin an object of several parts. What earlier uploads to this key have left is thrown away."""

    def resume(self, key: str, offset: int, part: int) -> Upload | None:
        """Take up what a dead process has left: ``offset`` bytes in parts of ``part``; None when that is not there."""

    def copy(self, blob: Blob, goal: str, stamp: str | None, condition: Condition) -> None:
        """Copy within the service what ``blob`` shows; with its label, and with another ``stamp`` if one is given.

        Raises ConditionFailed when there is another version by now, NotThere.
        """

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects, in any order; those that are not there are fine."""

    def marker(self, folder: str) -> str:
        """Return the key of the object that stands for ``folder``."""

    def close(self) -> None:
        """Let go of what was taken from others; the connection itself belongs to Airflow."""


def strip_etag(etag: object) -> str | None:
    """Return an etag without quotes: listings and answers spell it differently."""
    return str(etag).strip('"') if etag else None


def split(key: str) -> tuple[str, str]:
    """Return container and name of a key."""
    container, _, name = key.partition("/")
    return container, name
