"""A FileCloud folder that copies go to: is it there, may we write, is there room, does it tell times?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from spfc.doctor import raw
from spfc.doctor.filecloud import FileCloudChecks
from spfc.doctor.shape import Finding, Step, fail, ok, skipped, warn
from spfc.errors import AnswerUnreadable, PermissionMissing, PlaceNotFound
from spfc.filecloud import CallRefused, FileCloudSettings, calls
from spfc.filecloud.wire import Request
from spfc.routes import FileCloudTarget, RemovalPolicy, Route
from spfc.wording import size

_AREAS = frozenset({"SHARED", "EXTERNAL"})
"""First levels below which the second level is given, too (FileCloud reference 4)."""
_RIGHTS = ("read", "write", "create", "update", "delete")
"""What spfc needs of the rights that the server lists (FileCloud reference 5, permission)."""
_TIGHT = 0.05
_LOOKED_AT = 50


class FileCloudTargetChecks(FileCloudChecks):
    """The checks of a route that copies to FileCloud.

    ``coming`` returns how many bytes a first run would bring, if that is known.
    """

    name = "filecloud"

    def __init__(
        self,
        load: Callable[[], FileCloudSettings],
        route: Route,
        place: FileCloudTarget,
        *,
        skew: Callable[[], float] = lambda: 0.0,
        coming: Callable[[], int | None] = lambda: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(load, skew=skew, now=now)
        self._route, self._place = route, place
        self._coming = coming
        self.standing = ""
        """The target folder, or the deepest folder above it that is there already."""

    def content_steps(self, login: tuple[str, ...]) -> list[Step]:
        """See the base class."""
        inside = ("filecloud.target",)
        return [
            Step("filecloud.target", self._find_target, login),
            Step("filecloud.rights", self._check_rights, inside),
            Step("filecloud.quarantine", self._check_quarantine, ("filecloud.rights",)),
            Step("filecloud.quota", self._check_quota, inside),
            Step("filecloud.times", self._check_times, inside),
        ]

    def _find_target(self) -> Finding:
        folder = self._place.folder
        self.standing = self._deepest(folder)
        if self.standing == folder:
            return ok(f"{folder} is there.")
        return ok(f"{folder} is not there yet; the first run makes it below {self.standing}.")

    def _deepest(self, folder: str) -> str:
        """Return ``folder`` or the deepest one above it that is there. Raises PlaceNotFound as a run would."""
        levels = folder[1:].split("/")
        given = 2 if levels[0] in _AREAS else 1
        for depth in range(len(levels), given - 1, -1):
            path = "/" + "/".join(levels[:depth])
            found = self.used.info(path)
            if found is not None and not found.is_folder:
                raise PlaceNotFound(
                    f"A file is at {path}, where a folder must be.", hint="Move it away, or change target.folder."
                )
            if found is not None or (depth == given and self._is_listed(path)):
                return path
        raise PlaceNotFound(
            f"The account or team folder /{'/'.join(levels[:given])} is not there at FileCloud, or not open to us.",
            hint="Create it, share it with the account, or correct target.folder of the route.",
        )

    def _is_listed(self, path: str) -> bool:
        try:
            self.used.list_page(path, 0, 1)
        except CallRefused:
            return False
        return True

    # -- what we may do there ------------------------------------------------------------------------

    def _check_rights(self) -> Finding:
        return self._rights_at(self.standing)

    def _rights_at(self, folder: str) -> Finding:
        request = Request("getaccessdetailsforpath", "/core/getaccessdetailsforpath", form={"fullpath": folder})
        fields = raw.fields_with(self.used.raw(request), "read")
        missing = [right for right in _RIGHTS if str(fields.get(right, "1")).strip() == "0"]
        entry = self.used.info(folder)
        if entry is not None and not entry.can_upload and not missing:
            missing = ["upload"]
        user = self.used.settings.user
        if missing:
            return fail(
                f"{user} may not {', '.join(missing)} in {folder}.",
                f"Give {user} the rights to read, write, create, update and delete in {folder} and below "
                "(for a team folder: full access, without any deny rule below it).",
            )
        if not fields:
            return ok(f"Nothing speaks against writing to {folder}; this server does not list rights.")
        return ok(f"{user} may {', '.join(_RIGHTS)} in {folder}.")

    def _check_quarantine(self) -> Finding:
        if self._route.policies.removals is not RemovalPolicy.QUARANTINE:
            return skipped(f"removed items are not quarantined (policies.removals: {self._route.policies.removals})")
        folder = self._route.quarantine_folder
        standing = self._deepest(folder)
        finding = self._rights_at(standing)
        where = f"{folder} is there." if standing == folder else f"{folder} is made when needed."
        return replace(finding, found=f"{where} {finding.found}")

    def _check_quota(self) -> Finding:
        coming = self._coming()
        try:
            usage = self.used.usage()
        except (CallRefused, PermissionMissing, AnswerUnreadable):
            return warn(  # no run asks for it, so none would fail
                "The server does not tell this account how much room it has.",
                f"Look at the quota of {self.used.settings.user} in FileCloud's web interface.",
            )
        if not usage.limit:
            return ok(f"{size(usage.used)} used, no limit.")
        free = usage.limit - usage.used
        text = f"{size(usage.used)} of {size(usage.limit)} used"
        step = f"Raise the quota of {self.used.settings.user}, or empty its recycle bin and old versions: both count."
        if not f"{self.standing}/".startswith(f"/{self.used.settings.user}/"):
            return ok(f"{text}, but files of team folders do not count against it.")
        if free <= 0:
            return fail(f"{text}: there is no room left.", step)
        if coming is not None and coming > free and self.standing != self._place.folder:
            return warn(f"{text}, and the first run would bring {size(coming)}.", step)
        if free < _TIGHT * usage.limit:
            return warn(f"{text}: that is tight.", step)
        return ok(f"{text}.")

    def _check_times(self) -> Finding:
        listed = raw.records_in(self.used.raw(calls.file_list(self.standing, 0, _LOOKED_AT)), "entry")
        files = [record for record in listed if record.get("type") == "file"]
        here = raw.record_of(self.used, self.standing)
        shown = files or listed or ([here] if here is not None else [])
        if not shown:
            return skipped("nothing is there yet whose times could be looked at; --write-probe does (P2)")
        wall, true = raw.number(shown[0], "modifiedepoch"), raw.number(shown[0], "modifiedepochutc")
        if true is not None:
            zone = "" if wall is None else f"; its own clock shows UTC{spell_offset(wall - true)}"
            return ok(f"The server tells times in UTC{zone}.")
        if not files:
            return skipped("only folders are there yet, and this server tells no times of folders; --write-probe does")
        return self._no_utc(any(record.get("etag") for record in files))

    def _no_utc(self, has_etags: bool) -> Finding:
        text = "The server does not tell times in UTC (no field modifiedepochutc)"
        step = "Update the FileCloud server: releases of 2024 and later tell times in UTC."
        if has_etags:
            return warn(f"{text}. Tags of content are there, so edited copies are noticed all the same.", step)
        return fail(f"{text}, and no tags of content: a copy that somebody edits unnoticed is overwritten.", step)


def spell_offset(seconds: int) -> str:
    """Write an offset from UTC as ``+02:00``."""
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return f"{'-' if seconds < 0 else '+'}{hours:02d}:{minutes:02d}"
