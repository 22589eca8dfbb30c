"""Plans and their lines: written once, sealed by a digest, read by the tasks that execute them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from spfc.errors import LedgerUnavailable
from spfc.ledger.bulk import batch_statement, insert_statement
from spfc.ledger.rows import Row, chunks
from spfc.ledger.schema import plan_lines, plans
from spfc.planning.model import Action, Evidence, Kind, Outcome, PlanLine, Reason

LINES_AT_ONCE = 5000
"""Lines that are written or read in one statement."""


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A plan line with its place in the plan, and how it stands."""

    seq: int
    line: PlanLine
    batch: int | None
    outcome: Outcome
    code: str
    detail: str
    hint: str
    attempts: int
    ended_at: float | None


class LineDigest:
    """A digest of lines that does not depend on the order in which they are written down."""

    def __init__(self) -> None:
        self._sum = 0

    def add(self, seq: int, line: PlanLine) -> None:
        """Take one line in."""
        parts = (
            seq, line.action._value_, line.reason._value_, line.item_id, line.kind._value_, line.path,
            line.target_path, line.parent_id, line.from_path, line.size, _dump(line.evidence),
        )  # fmt: skip
        self._sum += int.from_bytes(hashlib.sha256(repr(parts).encode()).digest(), "big")

    def value(self) -> str:
        """Return the digest of all lines so far: 64 hexadecimal digits."""
        return f"{self._sum % 2**256:064x}"


def _dump(evidence: Evidence) -> str:
    return json.dumps(dict(evidence), sort_keys=True, ensure_ascii=False) if evidence else "{}"


def new_plan_id(connection: Connection, route: str, fence: int) -> str:
    """Return an id for the next plan of a lease: ``<route>.<fence>.<number>``."""
    prefix = f"{route}.{fence}."
    query = select(func.count()).select_from(plans).where(plans.c.plan_id.startswith(prefix, autoescape=True))
    return f"{prefix}{connection.execute(query).scalar_one() + 1}"


def discard_lines(connection: Connection, plan_id: str) -> None:
    """Forget the lines of a plan that was never sealed."""
    connection.execute(delete(plan_lines).where(plan_lines.c.plan_id == plan_id))


def add_lines(connection: Connection, route: str, plan_id: str, lines: Iterable[tuple[int, PlanLine, Outcome]]) -> None:
    """Write lines down, each with its number and the outcome it begins with."""
    rows = [
        (
            plan_id, seq, route, line.action._value_, line.reason._value_, line.item_id, line.kind._value_, line.path,
            line.target_path, line.parent_id, line.from_path, line.size, _dump(line.evidence),
            None, outcome._value_, "", "", "", 0, None,
        )
        for seq, line, outcome in lines
    ]  # fmt: skip
    if rows:
        connection.exec_driver_sql(insert_statement(connection.dialect.name, plan_lines), rows)


def copy_sizes(connection: Connection, plan_id: str) -> Iterator[tuple[int, int]]:
    """Yield number and size of all pending lines that copy bytes, from the largest to the smallest."""
    query = (
        select(plan_lines.c.seq, plan_lines.c.size)
        .where(
            plan_lines.c.plan_id == plan_id,
            plan_lines.c.action.in_(_COPIES),
            plan_lines.c.outcome == Outcome.PENDING.value,
        )
        .order_by(plan_lines.c.size.desc(), plan_lines.c.seq)
    )
    for row in connection.execute(query, execution_options={"yield_per": LINES_AT_ONCE}):
        yield row[0], row[1]


_COPIES = (Action.UPLOAD.value, Action.UPDATE.value)


def set_batches(connection: Connection, plan_id: str, assigned: Iterable[tuple[int, int]]) -> None:
    """Write down which line (its number) belongs to which batch."""
    statement = batch_statement(connection.dialect.name)
    for piece in chunks(iter(assigned), LINES_AT_ONCE):
        connection.exec_driver_sql(statement, [(batch, plan_id, seq) for seq, batch in piece])


def seal(
    connection: Connection, *, plan_id: str, route: str, run_id: str, now: float, manifest: dict[str, Any]
) -> None:
    """Make a plan final. ``manifest`` must carry its digest."""
    row = {
        "plan_id": plan_id,
        "route": route,
        "run_id": run_id,
        "created_at": now,
        "digest": manifest["digest"],
        "manifest": json.dumps(manifest, ensure_ascii=False),
    }
    connection.execute(insert(plans).values(row))


def load_manifest(connection: Connection, plan_id: str) -> dict[str, Any]:
    """Return the manifest of a sealed plan. Raises LedgerUnavailable for an unknown one."""
    text = connection.execute(select(plans.c.manifest).where(plans.c.plan_id == plan_id)).scalar_one_or_none()
    if text is None:
        raise LedgerUnavailable(
            f"The ledger holds no plan {plan_id!r}.",
            hint="The tasks of one run must share one ledger: check the connection spfc_ledger on every worker.",
        )
    manifest: dict[str, Any] = json.loads(text)
    return manifest


def begin_batch(connection: Connection, plan_id: str, batch: int) -> bool:
    """Note that somebody begins to copy a batch; return whether somebody has begun before."""
    first = select(plan_lines).where(plan_lines.c.plan_id == plan_id, plan_lines.c.batch == batch)
    row = connection.execute(first.order_by(plan_lines.c.seq).limit(1)).mappings().first()
    if row is None:
        return False
    if row["outcome"] != Outcome.PENDING.value or row["detail"] == _BEGUN:
        return True
    mine = (plan_lines.c.plan_id == plan_id) & (plan_lines.c.seq == row["seq"])
    connection.execute(update(plan_lines).where(mine).values(detail=_BEGUN))
    return False


_BEGUN = "The batch that begins with this file is under way."
"""Detail of the first line of a batch until that line has ended."""


def newest_plan(connection: Connection, route: str) -> tuple[str, str] | None:
    """Return plan id and run id of the plan that was sealed last, None for a route without one."""
    query = select(plans.c.plan_id, plans.c.run_id).where(plans.c.route == route)
    row = connection.execute(query.order_by(plans.c.created_at.desc()).limit(1)).first()
    return None if row is None else (row.plan_id, row.run_id)


OPEN = "not_reached"
"""Code of a line that its run left open."""


def left_open(connection: Connection, plan_id: str, *, looked_at: bool = False) -> bool:
    """Say whether a plan has a line that its run left open; with ``looked_at`` one that was tried or looked at."""
    tried = plan_lines.c.attempts > 0 if looked_at else plan_lines.c.attempts == 0
    query = select(plan_lines.c.seq).where(plan_lines.c.plan_id == plan_id, plan_lines.c.code == OPEN, tried)
    return connection.execute(query.limit(1)).first() is not None


def verify_seal(connection: Connection, plan_id: str) -> bool:
    """Say whether every line of the plan still is what was sealed."""
    digest = LineDigest()
    for stored in stored_lines(connection, plan_id):
        digest.add(stored.seq, stored.line)
    sealed: str = load_manifest(connection, plan_id)["digest"]
    return digest.value() == sealed


def stored_lines(
    connection: Connection,
    plan_id: str,
    *,
    actions: Collection[Action] | None = None,
    outcomes: Collection[Outcome] | None = None,
    batch: int | None = None,
) -> Iterator[StoredLine]:
    """Yield lines of a plan in their order, streamed: a million lines do not fit a worker."""
    query = select(plan_lines).where(plan_lines.c.plan_id == plan_id).order_by(plan_lines.c.seq)
    if actions is not None:
        query = query.where(plan_lines.c.action.in_([action.value for action in actions]))
    if outcomes is not None:
        query = query.where(plan_lines.c.outcome.in_([outcome.value for outcome in outcomes]))
    if batch is not None:
        query = query.where(plan_lines.c.batch == batch)
    for row in connection.execute(query, execution_options={"yield_per": 1000}).mappings():
        yield stored_line(row)


def stored_line(row: Row) -> StoredLine:
    """Return the line of a ``plan_lines`` row."""
    line = PlanLine(
        action=Action(row["action"]),
        reason=Reason(row["reason"]),
        item_id=row["item_id"],
        kind=Kind(row["kind"]),
        path=row["path"],
        target_path=row["target_path"],
        parent_id=row["parent_id"],
        from_path=row["from_path"],
        size=row["size"],
        evidence=json.loads(row["evidence"]),
    )
    return StoredLine(
        seq=row["seq"],
        line=line,
        batch=row["batch"],
        outcome=Outcome(row["outcome"]),
        code=row["code"],
        detail=row["detail"],
        hint=row["hint"],
        attempts=row["attempts"],
        ended_at=row["ended_at"],
    )


def item_history(
    connection: Connection, route: str, item_id: str, limit: int = 20
) -> list[tuple[str, float, StoredLine]]:
    """Return run id, planning time and line of the last lines about an item, the newest first."""
    query = (
        select(plans.c.run_id, plans.c.created_at, plan_lines)
        .join(plans, plans.c.plan_id == plan_lines.c.plan_id)
        .where(plan_lines.c.route == route, plan_lines.c.item_id == item_id)
        .order_by(plans.c.created_at.desc(), plan_lines.c.seq.desc())
        .limit(limit)
    )
    return [(row["run_id"], row["created_at"], stored_line(row)) for row in connection.execute(query).mappings()]
