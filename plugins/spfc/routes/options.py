"""The parameters of one run: the form in the Airflow UI."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime, Field, model_validator

from spfc.routes.fields import Strict


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


class Window(Strict):
    """A span of time: from ``start`` on, ``end`` excluded."""

    start: AwareDatetime
    end: AwareDatetime


class BaseRunOptions(Strict):
    """What every run is given in some form."""

    @property
    def mode_name(self) -> str:
        """What the run looks at, for the ledger and the report."""
        raise NotImplementedError

    @property
    def changes_nothing(self) -> bool:
        """Say whether the run leaves the target as it is."""
        return False


class RunOptions(BaseRunOptions):
    """The parameters of a run that copies files."""

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

    @property
    def mode_name(self) -> str:
        """What the run looks at, for the ledger and the report."""
        return self.mode.value

    @property
    def changes_nothing(self) -> bool:
        """Say whether the run leaves the target as it is."""
        return self.dry_run

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.mode is RunMode.BACKFILL) != (self.window is not None):
            raise ValueError("mode backfill belongs to 'airflow backfill create', which brings its window along")
        return self


class ListRunMode(StrEnum):
    """What a run of a list route reads."""

    INCREMENTAL = "incremental"
    FULL = "full"


class ListRunOptions(BaseRunOptions):
    """The parameters of a run that keeps a list in a table."""

    mode: ListRunMode = Field(
        ListRunMode.INCREMENTAL, description="incremental: what changed; full: read the whole list"
    )
    purge: bool = Field(False, description="delete the rows that are marked as deleted, those held by the guard too")

    @property
    def mode_name(self) -> str:
        """What the run reads, for the ledger and the report."""
        return self.mode.value
