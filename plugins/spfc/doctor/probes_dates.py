"""P2 and P3: whether times and tags of content are what spfc relies on (FileCloud reference 16, 3.3, 7.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from spfc.doctor import raw
from spfc.doctor.filecloud_target import spell_offset
from spfc.doctor.scratch import Scratch
from spfc.doctor.shape import Finding, fail, ok, warn
from spfc.filecloud import DateStyle
from spfc.filecloud.dates import spell_date
from spfc.planning.difference import TIME_TOLERANCE
from spfc.wording import moment

WINTER = int(datetime(2024, 1, 15, 12, 34, 56, tzinfo=UTC).timestamp())
SUMMER = int(datetime(2024, 7, 15, 12, 34, 56, tzinfo=UTC).timestamp())
_RECENT = 600
"""Seconds: a stored time that is so near to now is the moment of the upload."""
_QUARTER, _FURTHEST = 900, 14 * 3600
"""Offsets of time zones are multiples of the one and no larger than the other."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """By how many seconds the stored times differ from those sent."""

    winter: int
    summer: int

    @property
    def right(self) -> bool:
        return all(abs(off) <= TIME_TOLERANCE for off in (self.winter, self.summer))

    @property
    def zone(self) -> bool:
        """Say whether both look like the offset of a time zone."""
        both = (self.winter, self.summer)
        return all(off % _QUARTER == 0 and abs(off) <= _FURTHEST for off in both)


def dates(scratch: Scratch, *, now: float) -> Finding:
    """P2: upload with each spelling, in winter and in summer, and look what is stored; ``now`` is this moment."""
    folder, settings = scratch.folder("P2"), scratch.client.settings
    kept = {}
    for style in (DateStyle.ISO_Z, DateStyle.NAIVE_UTC, settings.date_style):
        spelling = replace(settings, date_style=style)
        winter, summer = (
            _stored(scratch, folder, f"{style}-{at}.txt", spell_date(at, spelling)) for at in (WINTER, SUMMER)
        )
        if winter is None or summer is None:
            return _untold(scratch, folder, settings.date_style)
        kept[style] = _Kept(winter - WINTER, summer - SUMMER)
    mine = kept[settings.date_style]
    if mine.right:
        return ok(f"Times are kept as date_style {settings.date_style} sends them. {_naive(kept[DateStyle.NAIVE_UTC])}")
    if abs(WINTER + mine.winter - now) < _RECENT:
        return fail(
            "The server ignores the times of uploads: every copy shows when it was uploaded.",
            "Have the storage behind this folder changed to one that keeps times; until then every copy looks as if "
            "somebody had edited it.",
        )
    return fail(
        f"Times sent as date_style {settings.date_style} are stored wrong: in winter by {mine.winter} s, in summer by "
        f"{mine.summer} s.",
        _better(kept),
    )


def _stored(scratch: Scratch, folder: str, name: str, date: str) -> int | None:
    answer = scratch.send(scratch.chunk(folder, name, b"time"), {"date": date})
    fields: Mapping[str, object] = raw.record_of(scratch.client, f"{folder}/{name}") or {} if answer.done else {}
    return raw.number(fields, "modifiedepochutc")


def _untold(scratch: Scratch, folder: str, style: DateStyle) -> Finding:
    """Say what can be said without a time in UTC: the server's wall clock, read as if it were UTC (reference 3.3)."""
    scratch.put(folder, "wall.txt", b"time", WINTER)
    wall = raw.number(raw.record_of(scratch.client, f"{folder}/wall.txt") or {}, "modifiedepoch")
    shown = f"shows {spell_offset(wall - WINTER)} from UTC" if wall is not None else "shows no number at all"
    return warn(
        f"Whether date_style {style} is right cannot be told: this server gives no time in UTC. A time in winter "
        f"{shown}.",
        "Open a copy in FileCloud's web interface and compare its time with SharePoint's, or update the server.",
    )


def _naive(kept: _Kept) -> str:
    if kept.right:
        return "Times without a zone are read as UTC."
    if kept.zone:
        return f"Times without a zone are read as UTC{spell_offset(-kept.winter)} (in winter)."
    return "Times without a zone are not understood."


def _better(kept: Mapping[DateStyle, _Kept]) -> str:
    for style, found in kept.items():
        if found.right:
            return f"Set date_style to {style} in the connection."
    naive = kept[DateStyle.NAIVE_UTC]
    if naive.zone:
        return (
            "Set date_style to naive_server in the connection, and server_tz to the server's time zone (UTC"
            f"{spell_offset(-naive.winter)} in winter, UTC{spell_offset(-naive.summer)} in summer)."
        )
    return f"No spelling is kept: report this line ({moment(WINTER)} came back as {naive.winter} s off)."


def tags(scratch: Scratch) -> Finding:
    """P3: tags of content: after an upload, in a listing, after the same bytes again, after a rename."""
    folder, client = scratch.folder("P3"), scratch.client
    sent = scratch.put(folder, "a.txt", b"the same bytes")
    listed = _tag(scratch, f"{folder}/a.txt")
    plain = _tag(scratch, f"{folder}/a.txt", extra=False)
    scratch.put(folder, "a.txt", b"the same bytes")
    again = _tag(scratch, f"{folder}/a.txt")
    client.rename(folder, "a.txt", "b.txt")
    renamed = _tag(scratch, f"{folder}/b.txt")
    if listed is None:
        return ok(
            "This server has no tags of content (etags): edited copies are noticed by size and time, and an edit made "
            "in the very moment of an update is not."
        )
    if sent is not None and sent != listed:
        return fail(
            "The tag that comes back after an upload is not the one in listings.",
            "Update the server, or report this line: spfc would hold its own copies for edited ones.",
        )
    return ok(
        f"Tags: {'after an upload, too' if sent else 'in listings only'}; {_seen(plain)} without extra fields; "
        f"{_changes(listed, again)} when the same bytes are sent again, {_changes(again, renamed)} by a rename."
    )


def _tag(scratch: Scratch, path: str, *, extra: bool = True) -> str | None:
    fields = raw.record_of(scratch.client, path, extra=extra) or {}
    return str(fields.get("etag") or "").strip().strip('"') or None


def _seen(tag: str | None) -> str:
    return "absent" if tag is None else "present"


def _changes(before: str | None, after: str | None) -> str:
    return "unchanged" if before == after else "changed"
