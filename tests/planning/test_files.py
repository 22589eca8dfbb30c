"""Plain copies: new, changed, adopted, held; and when a failed one is tried again."""

from __future__ import annotations

import pytest
from tests.planning.trees import ROOT, World, by_id, file, synced

from spfc.planning.backoff import WAITS, wait_after
from spfc.planning.batches import SMALL_FILE_WEIGHT, batch_count, pack
from spfc.planning.model import Action, Flag, Kind, PlanLine, Reason, SourceItem, TargetEntry
from spfc.planning.names import fold

HERE = file("1", "root", "f.txt", "12345", modified=1000)


def planned(source: SourceItem, *, copy: SourceItem | None = None, present: TargetEntry | None = None,
            **more: object) -> PlanLine:  # fmt: skip
    world = World(
        by_id([ROOT, source]),
        by_id([synced(ROOT), *([synced(copy)] if copy else [])]),
        present={fold(present.path): present} if present else {},
        **more,  # type: ignore[arg-type]
    )
    (line,) = world.plan().lines
    return line


def entry(size: int, modified: int | None, kind: Kind = Kind.FILE) -> TargetEntry:
    return TargetEntry("/F.txt", "F.txt", kind, size, modified, "e1")


@pytest.mark.parametrize(
    ("present", "action", "reason"),
    [
        (None, Action.UPLOAD, Reason.NEW),
        (entry(5, 1000), Action.ADOPT, Reason.PRESENT_AT_TARGET),
        (entry(5, 1002), Action.ADOPT, Reason.PRESENT_AT_TARGET),
        (entry(5, 998), Action.ADOPT, Reason.PRESENT_AT_TARGET),
        (entry(5, 997), Action.UPDATE, Reason.NEWER_AT_SOURCE),
        (entry(9, 997), Action.UPDATE, Reason.NEWER_AT_SOURCE),
        (entry(5, 1003), Action.HOLD, Reason.NEWER_AT_TARGET),
        (entry(6, 1000), Action.HOLD, Reason.NEWER_AT_TARGET),
        (entry(0, 1000, Kind.FOLDER), Action.HOLD, Reason.NAME_COLLISION),
    ],
)
def test_a_file_that_we_never_copied(present: TargetEntry | None, action: Action, reason: Reason) -> None:
    line = planned(HERE, present=present)
    assert (line.action, line.reason) == (action, reason)
    assert line.size == (5 if action in (Action.UPLOAD, Action.UPDATE) else 0)
    assert line.evidence.get("target_etag") == ("e1" if present else None)


@pytest.mark.parametrize(
    ("now", "action"),
    [
        (file("1", "root", "f.txt", "12346"), Action.UPDATE),
        (file("1", "root", "f.txt", "12345", version="2"), Action.RECORD),
        (file("1", "root", "f.txt", "12345", version="2", modified=7), Action.RECORD),
        (file("1", "root", "f.txt", "12345", version="2", hash=None, content_version="c2"), Action.UPDATE),
    ],
)
def test_a_file_that_we_copied(now: SourceItem, action: Action) -> None:
    line = planned(now, copy=HERE)
    assert line.action is action
    assert line.evidence["old_version"] == HERE.version


@pytest.mark.parametrize("flag", list(Flag))
def test_what_the_source_will_not_serve_is_held(flag: Flag) -> None:
    line = planned(file("1", "root", "f.txt", flags=frozenset({flag})))
    own = {Flag.UNLISTED: Reason.UNLISTED, Flag.PATH_TOO_LONG: Reason.PATH_TOO_LONG}
    assert (line.action, line.reason) == (Action.HOLD, own.get(flag, Reason.BLOCKED_BY_SOURCE))
    assert line.evidence == {"flags": flag.value, "pending": flag is Flag.PENDING}


def test_a_failed_file_waits_unless_all_are_to_be_retried() -> None:
    waiting = {"1": (3, 5060.0)}
    line = planned(HERE, attempts=waiting)
    assert (line.action, line.reason) == (Action.HOLD, Reason.BACKING_OFF)
    assert (line.evidence["attempts"], line.evidence["seconds_left"]) == (3, 61)
    assert planned(HERE, attempts=waiting, now=5060.0).action is Action.UPLOAD
    assert planned(HERE, attempts=waiting, ignore_backoff=True).action is Action.UPLOAD


def test_waits_grow_to_a_day_and_the_first_retry_is_free() -> None:
    assert [wait_after(n) for n in range(1, 8)] == [0, 600, 3600, 21600, 86400, 86400, 86400]
    assert list(WAITS) == sorted(WAITS)


@pytest.mark.parametrize(
    ("files", "size", "expected"),
    [(0, 0, 0), (1, 0, 1), (100, 100, 1), (101, 1, 2), (1, 4001, 5), (10_000, 1, 8), (1, 10**9, 8)],
)
def test_batches_are_few(files: int, size: int, expected: int) -> None:
    assert batch_count(files, size, batch_files=100, batch_bytes=1000, max_batches=8) == expected


def test_batches_weigh_alike() -> None:
    sizes = sorted([5000, 4000, 3000, 3000, 2000, 2000, 1000] * 30, reverse=True)
    mib = [(key, size * 1024) for key, size in enumerate(sizes)]
    assigned = dict(pack(mib, 4))
    loads = [0] * 4
    for key, size in mib:
        loads[assigned[key]] += size + SMALL_FILE_WEIGHT
    assert set(assigned) == set(range(len(sizes)))
    assert max(loads) <= 1.02 * sum(loads) / 4, loads


def test_many_small_files_weigh_as_much_as_one_big() -> None:
    big, small = 64 * 1024 * 1024, [(n, 10) for n in range(1, 257)]
    assigned = dict(pack([(0, big), *small], 2))
    assert {batch for key, batch in assigned.items() if key} == {1 - assigned[0]}
