"""The guards: when too much would be removed or overwritten at once, and what they count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.planning.trees import ROOT, World, by_id, file, synced

from spfc.planning.guards import OVERWRITES, REMOVALS, Guarded, is_overwrite, judge
from spfc.planning.model import Kind, TargetEntry
from spfc.planning.names import fold
from spfc.routes import Guard, OverwriteGuard, Policies, RemovalGuard


def limits(max_items: int = 1000, max_share: float = 0.25, min_items: int = 20) -> Guard:
    return Guard(max_items=max_items, max_share=max_share, min_items=min_items)


@pytest.mark.parametrize("guarded", [REMOVALS, OVERWRITES])
@pytest.mark.parametrize(
    ("affected", "total", "tripped"),
    [(0, 0, False), (20, 20, False), (21, 30, True), (25, 100, False), (26, 100, True), (1000, 9999, False),
     (1001, 999_999, True), (21, 0, True)],
)  # fmt: skip
def test_a_guard_compares_with_both_limits(guarded: Guarded, affected: int, total: int, tripped: bool) -> None:
    verdict = judge(guarded, affected, lambda: total, limits())
    assert verdict.tripped is tripped
    assert verdict.text.startswith("Held" if tripped else (guarded.nothing if affected == 0 else str(affected)))


def test_the_sentence_says_what_how_much_and_what_is_allowed() -> None:
    assert judge(OVERWRITES, 60, lambda: 100, limits(max_share=0.5)).text == (
        "Held: 60 of 100 synced files (60%) would be overwritten; the route allows 50% at once."
    )
    assert judge(REMOVALS, 3, lambda: 100, limits(max_items=2)).text == (
        "Held: 3 of 100 synced items (3%) would be removed; the route allows 2 at once."
    )


def test_a_small_change_never_counts_the_library() -> None:
    def library() -> int:
        raise AssertionError("counted")

    assert not judge(OVERWRITES, 20, library, limits()).tripped


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 200), st.integers(0, 100), st.integers(0, 50),
       st.floats(0, 1))  # fmt: skip
def test_more_is_never_allowed_where_less_was_held(
    less: int, more: int, total: int, max_items: int, min_items: int, max_share: float
) -> None:
    less, more = sorted((less, more))
    bounds = limits(max_items, max_share, min_items)
    held = judge(OVERWRITES, less, lambda: total, bounds).tripped
    assert judge(OVERWRITES, more, lambda: total, bounds).tripped or not held


def test_the_defaults_of_a_route() -> None:
    policies = Policies()
    assert policies.removal_guard == RemovalGuard(max_items=1000, max_share=0.25, min_items=20)
    assert policies.overwrite_guard == OverwriteGuard(max_items=5000, max_share=0.5, min_items=50)


def test_only_copies_of_ours_count_as_overwrites() -> None:
    new, old = file("1", "root", "f.txt", "new body"), file("1", "root", "f.txt", "old")
    (line,) = World(by_id([ROOT, new]), by_id([synced(ROOT), synced(old)])).plan().lines
    assert is_overwrite(line)
    there = TargetEntry("/f.txt", "f.txt", Kind.FILE, 3, new.modified - 1000)
    (line,) = World(by_id([ROOT, new]), by_id([synced(ROOT)]), present={fold("/f.txt"): there}).plan().lines
    assert line.action == "update" and not is_overwrite(line), "the first run over an existing folder"
