"""The FileCloud client: typed calls over one healed session, safe to share between threads."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from spfc.errors import AnswerUnreadable, ItemGone, PermissionMissing, ReplyLost, ServiceBusy
from spfc.filecloud import calls, feed, xml
from spfc.filecloud.answers import Answers
from spfc.filecloud.calls import PAGE_SIZE, Chunk
from spfc.filecloud.dates import spell_date
from spfc.filecloud.download import Download, read_download
from spfc.filecloud.records import Entry, Identity, Listing, SyncChange, Usage, Version
from spfc.filecloud.refusals import CallRefused, Hint
from spfc.filecloud.session import Session
from spfc.filecloud.settings import FileCloudSettings
from spfc.filecloud.wire import Reply, Request, Wire

T = TypeVar("T")
_CERTAIN = frozenset({Hint.EXISTS, Hint.CHANGED, Hint.LOCKED, Hint.QUOTA, Hint.NAME, Hint.TOO_LARGE, Hint.CSRF})
"""Refusals that no dead session explains. All others, unknown words above all, are checked (reference 2.4, 18)."""
_DEATHS = 3
"""How often a session may be dead during one call. Twice is bad luck (another thread, another task, a restart of the
server); somebody who ends every session at once shall not make us log in for ever (reference 2.1)."""
_UNREADABLE_TRIES = 2
"""How often a call is repeated that a living session answers with a web page (reference 12)."""


class FileCloudClient:
    """One account at one server. Paths are FileCloud's own: absolute, ``/`` between, no trailing slash.

    Nothing is sent before the first call, which logs in. Every call may raise AuthenticationRefused, Unreachable,
    ServiceBusy, Throttled, AnswerUnreadable; reading calls PermissionMissing; changing calls ReplyLost (look before
    you repeat) and :class:`~spfc.filecloud.refusals.CallRefused` (look before you judge).
    ``sleep``, ``monotonic`` and ``jitter`` (0 to 1) are the clock and the dice of the retries.
    """

    def __init__(
        self,
        settings: FileCloudSettings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.settings = settings
        self._wire = Wire(settings, sleep=sleep, monotonic=monotonic, jitter=jitter)
        self._session = Session(settings, self._wire)
        self._answers = Answers(self._session.redact, settings.entry_types)

    @property
    def counts(self) -> Counter[str]:
        """Requests sent so far by operation (``loginguest``, ``upload``, ...), repetitions included."""
        return self._wire.counts

    @property
    def calls(self) -> int:
        """Requests sent so far, logins and repetitions included."""
        return self._wire.counts.total()

    @property
    def refusals(self) -> int:
        """How often the server turned us away for now: status 408, 425, 429, 503, or no connection."""
        return self._wire.refusals

    def rest(self, attempt: int) -> None:
        """Wait before a repetition that the caller decides on; ``attempt`` counts from 1."""
        self._wire.rest(attempt)

    def identity(self) -> Identity:
        """Return who the server thinks we are."""
        return self._ask(calls.authentication_info(), lambda q, r: xml.read_identity(self._answers.document(q, r)))

    def list_page(self, path: str, start: int = 0, limit: int = PAGE_SIZE) -> Listing:
        """Return one page of a folder. Raises CallRefused when the folder is missing or closed to us."""
        return self._ask(calls.file_list(path, start, limit), self._answers.page)

    def info(self, path: str) -> Entry | None:
        """Return what stands at ``path``, None when nothing does."""
        try:
            return self._ask(calls.file_info(path), self._answers.info)
        except CallRefused as refusal:
            if refusal.hint_kind is Hint.MISSING:
                return None
            raise

    def exists(self, path: str, *, ignore_case: bool = False) -> bool:
        """Say whether something stands at ``path``, or at a variant of it in other case."""
        return self._ask(calls.file_exists(path, ignore_case=ignore_case), self._answers.exists)

    def create_folder(self, parent: str, name: str) -> None:
        """Make one folder in an existing one."""
        self._ask(calls.create_folder(parent, name), self._answers.command)

    def upload_chunk(self, chunk: Chunk) -> str | None:
        """Send one chunk; return the etag of the file after the last one, None from servers without etags."""
        return self._ask(calls.upload(chunk, self.settings.last_chunk_timeout), self._answers.upload)

    def spell_date(self, modified: int) -> str:
        """Spell seconds UTC the way this server wants upload dates."""
        return spell_date(modified, self.settings)

    def download(self, path: str, *, size: int | None = None, offset: int = 0) -> Download:
        """Open a file for reading from ``offset``; ``size`` is what the listing says of the whole file.

        Raises ItemGone when it is not there any more, ItemChanged when it has another size.
        """
        try:
            return self._ask(
                calls.download(path, offset),
                lambda q, r: read_download(q, r, self._answers, size=size, offset=offset),
            )
        except CallRefused as refusal:
            if self.info(path) is None:
                raise ItemGone("The file is not there at FileCloud any more.", item=path) from refusal
            raise

    def delete(self, parent: str, name: str) -> None:
        """Delete a file, or a folder with everything in it."""
        self._ask(calls.delete(parent, name), self._answers.command)

    def rename(self, parent: str, name: str, new_name: str) -> None:
        """Rename within a folder."""
        self._ask(calls.rename(parent, name, new_name), self._answers.command)

    def move(self, old: str, new: str) -> None:
        """Rename or move a file or a folder; never replaces anything."""
        self._ask(calls.move(old, new), self._answers.command)

    def sync_version(self, folder: str) -> int:
        """Return how far the change feed of a folder has come (reference 10). Raises CallRefused without a feed."""
        return self._ask(
            calls.sync_folders(folder), lambda q, r: feed.read_version(self._answers.document(q, r), folder)
        )

    def sync_changes(self, folder: str, since: int) -> tuple[SyncChange, ...]:
        """Return what the change feed says of a folder after version ``since`` (reference 10): hints, not proofs."""
        return self._ask(calls.sync_delta(folder, since), lambda q, r: feed.read_changes(self._answers.document(q, r)))

    def usage(self) -> Usage:
        """Return the room that the account uses and has."""
        return self._ask(
            calls.disk_usage(self.settings.user), lambda q, r: xml.read_usage(self._answers.document(q, r))
        )

    def versions(self, folder: str, name: str) -> tuple[Version, ...]:
        """Return the versions of a file, the live one included, newest first."""
        return self._ask(calls.versions(folder, name), lambda q, r: xml.read_versions(self._answers.document(q, r)))

    def raw(self, request: Request) -> Reply:
        """Send any other call under the login and return its answer as it came, whatever it says; nothing is healed."""
        return self._session.send(request, self._session.current())

    def redact(self, text: str) -> str:
        """Return a server's text shortened and without the password or a cookie value that it may echo."""
        return self._session.redact(text)

    def close(self) -> None:
        """Log out and close all connections. The object is not used afterwards."""
        self._session.close()
        self._wire.close()

    def _ask(self, request: Request, read: Callable[[Request, Reply], T]) -> T:
        """Send, read, and if the answer smells of a dead session, have that checked and repeat the call."""
        login = self._session.current()
        for _ in range(_DEATHS):
            try:
                return read(request, self._session.send(request, login))
            except CallRefused as refusal:
                if refusal.hint_kind in _CERTAIN:
                    raise
                problem: CallRefused | AnswerUnreadable = refusal
            except AnswerUnreadable as unreadable:
                problem = unreadable
            fresh = self._session.renew(login)
            if fresh is None:
                return self._settle(request, read, problem)
            login = fresh
        if isinstance(problem, AnswerUnreadable) and request.changes:
            raise ReplyLost(problem.message, item=request.subject) from problem
        raise ServiceBusy(
            f"FileCloud ended the session {_DEATHS} times during one call.",
            hint="Does another program log in with this account? Give spfc an account of its own.",
            item=request.subject,
        ) from problem

    def _settle(
        self, request: Request, read: Callable[[Request, Reply], T], problem: CallRefused | AnswerUnreadable
    ) -> T:
        """The session lives, so the problem is real: repeat what may be repeated, else raise."""
        if isinstance(problem, CallRefused):
            if problem.hint_kind in (Hint.PERMISSION, Hint.SESSION) and not request.changes:
                raise PermissionMissing(problem.message, item=problem.item) from problem
            raise problem
        if request.changes:
            raise ReplyLost(problem.message, item=request.subject) from problem
        for attempt in range(1, _UNREADABLE_TRIES + 1):
            self._wire.rest(attempt)
            try:
                return read(request, self._session.send(request, self._session.current()))
            except AnswerUnreadable as again:
                problem = again
        raise problem
