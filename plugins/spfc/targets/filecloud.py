"""FileCloud as a target: full listings or none, and every lost or refused change settled by looking."""

from __future__ import annotations

from spfc.errors import (
    AnswerUnreadable,
    PlaceNotFound,
    ReplyLost,
    ServiceBusy,
    SpfcError,
    TargetExists,
    TargetLocked,
)
from spfc.filecloud.calls import Chunk
from spfc.filecloud.client import FileCloudClient
from spfc.filecloud.explain import (
    explain_upload,
    from_words,
    stands_there,
    unexplained,
)
from spfc.filecloud.paging import list_whole_folder
from spfc.filecloud.records import Entry
from spfc.filecloud.refusals import CallRefused, Hint
from spfc.filecloud.settings import MIB
from spfc.planning.difference import TIME_TOLERANCE
from spfc.planning.model import Kind, TargetEntry
from spfc.targets.base import Made, PutSpec, TargetStream
from spfc.targets.filecloud_folders import TRIES, FolderMaker
from spfc.targets.filecloud_moves import Mover
from spfc.targets.paths import checked

_SMALLEST_PIECE = MIB
"""A chunk is not cut smaller than this when the server refuses its size (FileCloud reference 7.1)."""


class FileCloudTarget:
    """The folder ``root`` of a FileCloud account, as :class:`~spfc.targets.base.Target` promises.

    ``root`` is FileCloud's own path (``/account/folder``); see :meth:`ensure_root`. Further to the protocol:

    - Any ServiceError out of :meth:`put_chunk` means that the upload is void: start the file again at offset 0.
    - A chunk that the server finds too large is sent in smaller pieces, unseen by the caller.
    - A refusal that nothing explains is a plain ItemError: this item waits, the run goes on.
    """

    piecemeal = False
    """See the protocol."""

    def __init__(self, client: FileCloudClient, root: str) -> None:
        self.chunk_size = client.settings.chunk_size
        self.root = checked(root.rstrip("/") or "/").rstrip("/")
        if not self.root:
            raise ValueError("the root of a FileCloud target is a folder below an account, not '/'")
        self._client = client
        self._piece = self.chunk_size
        self._folders = FolderMaker(client)
        self._mover = Mover(client, self._folders)

    @property
    def calls(self) -> int:
        """Requests sent so far by the client, logins and repetitions included."""
        return self._client.calls

    @property
    def refusals(self) -> int:
        """Answers with status 408, 425, 429 or 503 so far, and connections that could not be made."""
        return self._client.refusals

    def ensure_root(self) -> Made:
        """Make the missing levels of the root path; one call when it is there (two for a bare account folder).

        The account or team folder itself must exist: raises PlaceNotFound when it does not, or when a file is in
        the way.
        """
        try:
            return self._folders.make_path(self.root)
        except TargetExists as error:
            raise PlaceNotFound(error.message, item=error.item) from error

    def stat(self, path: str) -> TargetEntry | None:
        """See the protocol. One call."""
        full = self._full(path)
        found = self._client.info(full)
        return _entry(path, found) if found is not None and stands_there(found, full) else None

    def list_folder(self, path: str) -> list[TargetEntry] | None:
        """See the protocol. One call, one more for each 999 entries above 1000, one to believe that it is missing."""
        full = self._full(path)
        try:
            found = list_whole_folder(self._client, full)
        except CallRefused as refusal:
            standing = self._client.info(full)
            if standing is None or not standing.is_folder:
                return None
            raise AnswerUnreadable(refusal.message, item=full) from refusal
        return [_entry(_join(path, entry.name), entry) for entry in found]

    def make_folder(self, path: str) -> Made:
        """See the protocol. After a lost reply, a folder that is there counts as EXISTED."""
        if path == "/":
            return self.ensure_root()
        return self._folders.make(self._full_below_root(path))

    def put_chunk(self, spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> TargetEntry | None:
        """See the protocol and the class."""
        full = self._full_below_root(spec.path)
        if last != (offset + len(chunk) == spec.size) or (not chunk and not last):
            raise ValueError(f"chunk of {len(chunk)} bytes at {offset} of {spec.size}, last={last}")
        etag, sent, size = None, 0, self._piece
        view = memoryview(chunk)
        while True:
            part = view[sent : sent + size]
            ends = sent + len(part) == len(view)
            try:
                etag = self._send_piece(spec, full, offset + sent, part, last=last and ends)
            except _TooLarge as refused:
                if len(part) <= _SMALLEST_PIECE:
                    raise refused.error from refused
                size = max(_SMALLEST_PIECE, len(part) // 2)
                continue
            if size < self._piece:
                self._piece = size  # learnt: this server takes no larger ones
            sent += len(part)
            if ends:
                break
        if not last:
            return None
        name = spec.path.rpartition("/")[2]
        return TargetEntry(spec.path, name, Kind.FILE, spec.size, spec.modified, etag)

    def open(self, path: str, *, size: int, offset: int = 0) -> TargetStream:
        """See the protocol. One call when all is well."""
        return self._client.download(self._full_below_root(path), size=size, offset=offset)

    def move(self, old: str, new: str) -> None:
        """See the protocol. One call when all is well."""
        self._mover.move(self._full_below_root(old), self._full_below_root(new))

    def remove(self, path: str, kind: Kind) -> None:
        """See the protocol. One call when all is well. FileCloud cannot be told the kind: list before you remove."""
        full = self._full_below_root(path)
        parent, _, name = full.rpartition("/")
        for attempt in range(1, TRIES + 1):
            try:
                self._client.delete(parent, name)
            except (ReplyLost, CallRefused) as problem:
                standing = self._client.info(full)
                if standing is None or not stands_there(standing, full):
                    return
                if isinstance(problem, CallRefused):
                    if standing.locked:
                        raise TargetLocked("Somebody holds the file open at FileCloud.", item=full) from problem
                    raise (from_words(problem, full) or unexplained(problem, full)) from problem
                if attempt == TRIES:
                    raise
                self._client.rest(attempt)
            else:
                return

    def retire(self, path: str, kind: Kind, destination: str) -> str:
        """See the protocol. One call when its folder is known to be there and the name is free."""
        source = self._full_below_root(path)
        checked(destination)
        if (destination + "/").startswith(self.root + "/"):
            raise ValueError(f"{destination!r} lies inside the target root {self.root!r}")
        return self._mover.retire(source, destination)

    def beside(self, root: str) -> FileCloudTarget:
        """See the protocol."""
        return FileCloudTarget(self._client, root)

    def close(self) -> None:
        """See the protocol: logs out."""
        self._client.close()

    def _send_piece(self, spec: PutSpec, full: str, offset: int, part: memoryview, *, last: bool) -> str | None:
        folder, _, name = full.rpartition("/")
        piece = Chunk(
            folder=folder,
            name=name,
            offset=offset,
            data=part,
            size=spec.size,
            date=self._client.spell_date(spec.modified),
            last=last,
            keep_existing=spec.expect_absent,
            if_etag=spec.expect_etag,
        )
        tries = TRIES if offset == 0 else 2
        for attempt in range(1, tries + 1):
            try:
                return self._client.upload_chunk(piece)
            except (ReplyLost, CallRefused) as problem:
                if last and (isinstance(problem, ReplyLost) or attempt > 1):
                    found = self._client.info(full)
                    if found is not None and _as_sent(found, spec):
                        return found.etag
                if isinstance(problem, CallRefused):
                    self._judge(problem, spec, full, offset, len(part))
                if attempt == tries or (last and offset > 0):
                    raise ReplyLost(problem.message, item=full, hint="Start the file again at offset 0.") from problem
                self._client.rest(attempt)
        raise AssertionError("unreachable")

    def _judge(self, refusal: CallRefused, spec: PutSpec, full: str, offset: int, length: int) -> None:
        """Raise the reason for a refused piece; _TooLarge when a smaller one may help (FileCloud reference 7.1)."""
        if refusal.hint_kind is Hint.TOO_LARGE:
            raise _TooLarge(unexplained(refusal, full)) from refusal
        reason = explain_upload(self._client, full, refusal, keep_existing=spec.expect_absent, if_etag=spec.expect_etag)
        if reason is not None:
            raise reason from refusal
        if offset > 0:
            raise ServiceBusy(refusal.message, item=full, hint="Start the file again at offset 0.") from refusal
        if length > _SMALLEST_PIECE:
            raise _TooLarge(unexplained(refusal, full)) from refusal
        raise unexplained(refusal, full) from refusal

    # -- paths ---------------------------------------------------------------------------------------

    def _full(self, path: str) -> str:
        return self.root + checked(path).rstrip("/")

    def _full_below_root(self, path: str) -> str:
        if path == "/":
            raise ValueError("the target root itself is not ours to change")
        return self._full(path)


class _TooLarge(Exception):
    """The server took no piece of this size; ``error`` is what to raise when it cannot be cut any smaller."""

    def __init__(self, error: SpfcError) -> None:
        super().__init__(str(error))
        self.error = error


def _as_sent(found: Entry, spec: PutSpec) -> bool:
    """Say whether the file that is there must be the one whose reply was lost (FileCloud reference 7.4)."""
    if found.is_folder or found.size != spec.size:
        return False
    if spec.expect_etag is not None and found.etag == spec.expect_etag:
        return False
    if found.modified is None:  # an old server: only a file that was not allowed to be there before is proof
        return spec.expect_absent
    return abs(found.modified - spec.modified) <= TIME_TOLERANCE


def _entry(path: str, found: Entry) -> TargetEntry:
    if found.is_folder:
        return TargetEntry(path, found.name, Kind.FOLDER, 0, found.modified, found.etag)
    return TargetEntry(path, found.name, Kind.FILE, found.size, found.modified, found.etag)


def _join(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}"
