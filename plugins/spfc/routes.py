"""The configuration model: what a route is, validated once, unknown keys refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from spfc.errors import RouteInvalid

ROUTE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
"""Route names become DAG ids, file names and ledger keys, so they stay plain."""


def _folder(value: str) -> str:
    """Normalise a folder path: absolute, no trailing slash, no dot segments."""
    segments = [part for part in value.split("/") if part]
    if any(part in {".", ".."} or "\x00" in part for part in segments):
        raise ValueError(f"folder {value!r} must not contain '.' or '..' segments")
    return "/" + "/".join(segments)


def _base_folder(value: str) -> str:
    """Normalise a target base folder; the empty path and ``/`` would claim the whole server."""
    folder = _folder(value)
    if folder == "/":
        raise ValueError("the base folder must not be empty: name the folder below which this route may write")
    return folder


Folder = Annotated[str, AfterValidator(_folder)]
BaseFolder = Annotated[str, AfterValidator(_base_folder)]
Tag = Annotated[str, Field(min_length=1, max_length=100)]
"""Airflow refuses longer ones."""


def _zone(value: str) -> str:
    """Accept the names that this machine's time zone database knows."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"time zone {value!r} is not known here: use an IANA name such as Europe/Berlin") from None
    return value


def _hours(value: str) -> str:
    """Refuse a span that begins when it ends: it could mean never or always."""
    begin, _, end = value.partition("-")
    if begin == end or (begin, end) == ("00:00", "24:00"):
        raise ValueError(f"quiet hours {value!r} would last all day or not at all")
    return value


Zone = Annotated[str, AfterValidator(_zone)]
Hours = Annotated[
    str,
    Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"),
    AfterValidator(_hours),
]
"""A span of the day as ``HH:MM-HH:MM``; one that ends before it begins goes over midnight."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class RemovalPolicy(StrEnum):
    """What happens at the target to an item that is gone from the source."""

    KEEP = "keep"
    QUARANTINE = "quarantine"
    DELETE = "delete"


class ConflictPolicy(StrEnum):
    """What happens when somebody edited our copy at the target."""

    KEEP_BOTH = "keep_both"
    """Their version is set aside under a name of its own, and the source's takes its place."""
    SOURCE_WINS = "source_wins"
    TARGET_WINS = "target_wins"


class VerifyPolicy(StrEnum):
    """What proves a copy."""

    SOURCE = "source"
    """Length and hash of what was sent are those that the source lists."""
    READ_BACK = "read_back"
    """Besides, every copy is downloaded from the target and compared with what was sent."""


class SharePointSource(_Strict):
    """A SharePoint Online document library, or one folder of it."""

    type: Literal["sharepoint_library"] = "sharepoint_library"
    connection: str = Field("spfc_sharepoint", description="Airflow connection of type msgraph")
    hostname: str = Field(description="host of the tenant, such as contoso.sharepoint.com", min_length=1)
    site: str = Field(description="server-relative path of the site, such as /sites/legal", pattern=r"^/")
    library: str = Field("Documents", description="name of the document library", min_length=1)
    folder: Folder = Field("/", description="only what lies below this folder of the library")

    @property
    def label(self) -> str:
        """How logs and reports name this place."""
        return f"{self.hostname}{self.site}/{self.library}{'' if self.folder == '/' else self.folder}"


class FileCloudTarget(_Strict):
    """A folder on a FileCloud server."""

    type: Literal["filecloud"] = "filecloud"
    connection: str = Field("spfc_filecloud", description="Airflow connection of type filecloud")
    folder: BaseFolder = Field(description="absolute FileCloud path that mirrors the source, such as /team/legal")

    @property
    def label(self) -> str:
        """How logs and reports name this place."""
        return f"{self.connection}:{self.folder}"


class Filters(_Strict):
    """Which items of the source are wanted. Globs are matched without regard to case.

    A pattern without ``/`` is matched against the name of every file and folder, one with ``/`` against the whole
    path from the source root; ``**`` crosses folders. Excluding a folder excludes everything in it.
    """

    exclude: tuple[str, ...] = Field(("~$*", "*.tmp", "Thumbs.db", "desktop.ini", ".DS_Store"))


class Guard(_Strict):
    """How much one run may remove, or overwrite, before a person has to agree; each guard has its own defaults."""

    max_items: int = Field(ge=0)
    max_share: float = Field(ge=0, le=1)
    min_items: int = Field(ge=0)


class RemovalGuard(Guard):
    """When a run wants to remove more than this, the removals are held instead."""

    max_items: int = Field(1000, ge=0, description="most items (with everything below them) in one run")
    max_share: float = Field(0.25, ge=0, le=1, description="largest share of all synced items in one run")
    min_items: int = Field(20, ge=0, description="up to this many items the share is not looked at")


class OverwriteGuard(Guard):
    """When a run wants to overwrite more copies than this, those are held instead: it may be ransomware."""

    max_items: int = Field(5000, ge=0, description="most copies overwritten in one run")
    max_share: float = Field(0.5, ge=0, le=1, description="largest share of all synced files overwritten in one run")
    min_items: int = Field(50, ge=0, description="up to this many files the share is not looked at")


class Policies(_Strict):
    """What may be done at the target."""

    removals: RemovalPolicy = RemovalPolicy.QUARANTINE
    quarantine_folder: BaseFolder | None = Field(
        None, description="where quarantined items go; default: the target folder with '.quarantine' appended"
    )
    removal_guard: RemovalGuard = RemovalGuard()
    conflicts: ConflictPolicy = Field(
        ConflictPolicy.KEEP_BOTH, description="which version counts when a copy was edited at the target"
    )
    overwrite_guard: OverwriteGuard = OverwriteGuard()
    verify: VerifyPolicy = Field(
        VerifyPolicy.SOURCE,
        description="source: what is sent has the listed hash; read_back: what arrived is compared too",
    )
    scrub_percent_per_week: float = Field(
        0, ge=0, le=100, description="share of the old copies that is read back and compared each week; 0: none"
    )
    approval_hours: int = Field(
        24, ge=1, le=8760, description="how long held removals wait for a person in the Airflow UI"
    )
    empty_folders: bool = Field(True, description="also create folders that hold no file")


class Limits(_Strict):
    """How much one run does, and how much of it at once."""

    max_documents: int | None = Field(None, ge=1, description="most files copied per run; the rest stays owed")
    workers: int = Field(8, ge=1, le=64, description="most files copied at once within one transfer task")
    batch_files: int = Field(2000, ge=1, description="most files in one transfer task")
    batch_mib: int = Field(4096, ge=1, description="most MiB in one transfer task, larger single files aside")
    max_batches: int = Field(64, ge=1, le=1024, description="most transfer tasks per run")
    time_box_minutes: int = Field(360, ge=1, description="a transfer task stops cleanly after this long")
    full_every_days: int = Field(7, ge=1, description="enumerate everything at least this often; feeds miss deletions")
    page_size: int = Field(1000, ge=1, le=1000, description="items asked for per page of the change feed")
    mib_per_second: float | None = Field(
        None, ge=0.1, description="most MiB read from the source per second, by all transfer tasks together"
    )
    quiet_hours: tuple[Hours, ...] = Field((), description="times of day, such as 08:00-18:00, that begin no copy")
    time_zone: Zone = Field("UTC", description="IANA time zone of quiet_hours, such as Europe/Berlin")


class Route(_Strict):
    """One configured pair of a source and a target: one DAG."""

    name: str
    description: str = ""
    source: SharePointSource
    target: FileCloudTarget
    schedule: str | None = Field(
        None, description="cron text, an Airflow preset such as @hourly, 'continuous', or null"
    )
    owner: str = "spfc"
    tags: tuple[Tag, ...] = ()
    filters: Filters = Filters()
    policies: Policies = Policies()
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not ROUTE_NAME.fullmatch(self.name):
            raise ValueError(f"route name {self.name!r}: use a-z, 0-9, '_' and '-', beginning with a letter")
        if lies_inside(self.quarantine_folder, self.target.folder):
            raise ValueError("quarantine_folder must lie outside the target folder, or it would mirror itself")
        return self

    @property
    def quarantine_folder(self) -> str:
        """Absolute target path below which quarantined items are kept."""
        return self.policies.quarantine_folder or f"{self.target.folder}.quarantine"


class RunMode(StrEnum):
    """What a run looks at."""

    INCREMENTAL = "incremental"
    FULL = "full"
    AUDIT = "audit"
    RETRY_FAILED = "retry_failed"
    BACKFILL = "backfill"
    """Only by ``airflow backfill``: compare the copies of files modified within a window; the feed is not read."""

    @property
    def looks_at_target(self) -> bool:
        """Say whether a run of this mode compares the target, so that it has work although nothing is owed."""
        return self in (RunMode.AUDIT, RunMode.BACKFILL)


class Window(_Strict):
    """A span of time: from ``start`` on, ``end`` excluded."""

    start: AwareDatetime
    end: AwareDatetime


class RunOptions(_Strict):
    """The parameters of one run: the form in the Airflow UI."""

    mode: RunMode = Field(
        RunMode.INCREMENTAL,
        description="incremental: what changed; full: enumerate everything; audit: also list and compare the target; "
        "retry_failed: only what failed before",
    )
    dry_run: bool = Field(False, description="stop after the plan; nothing is changed at the target")
    max_documents: int | None = Field(None, ge=1, description="copy at most this many files in this run")
    paths: tuple[str, ...] = Field((), description="only items below these globs (from the source root)")
    release_plan: str = Field("", description="plan whose held overwrites were looked at and may go on")
    rebuild: bool = Field(False, description="mode audit: go on although the target shows nothing of what was copied")
    window: Window | None = Field(None, description="set by a backfill only: files last modified within it")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.mode is RunMode.BACKFILL) != (self.window is not None):
            raise ValueError("mode backfill belongs to 'airflow backfill create', which brings its window along")
        return self


def lies_inside(path: str, folder: str) -> bool:
    """Say whether ``path`` is ``folder`` or lies below it, as a case-insensitive server sees it."""
    path, folder = path.casefold(), folder.casefold()
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _explain(subject: str, hint: str, error: ValidationError) -> RouteInvalid:
    problems = []
    for found in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in found["loc"]) or "route"
        what = "unknown key" if found["type"] == "extra_forbidden" else found["msg"].removeprefix("Value error, ")
        problems.append(f"{where}: {what}")
    return RouteInvalid(
        f"{subject} not valid: " + "; ".join(problems) + ".",
        hint=hint,
    )


def parse_route(name: str, fields: Mapping[str, Any]) -> Route:
    """Return one validated route, or raise :class:`RouteInvalid` naming each wrong key."""
    try:
        return Route.model_validate({**fields, "name": name})
    except ValidationError as error:
        raise _explain(
            f"Route {name!r} is", "Correct it in routes.yaml; docs/routes.md lists every key.", error
        ) from None


def parse_options(fields: Mapping[str, Any]) -> RunOptions:
    """Return validated run parameters, or raise :class:`RouteInvalid`."""
    try:
        return RunOptions.model_validate(dict(fields))
    except ValidationError as error:
        raise _explain("The run parameters are", "docs/operations.md lists what a run may be given.", error) from None
