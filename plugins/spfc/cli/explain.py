"""``spfc explain``: what the ledger knows of one path, as sentences or as JSON."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape

from spfc.planning.model import PlanLine
from spfc.reporting.explanations import ACTIONS, CODES, REASONS
from spfc.routes import RunOptions
from spfc.steps.explain import Explained, explain_path
from spfc.wording import duration, size, timestamp


def explain_here(route: str, path: str, *, as_json: bool) -> int:
    """Print what is known of a path. Asks neither source nor target."""
    from spfc.pipeline.wiring import open_run

    logging.getLogger("alembic").setLevel(logging.WARNING)  # a new ledger is made without a word
    run = open_run(route, "explain", RunOptions(), None)
    try:
        found = explain_path(run, path)
    finally:
        run.database.close()
    console = Console()
    if as_json:
        text = json.dumps(dataclasses.asdict(found), ensure_ascii=False, default=sorted)
        console.print(text, markup=False, highlight=False, soft_wrap=True)
        return 0
    console.print(f"[bold]{escape(path)}[/bold]  [dim]{escape(found.item_id)}[/dim]", highlight=False)
    for title, sentences in sections(found, time.time()):
        console.print(f"[cyan]{title}[/cyan]")
        for sentence in sentences:
            console.print(f"  {sentence}", markup=False, highlight=False, soft_wrap=True)
    return 0


def sections(found: Explained, now: float) -> Iterator[tuple[str, list[str]]]:
    """Yield titles with their sentences."""
    yield "the source says", [_source(found)]
    yield "at the target", [_synced(found)]
    yield "owed", [_owed(found, now)]
    yield "the next run would", [_line(line) for line in found.upcoming] or ["do nothing about it."]
    yield (
        "what happened",
        [
            f"{timestamp(stored.ended_at or planned)}  {_line(stored.line)} {stored.outcome.value}"
            f"{f': {stored.detail}' if stored.detail else ''}{f' ({stored.code})' if stored.code else ''}  [{run_id}]"
            for run_id, planned, stored in found.history
        ]
        or ["nothing yet."],
    )


def _source(found: Explained) -> str:
    item = found.source
    if item is None:
        return "nothing: the source has never shown it."
    what = f"{item.kind.value} {item.name!r}, version {item.version or '-'}"
    if item.kind.value == "file":
        what += f", {size(item.size)}, modified {timestamp(item.modified)}"
        what += f", quickXorHash {item.hash}" if item.hash else ", no hash"
    if item.deleted:
        return f"deleted (it was: {what})."
    place = f"; it stands as {found.place.standing.value} at {found.place.path or '/'}" if found.place else ""
    flags = f"; flags: {', '.join(sorted(item.flags))}" if item.flags else ""
    return what + place + flags + "."


def _synced(found: Explained) -> str:
    item = found.synced
    if item is None:
        return "nothing that spfc put there."
    proof = f", proven by {item.verification}" if item.verification else ""
    return (
        f"{found.target_path}, a copy of version {item.version or '-'}{proof}, "
        f"put there {timestamp(found.synced_at)} by run {found.synced_by}."
    )


def _owed(found: Explained, now: float) -> str:
    owed = found.owed
    if owed is None:
        return "nothing: source and target agree, as far as the ledger knows."
    text = f"since {timestamp(owed.first_seen)} ({duration(max(0.0, now - owed.first_seen))})"
    if owed.attempts:
        meaning = CODES[owed.last_code].meaning if owed.last_code in CODES else owed.last_code
        text += f"; failed {owed.attempts} times, last: {meaning}"
    if owed.next_try > now:
        text += f"; tried again from {timestamp(owed.next_try)} on"
    return text + "."


def _line(line: PlanLine) -> str:
    where = f" {line.from_path} ->" if line.from_path else ""
    return f"{ACTIONS[line.action]}{where} {line.target_path}: {REASONS[line.reason].meaning}"
