"""The tables of the ledger. Times are seconds since 1970 UTC; sizes are bytes; ids are the source's own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

source_items = Table(
    "source_items",
    metadata,
    Column("route", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("parent_id", String),
    Column("name", Text, nullable=False),
    Column("fold", Text, nullable=False),
    Column("kind", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),
    Column("version", Text, nullable=False),
    Column("content_version", Text),
    Column("hash", String),
    Column("flags", String, nullable=False),
    Column("is_root", Boolean, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("generation", Integer, nullable=False),
    Index("source_items_parent", "route", "parent_id"),
)
"""What the source last said. ``generation`` is the full enumeration that last saw the item."""

synced_items = Table(
    "synced_items",
    metadata,
    Column("route", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("parent_id", String),
    Column("source_name", Text, nullable=False),
    Column("target_name", Text, nullable=False),
    Column("fold", Text, nullable=False),
    Column("kind", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),
    Column("version", Text, nullable=False),
    Column("content_version", Text),
    Column("hash", String),
    Column("target_etag", Text),
    Column("verification", String, nullable=False),
    Column("synced_at", Double, nullable=False),
    Column("run_id", String, nullable=False),
    UniqueConstraint("route", "parent_id", "fold", name="synced_items_name"),
)
"""What we last put at the target. Two names of one folder that differ only in case cannot be written down."""

debt = Table(
    "debt",
    metadata,
    Column("route", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("first_seen", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_code", String, nullable=False),
    Column("next_try", Double, nullable=False),
)
"""Ids whose source state and synced state differ. Its oldest row is the freshness of the route."""

plans = Table(
    "plans",
    metadata,
    Column("plan_id", String, primary_key=True),
    Column("route", String, nullable=False),
    Column("run_id", String, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("digest", String, nullable=False),
    Column("manifest", Text, nullable=False),
    Index("plans_route", "route", "created_at"),
)
"""What a run wanted. Sealed: the digest covers every line as it was planned."""

plan_lines = Table(
    "plan_lines",
    metadata,
    Column("plan_id", String, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("route", String, nullable=False),
    Column("action", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("item_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("path", Text, nullable=False),
    Column("target_path", Text, nullable=False),
    Column("parent_id", String),
    Column("from_path", Text),
    Column("size", BigInteger, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("batch", Integer),
    Column("outcome", String, nullable=False),
    Column("code", String, nullable=False),
    Column("detail", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("ended_at", Double),
    Index("plan_lines_item", "route", "item_id"),
)
"""The lines of a plan and how each ended: the audit trail."""

cursors = Table(
    "cursors",
    metadata,
    Column("route", String, primary_key=True),
    Column("binding", Text, nullable=False),
    Column("link", Text),
    Column("round_complete", Boolean, nullable=False),
    Column("full_round", Boolean, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("full_at", Double),
    Column("scope", String, nullable=False),
)
"""Where each route stands in its change feed. ``scope`` is a digest of the filters that the debt was judged by."""

leases = Table(
    "leases",
    metadata,
    Column("route", String, primary_key=True),
    Column("fence", BigInteger, nullable=False),
    Column("holder", String, nullable=False),
    Column("expires_at", Double, nullable=False),
)
"""Who may write for a route. Every write carries the fencing number and is refused when it is not the newest."""

runs = Table(
    "runs",
    metadata,
    Column("route", String, primary_key=True),
    Column("run_id", String, primary_key=True),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("mode", String, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("plan_id", String),
    Column("pages", Integer, nullable=False),
    Column("items_seen", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("verdict", String, nullable=False),
    Column("error", Text, nullable=False),
    Column("totals", Text, nullable=False),
    Index("runs_started", "route", "started_at"),
)
"""One row per run: the history that pages and ``spfc explain`` show."""

costs = Table(
    "costs",
    metadata,
    Column("route", String, primary_key=True),
    Column("run_id", String, primary_key=True),
    Column("task", String, primary_key=True),
    Column("requests", Integer, nullable=False),
    Column("units", Integer, nullable=False),
    Column("calls", Integer, nullable=False),
)
"""What each task of a run spent: source requests, their resource units, and target calls; retries add up."""

budgets = Table(
    "budgets",
    metadata,
    Column("key", String, primary_key=True),
    Column("rate", Double, nullable=False),
    Column("base", Double, nullable=False),
    Column("level", Double, nullable=False),
    Column("level_at", Double, nullable=False),
    Column("signal_at", Double, nullable=False),
    Column("limit", Integer, nullable=False),
    Column("pause_until", Double, nullable=False),
    Column("paused_by", String, nullable=False),
    Column("minute", BigInteger, nullable=False),
    Column("minute_units", BigInteger, nullable=False),
    Column("day", Integer, nullable=False),
    Column("day_units", BigInteger, nullable=False),
)
"""What may be spent by all workers together (:class:`spfc.pacing.Account`): the units of a tenant and app, or the
bandwidth of a route. ``key`` is a digest, so that no address or id of an app stands in it.
"""

budget_shares = Table(
    "budget_shares",
    metadata,
    Column("key", String, primary_key=True),
    Column("holder", String, primary_key=True),
    Column("units", BigInteger, nullable=False),
    Column("until", Double, nullable=False),
)
"""What each process has been granted and not yet accounted for; after ``until`` it counts as spent."""


def _partial_index(name: str, *columns: Column[Any], where: ColumnElement[bool]) -> None:
    Index(name, *columns, sqlite_where=where, postgresql_where=where)


_partial_index("source_items_folders", source_items.c.route, source_items.c.id, where=source_items.c.kind != "file")
_partial_index("source_items_root", source_items.c.route, where=source_items.c.is_root.is_(True))
_partial_index(
    "plan_lines_batch", plan_lines.c.plan_id, plan_lines.c.batch, where=plan_lines.c.batch.is_not(None)
)  # fmt: skip

uploads = Table(
    "uploads",
    metadata,
    Column("route", String, primary_key=True),
    Column("item_id", String, primary_key=True),
    Column("target_path", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("stream_version", Text),
    Column("size", BigInteger, nullable=False),
    Column("chunk_size", BigInteger, nullable=False),
    Column("sent", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("suspect", Boolean, nullable=False),
    Column("updated_at", Double, nullable=False),
)
"""How far big uploads have come that have not ended. ``state`` is JSON: the hashes of the first ``sent`` bytes."""

scrubs = Table(
    "scrubs",
    metadata,
    Column("route", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("verified_at", Double, nullable=False),
    Index("scrubs_newest", "route", "verified_at"),
)
"""When an old copy was last read back."""
