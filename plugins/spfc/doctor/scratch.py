"""The folder in which the probes may do what they like: made under a name of its own, and always removed again."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace

from spfc.doctor import raw
from spfc.doctor.raw import Answer
from spfc.doctor.shape import Finding, fail, ok, skipped
from spfc.errors import ItemGone, ReplyLost, SpfcError
from spfc.filecloud import CallRefused, Chunk, FileCloudClient, Hint, calls
from spfc.filecloud.wire import Request

NAME = "spfc-doctor-"
SOME_DAY = 1_700_000_000
"""A time in the past (2023-11-14) for files whose time does not matter."""
_TRIES = 3


class Scratch:
    """One folder below ``parent`` with a folder for each probe. Paths are FileCloud's own."""

    def __init__(self) -> None:
        self.path = ""
        self._parent, self._name = "", f"{NAME}{secrets.token_hex(4)}"
        self._client: FileCloudClient | None = None

    @property
    def client(self) -> FileCloudClient:
        """The client that the folder was made with."""
        if self._client is None:
            raise RuntimeError("the folder has not been made")
        return self._client

    def make(self, client: FileCloudClient, parent: str) -> Finding:
        """Make the folder. Raises what the client raises."""
        self._client, self._parent = client, parent
        self.path = f"{parent}/{self._name}"  # from here on it may be there, and must be removed
        try:
            client.create_folder(parent, self._name)
        except ReplyLost:
            if client.info(self.path) is None:
                raise
        return ok(f"{self.path} is made.")

    def remove(self) -> Finding:
        """Remove the folder with everything in it, and look whether it is gone."""
        if not self.path:
            return skipped("nothing was made")
        try:
            for attempt in range(1, _TRIES + 1):
                if self._is_gone():
                    return ok(f"{self.path} is gone (a recycle bin may keep it for a while).")
                self._delete(attempt)
            gone, why = self._is_gone(), "it is still there"
        except SpfcError as error:
            gone, why = False, error.message
        except KeyboardInterrupt:
            gone, why = False, "it was interrupted"
        if gone:
            return ok(f"{self.path} is gone.")
        return fail(f"{self.path} was not removed: {why}.", f"Delete the folder {self.path} at FileCloud by hand.")

    def _delete(self, attempt: int) -> None:
        try:
            self.client.delete(self._parent, self._name)
        except (CallRefused, ReplyLost):
            if attempt == _TRIES:
                raise
            self.client.rest(attempt)

    def _is_gone(self) -> bool:
        return self.client.info(self.path) is None

    # -- what probes do in it ------------------------------------------------------------------------

    def folder(self, name: str) -> str:
        """Make a folder for one probe, and return its path."""
        self.client.create_folder(self.path, name)
        return f"{self.path}/{name}"

    def put(self, folder: str, name: str, data: bytes = b"", modified: int = SOME_DAY) -> str | None:
        """Upload a whole file as a run does; return the etag that came back."""
        return self.client.upload_chunk(self.chunk(folder, name, data, modified))

    def chunk(self, folder: str, name: str, data: bytes, modified: int = SOME_DAY) -> Chunk:
        """Return a whole file as one chunk."""
        date = self.client.spell_date(modified)
        return Chunk(folder, name, 0, data, len(data), date, last=True)

    def send(self, chunk: Chunk, changes: Mapping[str, str] | None = None) -> Answer:
        """Upload a chunk whose query differs in ``changes``, and say how it went."""
        request = calls.upload(chunk, self.client.settings.last_chunk_timeout)
        return self.ask(replace(request, query={**request.query, **(changes or {})}))

    def ask(self, request: Request) -> Answer:
        """Send any call and say how it went. A reply that is lost is told as such."""
        try:
            return raw.ask(self.client, request)
        except ReplyLost as error:
            return Answer(False, 0, error.message[:80], Hint.UNKNOWN)

    def content(self, path: str) -> bytes | None:
        """Return the bytes of a small file, None when there is none."""
        entry = self.client.info(path)
        if entry is None or entry.is_folder:
            return None
        try:
            with self.client.download(path, size=entry.size) as stream:
                return stream.read(entry.size)
        except ItemGone:
            return None
