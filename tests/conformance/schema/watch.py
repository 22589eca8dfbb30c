"""Collects what the simulated Graph answers while a test runs, and judges it at the end, in the test's thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.conformance.schema.answers import judge
from tests.conformance.schema.checker import Finding

from simulators.common.observers import Answer, observed

MOST_SHOWN = 10


@dataclass
class Watch:
    """The answers of Graph so far. Equal answers to equal requests are kept once."""

    answers: dict[Answer, None] = field(default_factory=dict)

    def see(self, answer: Answer) -> None:
        """Take one answer; called by the simulators' threads."""
        if answer.service == "graph":
            self.answers[answer] = None

    def findings(self) -> list[Finding]:
        """Judge all answers so far; allowed deviations are among the findings."""
        return [finding for answer in tuple(self.answers) for finding in judge(answer)]

    def complain(self) -> None:
        """Raise AssertionError when an answer does not fit and no documented deviation allows it."""
        wrong = [f"{f.where}: {f.problem}" for f in self.findings() if f.deviation is None]
        text = "\n".join(wrong[:MOST_SHOWN])
        assert not wrong, f"{len(wrong)} places where the simulated Graph leaves Microsoft's metadata:\n{text}"


@contextmanager
def watching() -> Iterator[Watch]:
    """Watch all simulators of this process; at the end, unless the test failed before, complain."""
    watch = Watch()
    with observed(watch.see):
        yield watch
    watch.complain()
