"""Holds what was measured against what was to be reached (design section 8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from tests.bench.contestants import Score
from tests.bench.plan import BARE, OLD, OURS, Case
from tests.bench.table import markdown, pace

Scores = dict[str, list[Score]]


@dataclass(frozen=True, slots=True)
class _Goal:
    what: str
    wanted: str
    measure: Callable[[Case, Scores], float | None]
    reached: Callable[[float], bool]
    spelled: str = "{:.2f}"


def _small(case: Case) -> bool:
    return case.name.startswith("small")


def _best_rclone(scores: Scores) -> float | None:
    return max((found for name in scores if name.startswith("rclone") and (found := pace(scores, name))), default=None)


def _ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above and below else None


def _against_rclone(case: Case, scores: Scores) -> float | None:
    return _ratio(pace(scores, OURS), _best_rclone(scores)) if _small(case) else None


def _against_script(case: Case, scores: Scores) -> float | None:
    return _ratio(pace(scores, OURS), pace(scores, OLD)) if case.latency_ms == 50 and not case.legs else None


def _files_a_second(case: Case, scores: Scores) -> float | None:
    if not _small(case) or case.latency_ms:
        return None
    return median(score.files / (score.transfer_seconds or score.effort.seconds) for score in scores[OURS])


def _of_the_limit(case: Case, scores: Scores) -> float | None:
    return _ratio(pace(scores, OURS), pace(scores, BARE)) if not case.legs else None


def _units(case: Case, scores: Scores) -> float | None:
    last = scores[OURS][-1]
    return last.counts.units / (last.files + pages_of(last.files)) if last.files > 1 else None


def pages_of(files: int) -> int:
    """Return the pages of the change feed that hold so many files and their folders (a hundred files each)."""
    return -(-(files + -(-files // 100) + 1) // 1000)


def _slower_leg(case: Case, scores: Scores) -> float | None:
    """Wall time of our transfer over that of the slower leg of the bare loop, both without start-up."""
    legs = [pace(scores, f"bare loop, {leg} only") for leg in ("download", "upload")]
    slower = min((leg for leg in legs if leg), default=None)
    ours = scores[OURS][-1].transfer_seconds
    return slower * ours if case.legs and slower and ours else None


def _memory(case: Case, scores: Scores) -> float | None:
    return max(score.transfer_memory or 0 for score in scores[OURS]) / (1 << 20) if case.legs else None


_GOALS = (
    _Goal("files a second while copying, free simulator", ">= 200", _files_a_second, lambda v: v >= 200, "{:.0f}"),
    _Goal("small files, times rclone's best", ">= 2", _against_rclone, lambda v: v >= 2),
    _Goal("times the old script", ">= 10", _against_script, lambda v: v >= 10),
    _Goal("units per file and page", "<= 1.02", _units, lambda v: v <= 1.02, "{:.4f}"),
    _Goal("wall time, times the slower leg alone", "<= 1.15", _slower_leg, lambda v: v <= 1.15),
    _Goal("memory that copying adds, MiB", "<= 96", _memory, lambda v: v <= 96, "{:.0f}"),
    _Goal("share of what the bare loop reaches", "(told only)", _of_the_limit, lambda _: True),
)


def ratios(seen: list[tuple[Case, Scores]]) -> str:
    """Return the table of goals, what was measured, and whether it is enough."""
    rows = []
    for goal in _GOALS:
        for case, scores in seen:
            value = goal.measure(case, scores)
            if value is not None:
                where = f"{case.name}, {case.latency_ms:g} ms"
                rows.append(
                    [goal.what, where, goal.wanted, goal.spelled.format(value), "yes" if goal.reached(value) else "no"]
                )
    return markdown(("goal", "case", "wanted", "measured", "reached"), rows)
