"""What a route that keeps a list in a table wants, and how much of it at once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from spfc.routes.fields import Strict
from spfc.routes.places import FileTarget
from spfc.routes.policies import RemovalGuard


class RowRemovals(StrEnum):
    """What happens to the row of a list item that is gone from the source."""

    DELETE = "delete"
    MARK = "mark"
    """The row stays, and its column ``spfc_deleted_at`` says since when it is gone."""


class ListPolicies(Strict):
    """What may be done to the rows of the table."""

    removals: RowRemovals = RowRemovals.DELETE
    removal_guard: RemovalGuard = RemovalGuard()


class ListLimits(Strict):
    """How much one run reads."""

    time_box_minutes: int = Field(60, ge=1, description="a run stops cleanly after this long; the next one goes on")
    full_every_days: int = Field(7, ge=1, description="read everything at least this often; feeds miss deletions")
    page_size: int = Field(1000, ge=1, le=5000, description="items asked for per page")
    incident_after: int = Field(3, ge=1, description="so many failed runs in a row are reported as an incident")


class SnapshotFormat(StrEnum):
    """How a snapshot is written."""

    CSV = "csv"
    PARQUET = "parquet"


class Snapshot(Strict):
    """A file with all living rows, written after each run that changed any."""

    target: FileTarget
    format: SnapshotFormat = SnapshotFormat.PARQUET
    file: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^/\\\x00-\x1f]+$")] | None = Field(
        None, description="name of the file; default: the name of the route with the format as its extension"
    )
