"""What a route that copies files wants, may do at the target, and how much of it at once."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from spfc.routes.fields import BaseFolder, Hours, Strict, Zone


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


class Filters(Strict):
    """Which items of the source are wanted. Globs are matched without regard to case.

    A pattern without ``/`` is matched against the name of every file and folder, one with ``/`` against the whole
    path from the source root; ``**`` crosses folders. Excluding a folder excludes everything in it.
    """

    exclude: tuple[str, ...] = Field(("~$*", "*.tmp", "Thumbs.db", "desktop.ini", ".DS_Store"))


class Guard(Strict):
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


class Policies(Strict):
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


class Limits(Strict):
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
