"""One file or folder as `getfilelist` and `fileinfo` show it (reference 3.3)."""

from __future__ import annotations

import os
import stat

from simulators.filecloud import places
from simulators.filecloud.identity import Content
from simulators.filecloud.markup import Field
from simulators.filecloud.names import extension
from simulators.filecloud.places import Place
from simulators.filecloud.times import display_size, server_offset, shown_times
from simulators.filecloud.world import World

# User interface data that clients ignore, as captured in 2024 (reference 3.3, last row).
_2024: tuple[Field, ...] = (
    ("showprev", "1"), ("canfavorite", "1"), ("favoritelistid", ""), ("favoriteid", ""), ("order", "0"),
    ("showquickedit", "1"), ("showlockunlock", "1"), ("showshareoption", "1"), ("tagged", "0"),
    ("commented", "0"), ("isreshared", "0"), ("canmanageshare", "1"), ("hasnotificationsrule", "0"),
)  # fmt: skip


_TYPES = {
    "plain": {True: [("type", "file")], False: [("type", "dir")]},
    "numbers": {True: [("type", "1")], False: [("type", "0")]},
    "words": {True: [], False: [("type", "directory")]},
}


class EntryWriter:
    """Writes the entries of one answer. `extra` says whether the caller asked for extra fields."""

    def __init__(self, world: World, extra: bool, locked: set[str], slash_after_dirpath: bool) -> None:
        self._world = world
        knobs = world.knobs
        self._knobs = knobs
        self._etag = knobs.etag and (extra or not knobs.etag_needs_extra_fields)
        self._locked = locked
        self._slash = "/" if slash_after_dirpath else ""
        self._season = server_offset(world.now(), knobs.server_tz) if knobs.offset_follows == "season" else None

    def entry(self, place: Place, status: os.stat_result, content: Content | None) -> list[Field]:
        """Return the fields of one item; `content` is None for folders."""
        is_file = stat.S_ISREG(status.st_mode)
        fields = self._common(place, is_file, status.st_size if is_file else 0)
        fields += self._times(status.st_mtime_ns // 10**9)
        fields += self._flags(place)
        if self._knobs.field_set != "legacy":
            fields += _2024
            fields.append(("lastmodifiedby", content.owner if content else ""))
        if self._knobs.field_set == "current":
            fields.append(("isdatasyncable", "1"))
        if self._etag:
            etag = self._world.etag(place, content) if content else self._world.folder_etag(status)
            fields.append(("etag", etag))
        return fields

    def area(self, place: Place) -> list[Field]:
        """Return the fields of a top folder that exists only as a listing."""
        return [*self._common(place, False, 0), *self._times(self._world.now()), *self._flags(place)]

    def _common(self, place: Place, is_file: bool, size: int) -> list[Field]:
        parent = place.parent if place.parent != "/" or not self._slash else ""
        return [
            ("path", place.path),
            ("dirpath", parent + self._slash),
            ("name", place.name),
            ("ext", extension(place.name) if is_file else ""),
            ("fullsize", str(size)),
            *_TYPES[self._knobs.entry_types][is_file],
            ("fullfilename", place.path),
            ("size", display_size(size) if is_file else ""),
            ("isroot", "1" if place.key == "" else "0"),
        ]

    def _times(self, epoch: int) -> list[Field]:
        offset = self._season
        if offset is None:
            offset = server_offset(epoch, self._knobs.server_tz)
        modified, wall, iso = shown_times(epoch, offset)
        fields = [("modified", modified), ("modifiedepoch", wall), ("modifiediso", iso)]
        if self._knobs.utc_times:
            fields.append(("modifiedepochutc", str(epoch)))
        return fields

    def _flags(self, place: Place) -> list[Field]:
        knobs = self._knobs
        locked = place.key in self._locked or places.under(place.path, knobs.locked_paths)
        write = "0" if places.under(place.path, knobs.read_only_paths) else "1"
        return [
            ("locked", "1" if locked else "0"),
            ("isshared", ""),
            ("canupload", write),
            ("candownload", "1"),
            ("canrename", write if place.key else "0"),
            ("cansetacls", "1"),
            ("isshareable", "1"),
            ("issyncable", "1" if knobs.sync_allowed else "0"),
        ]
