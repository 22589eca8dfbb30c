"""A FileCloud folder that copies come from: can it be listed, do its files tell their age, do its bytes come?"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

from spfc.doctor import raw
from spfc.doctor.filecloud import FileCloudChecks
from spfc.doctor.shape import Finding, Step, ok, skipped, warn
from spfc.errors import AnswerUnreadable, ItemError, PlaceNotFound
from spfc.filecloud import CallRefused, Entry, FileCloudSettings, calls
from spfc.routes import FileCloudSource
from spfc.wording import count, plural

_LOOKED_AT = 200
"""Entries of the folder that are looked at."""
_PART = 64 << 10
_TRIES = 3


class FileCloudSourceChecks(FileCloudChecks):
    """The checks of a route that copies from FileCloud."""

    name = "source"

    def __init__(
        self,
        load: Callable[[], FileCloudSettings],
        place: FileCloudSource,
        *,
        skew: Callable[[], float] = lambda: 0.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(load, skew=skew, now=now)
        self._place = place
        self._entries: tuple[Entry, ...] = ()

    def content_steps(self, login: tuple[str, ...]) -> list[Step]:
        """See the base class."""
        listed = ("source.folder",)
        return [
            Step("source.folder", self._list, login),
            Step("source.times", self._look_at_times, listed),
            Step("source.feed", self._ask_feed, listed),
            Step("source.download", self._download, listed),
        ]

    def _list(self) -> Finding:
        folder = self._place.folder
        try:
            page = self.used.list_page(folder, 0, _LOOKED_AT)
        except CallRefused as refusal:
            raise PlaceNotFound(
                f"The folder {folder} cannot be listed: {refusal.message}",
                hint="Correct source.folder of the route, or share the folder with the account.",
            ) from refusal
        self._entries = page.entries
        total = len(page.entries) if page.total is None else page.total
        return ok(f"{folder} is there, with {plural(total, 'entry', 'entries')}.")

    def _look_at_times(self) -> Finding:
        reply = self.used.raw(calls.file_list(self._place.folder, 0, _LOOKED_AT))
        files = [record for record in raw.records_in(reply, "entry") if record.get("type") not in ("dir", "0")]
        if not files:
            return skipped("no file lies directly in the folder")
        tags = any(record.get("etag") for record in files)
        if raw.number(files[0], "modifiedepochutc") is not None:
            return ok(f"The server tells times in UTC{', and tags of content' if tags else ''}.")
        lost = "" if tags else " An edit of equal length is noticed by that time only."
        return warn(
            f"The server does not tell times in UTC (no field modifiedepochutc).{lost}",
            "Set server_tz in the connection, so that copies get the right times; or update the FileCloud server.",
        )

    def _ask_feed(self) -> Finding:
        if not self._place.change_feed:
            return skipped("the route lists every folder in each run (source.change_feed: false)")
        try:
            version = self.used.sync_version(self._place.folder)
        except (CallRefused, AnswerUnreadable) as error:
            return warn(
                f"The server has no change feed that spfc understands: {error.message}",
                "Set source.change_feed to false: every run lists everything then, with or without it.",
            )
        return ok(f"The change feed stands at {version}.")

    def _download(self) -> Finding:
        files = [entry for entry in self._entries if not entry.is_folder and entry.size > 1]
        if not files:
            return skipped("no file lies directly in the folder to try it with")
        for number, entry in enumerate(sorted(files, key=lambda entry: entry.size)[:_TRIES], start=1):
            try:
                return self._read(entry)
            except ItemError:
                if number == min(len(files), _TRIES):
                    raise
        raise AssertionError("unreachable")

    def _read(self, entry: Entry) -> Finding:
        half = entry.size // 2
        with closing(self.used.download(entry.path, size=entry.size)) as stream:
            first = stream.read(min(half, _PART))
        with closing(self.used.download(entry.path, size=entry.size, offset=half)) as stream:
            second, begun = stream.read(_PART), stream.offset
        told = f"{count(len(first) + len(second))} bytes of {entry.name!r} in two parts"
        if begun != half:
            return warn(
                f"{told}, but the server ignored Range and sent the whole file.",
                "Nothing needs to be done: a broken download begins again at its first byte on this server.",
            )
        return ok(f"{told}, the second by Range.")
