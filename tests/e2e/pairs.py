"""Few cases that hold every pair of values of every two settings at least once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

Case = dict[str, str]
Pair = frozenset[tuple[str, str]]


def pairs_of(case: Mapping[str, str]) -> Iterator[Pair]:
    """Return the pairs of settings with their values that a case holds."""
    return (frozenset(pair) for pair in combinations(sorted(case.items()), 2))


def all_pairs(settings: Mapping[str, Sequence[str]]) -> set[Pair]:
    """Return every pair that some case must hold."""
    return {
        frozenset({(one, a), (other, b)})
        for one, other in combinations(sorted(settings), 2)
        for a in settings[one]
        for b in settings[other]
    }


def pairwise(settings: Mapping[str, Sequence[str]]) -> list[Case]:
    """Return cases, greedily and always the same ones: each begins with a pair that is still owed."""
    owed = all_pairs(settings)
    cases = []
    while owed:
        case: Case = dict(min(owed, key=sorted))
        for name in sorted(settings, key=lambda n: (-len(settings[n]), n)):
            if name not in case:
                case[name] = max(settings[name], key=lambda value: _gain(case | {name: value}, name, owed))
        owed -= set(pairs_of(case))
        cases.append(case)
    return cases


def _gain(case: Case, name: str, owed: set[Pair]) -> int:
    return sum(frozenset({(name, case[name]), other}) in owed for other in case.items() if other[0] != name)
