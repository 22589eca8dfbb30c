"""The promises of a target: list, put, move, remove, make folder; every change may safely be repeated."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from spfc.planning.model import Kind, TargetEntry


class Made(StrEnum):
    """How a folder came to be there."""

    CREATED = "created"
    EXISTED = "existed"


@dataclass(frozen=True, slots=True)
class PutSpec:
    """One file to be written.

    ``modified`` is seconds UTC. ``expect_absent`` refuses to replace anything; ``expect_etag`` refuses to replace a
    file that is not the one we wrote (only where the server supports it). Neither: replace whatever is there.
    """

    path: str
    size: int
    modified: int
    expect_absent: bool = False
    expect_etag: str | None = None


class TargetStream(Protocol):
    """The bytes of one file at the target. Close it; it is not thread safe."""

    offset: int
    """Where the first byte of this stream lies in the file: 0 when the server ignored the place asked for."""

    def read(self, size: int) -> bytes:
        """Return exactly ``size`` bytes, fewer only at the end of the file, ``b""`` after it.

        Raises ServiceBusy when the stream breaks, IntegrityMismatch when it ends elsewhere than announced.
        """

    def close(self) -> None:
        """Give the connection back."""


class Target(Protocol):
    """A place that items go to. Paths are absolute within the route's target root: ``/a/b.txt``; ``/`` is the root.

    A change that was done already (folder exists, file is gone, move has happened) is success, and a lost reply is
    settled inside by looking at the target. Transient trouble and expired sessions are healed inside, once for all
    threads. Threads may share one target. Nothing is sent before the first call.
    """

    chunk_size: int
    """Bytes per chunk of an upload; all chunks but the last must have exactly this size."""

    piecemeal: bool
    """Whether a folder is moved and retired object by object: who dies half-way leaves a part of it at either place."""

    @property
    def calls(self) -> int:
        """Requests sent so far by this object, logins included."""

    @property
    def refusals(self) -> int:
        """How often the service turned this object away for now (too many requests, overloaded, no connection)."""

    def stat(self, path: str) -> TargetEntry | None:
        """Return what stands at ``path``, None when nothing does. One call."""

    def list_folder(self, path: str) -> list[TargetEntry] | None:
        """Return all direct children, None when there is no such folder.

        Raises :class:`~spfc.errors.AnswerUnreadable` when the listing did not end cleanly: a partial listing is
        never returned, so absence from the result is absence at the target.
        """

    def make_folder(self, path: str) -> Made:
        """Create one folder whose parent exists; ``/`` makes the target root with all levels above it that are ours.

        ``/`` is asked for before anything else is put there, also when the root is there already.

        Raises TargetExists when a file stands there, NameRefused, PlaceNotFound for an area that is not ours to make.
        """

    def put_chunk(self, spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> TargetEntry | None:
        """Send one chunk, in order, the first at offset 0; with ``last`` the file becomes visible, and only then.

        Returns the entry after the last chunk (etag only when the server gives one), else None. Dropping an upload
        before its last chunk leaves the old file as it was. An empty file is one empty last chunk. Raises
        TargetExists, TargetChanged, NameRefused, QuotaFull, TargetLocked.

        An upload may go on in another process, at the offset where its predecessor stopped; nobody promises that the
        target still has what was sent. A chunk that does not follow what it has is refused as a ServiceError to be
        retried, never padded: start the file again at offset 0.
        """

    def open(self, path: str, *, size: int, offset: int = 0) -> TargetStream:
        """Open the bytes of a file that has ``size`` bytes, for reading from ``offset`` on. One call.

        Raises ItemGone when no file is there, ItemChanged when it has another size (a server that does not announce it
        is found out at the end of the stream), and never takes an error page for the file (FileCloud reference 8).
        """

    def move(self, old: str, new: str) -> None:
        """Rename or move a file or a folder with everything in it, one call when all is well.

        Raises TargetExists when ``new`` is taken, ItemGone when ``old`` is not there and ``new`` neither, MoveRefused
        when the service will not move it for a reason that copying may get around.
        """

    def remove(self, path: str, kind: Kind) -> None:
        """Remove a file, or a folder with everything in it. Absence is success."""

    def retire(self, path: str, kind: Kind, destination: str) -> str:
        """Move an item, with everything in it, out of the mirrored tree; return where it went.

        ``destination`` is an absolute path at the service, outside the target root; missing folders above it are
        made, and a name that is taken gets a number. Raises ItemGone when there is nothing at ``path``, MoveRefused as
        :meth:`move` does.
        """

    def beside(self, root: str) -> Target:
        """Return the same service with another root, an absolute path at the service; nothing is asked of it yet.

        It shares sessions and limits with this one, and is closed with it.
        """

    def close(self) -> None:
        """End sessions. The object is not used afterwards."""
