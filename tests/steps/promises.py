"""The promises of design section 6 as checks of a :class:`~tests.steps.life.Life`, one function each."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from tests.steps.life import STRANGERS, Life, Shot

from spfc.ledger.outcomes import count_outcomes
from spfc.ledger.runs import recent_runs
from spfc.planning.model import Action, Kind, Outcome, SourceItem, SyncedItem
from spfc.planning.names import distinguish, fold, target_name
from spfc.planning.scope import PathGlobs
from spfc.planning.tree import SourceTree, Standing
from spfc.reporting.model import Verdict


def after_run(life: Life, before: Shot) -> Shot:
    """Check what must hold after every run, however it ended; return what there is to see now."""
    now = life.shot()
    nothing_of_others_is_touched(life, now)
    nothing_is_invented(life, now)
    nothing_goes_without_a_line(life, before, now)
    nothing_that_lives_is_removed(life, before, now)
    sums_are_honest(life, now)
    return now


def nothing_of_others_is_touched(life: Life, now: Shot) -> None:
    assert {path: now.target.get(path, b"gone") for path in STRANGERS} == life.strangers


def nothing_is_invented(life: Life, now: Shot) -> None:
    """Promise 1: the bytes of every file are a version that the source served, for that item where it is known."""
    known = {now.path(item): item.id for item in now.synced.values()}
    every = {body for bodies in life.library.served.values() for body in bodies}
    for path, body in now.target.items():
        if body is None or path in STRANGERS:
            continue
        allowed = life.library.served[known[path]] if path in known else every
        assert body in allowed, f"{path} holds {body!r}, which was never served"
    assert {body for body in now.retired.values() if body is not None} <= every


def nothing_goes_without_a_line(life: Life, before: Shot, now: Shot) -> None:
    """Promise 3: each path that is not there any more lies at or below what a line moved or removed."""
    told = [stored for stored in life.lines() if stored.outcome is Outcome.DONE or _unheard(life)]
    left = [stored.line.from_path for stored in told if stored.line.action is Action.MOVE]
    left += [stored.line.target_path for stored in told if stored.line.action is Action.REMOVE]
    for path in before.target.keys() - now.target.keys():
        assert any(path == top or path.startswith(f"{top}/") for top in left), f"{path} went without a line"


def _unheard(life: Life) -> bool:
    """Say whether a change may have taken effect in this run without a record: then its line has another outcome."""
    return bool(life.turn.crash[0]) or any(late for _, _, late in life.turn.refusals)


def nothing_that_lives_is_removed(life: Life, before: Shot, now: Shot) -> None:
    """Promise 3: what a removal took along is not wanted, as far as the feed has told."""
    done = [stored.line for stored in life.lines() if stored.outcome is Outcome.DONE]
    removed = {line.item_id for line in done if line.action is Action.REMOVE}
    tree = source_tree(life, now)
    for item_id in before.synced.keys() - now.synced.keys():
        source = now.source.get(item_id)
        if removed.isdisjoint(_above(before, item_id)):
            continue  # found missing, not removed by this run
        assert source is None or tree.place(source).standing is not Standing.WANTED, f"{source} lives"


def _above(shot: Shot, item_id: str) -> set[str]:
    """Return an item and the folders above it at the target."""
    found = {item_id}
    at = shot.synced[item_id].parent_id
    while at is not None:
        found.add(at)
        at = shot.synced[at].parent_id
    return found


def source_tree(life: Life, now: Shot) -> SourceTree:
    folders = {i: item for i, item in now.source.items() if item.kind is not Kind.FILE}
    return SourceTree(folders, "root", PathGlobs(life.turn.exclude).matches)


def sums_are_honest(life: Life, now: Shot) -> None:
    """Promise 5: every line of a closed run has one outcome, the sums add up, and green means green."""
    if life.closed is None:
        return
    assert life.closed.files.totals.problems() == []
    told = Counter(stored.outcome for stored in life.lines(life.plans[-1:]))
    if life.plans:
        with life.database.reading() as connection:
            counted = count_outcomes(connection, life.plans[-1])
        assert sum(number for number, _ in counted.values()) == life.closed.files.totals.lines
    if life.closed.verdict is Verdict.GREEN:
        assert told.keys() <= {Outcome.DONE, Outcome.SKIPPED, *({Outcome.PENDING} if dry(life) else ())}
        assert now.debt == 0 or dry(life)


def dry(life: Life) -> bool:
    return bool(life.turn.options.get("dry_run"))


def nothing_is_lost(life: Life) -> None:
    """Promise 2: the target is the source within scope and policy, and the ledger knows exactly that."""
    now = life.shot()
    wanted = life.library.wanted(PathGlobs(life.turn.exclude).matches)
    needed = _with_files(wanted) if not life.turn.empty_folders else set(wanted)
    missing = needed - now.synced.keys()
    assert not missing, f"{[wanted[i] for i in missing]} are not at the target"
    for item_id in wanted.keys() & now.synced.keys():
        _same(life, wanted[item_id], now.synced[item_id], now)
    for item in now.synced.values():
        assert item.id in wanted or _may_stay(life, item), f"{item} has no business here"
    mirrored = {now.path(item): None if item.kind is Kind.FOLDER else b"" for item in now.synced.values()}
    mirrored.pop("", None)
    seen = {path: body and b"" for path, body in now.target.items() if path not in STRANGERS}
    assert seen == mirrored, "the ledger and the target agree"


def _with_files(wanted: dict[str, SourceItem]) -> set[str]:
    """Return the ids of files and of folders that hold any."""
    needed: set[str] = set()
    for item in wanted.values():
        at: str | None = item.id if item.kind is Kind.FILE else None
        while at is not None and at not in needed:
            needed.add(at)
            at = wanted[at].parent_id
    return needed


def _same(life: Life, item: SourceItem, copy: SyncedItem, now: Shot) -> None:
    if item.is_root:
        return
    assert (copy.parent_id, copy.source_name) == (item.parent_id, item.name)
    plain = target_name(item.name, item.id)
    if copy.target_name != plain:
        assert copy.target_name == distinguish(plain, item.id)
        assert len(life.library.names[fold(plain)]) > 1, f"{copy.target_name} needs no suffix"
    if item.kind is Kind.FILE:
        assert now.target[now.path(copy)] == life.library.contents[item.id], f"{item} is an old version"


def recent_pages(life: Life) -> int:
    """Return how many pages the last run has read."""
    with life.database.reading() as connection:
        return recent_runs(connection, life.name, 1)[0].pages


def _may_stay(life: Life, copy: SyncedItem) -> bool:
    """Say whether something that is not wanted may be at the target: kept by policy, or excluded by a later filter."""
    return life.kept or not life.library.items[copy.id].deleted


def repeating_is_harmless(life: Life) -> None:
    """Promise 4: a run without a change asks the source once (all of it, without a feed) and the target nothing."""
    before, calls, made = life.shot(), life.target.calls, life.sealed_plans()
    life.run(replace(life.turn, options={}))
    assert life.library.requests == (1 if life.library.has_feed else recent_pages(life))
    assert life.target.calls == calls
    if life.library.has_feed:
        assert life.sealed_plans() == made
    else:  # the source may tell an old name and then the new one, in each enumeration: what nobody wants is looked at
        assert {stored.line.action for stored in life.lines()} <= {Action.SKIP}
    assert life.closed is not None
    assert life.closed.verdict is Verdict.GREEN
    assert life.shot() == before
