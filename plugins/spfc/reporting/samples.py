"""A bounded choice of lines for people: groups of problems first, then a few lines of each action."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape

from spfc.planning.model import Action, Outcome
from spfc.reporting.explanations import explain
from spfc.reporting.model import LineOutcome

LINES_PER_ACTION = 200
LINES_PER_PROBLEM = 50
PROBLEM_GROUPS = 60
TEXT_PER_ACTION = 48_000
"""Escaped characters of one action's sample; with nine actions and the problems a page stays below 1 MB."""
TEXT_OF_PROBLEMS = 200_000
_MARKUP_PER_LINE = 260
"""Characters of markup that the template spends on one line, roughly; counted so that many short lines
stay small.
"""

PROBLEM_OUTCOMES = (Outcome.FAILED, Outcome.HELD, Outcome.DEFERRED)
"""In the order in which a reader wants them."""


@dataclass(slots=True)
class Problem:
    """Lines that share an outcome and a code; ``more`` lines are not kept."""

    outcome: Outcome
    code: str
    meaning: str
    step: str
    count: int = 0
    lines: list[LineOutcome] = field(default_factory=list)

    @property
    def more(self) -> int:
        """How many lines of the group are only in the CSV."""
        return self.count - len(self.lines)


@dataclass(slots=True)
class Sample:
    """The first lines of one action that are no problems; ``more`` lines are not kept."""

    action: Action
    count: int = 0
    text: int = 0
    full: bool = False
    lines: list[LineOutcome] = field(default_factory=list)
    meanings: set[str] = field(default_factory=set)
    """What the kept lines have to say; one meaning is shown once, several are shown line by line."""

    @property
    def more(self) -> int:
        """How many lines of the action are only in the CSV."""
        return self.count - len(self.lines)


class Samples:
    """Collects lines one at a time and keeps a bounded number of them."""

    def __init__(self) -> None:
        self._problems: dict[tuple[Outcome, str], Problem] = {}
        self._actions = {action: Sample(action) for action in Action}
        self._problem_text = 0
        self.unnamed_problems = 0
        """Problem lines of further groups, beyond :data:`PROBLEM_GROUPS`."""

    def add(self, line: LineOutcome) -> None:
        """Look at one line and keep it while there is room."""
        if line.outcome in PROBLEM_OUTCOMES:
            self._add_problem(line)
        elif line.action in self._actions:
            sample = self._actions[line.action]
            sample.count += 1
            if not sample.full:
                self._keep(sample, line)

    def _keep(self, sample: Sample, line: LineOutcome) -> None:
        cost = _cost(line)
        if sample.text + cost > TEXT_PER_ACTION:
            sample.full = True
            return
        sample.lines.append(line)
        sample.text += cost
        sample.meanings.add(explain(line).meaning)
        sample.full = len(sample.lines) == LINES_PER_ACTION

    def _add_problem(self, line: LineOutcome) -> None:
        key = (line.outcome, line.code or str(line.reason))
        problem = self._problems.get(key)
        if problem is None:
            if len(self._problems) >= PROBLEM_GROUPS:
                self.unnamed_problems += 1
                return
            meaning, step = explain(line)
            problem = self._problems[key] = Problem(line.outcome, key[1], meaning[:1000], step[:1000])
        problem.count += 1
        if len(problem.lines) >= LINES_PER_PROBLEM or self._problem_text >= TEXT_OF_PROBLEMS:
            return
        cost = _cost(line)
        self._problem_text += cost
        if self._problem_text <= TEXT_OF_PROBLEMS:
            problem.lines.append(line)

    @property
    def problems(self) -> list[Problem]:
        """Groups of problems: failed, held, deferred; within each the largest first."""
        return sorted(
            self._problems.values(),
            key=lambda found: (PROBLEM_OUTCOMES.index(found.outcome), -found.count, found.code),
        )

    @property
    def actions(self) -> list[Sample]:
        """One sample for each action that has lines, in the order of the actions."""
        return [sample for sample in self._actions.values() if sample.count]


def _cost(line: LineOutcome) -> int:
    texts: Iterable[str] = (line.path, line.from_path or "", line.target_path, line.detail[:300])
    return _MARKUP_PER_LINE + sum(len(escape(text).encode("utf-8", "replace")) for text in texts)
