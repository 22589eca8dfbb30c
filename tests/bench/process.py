"""Runs a command and says how long it took, how much it worked and how much memory it held at most."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.services import ROOT


@dataclass(frozen=True, slots=True)
class Effort:
    """What a process has cost: wall and CPU seconds, and its largest resident size in bytes."""

    seconds: float
    cpu: float
    memory: int


class CommandFailedError(RuntimeError):
    """A contestant ended badly; the end of what it said is in the text."""


def measured(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Effort:
    """Run ``command`` to its end, its words going to ``log``. Raises CommandFailedError when it does not end well.

    The figures are those the kernel keeps for a child that has ended (wait4): nothing is sampled.
    """
    figures = log.with_suffix(".figures")
    launcher = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launcher.py")), str(figures)]
    with log.open("wb") as output:
        ended = subprocess.run(
            [*launcher, *command], cwd=ROOT, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output,
            stderr=output, check=False,
        )  # fmt: skip
    if ended.returncode:
        raise CommandFailedError(f"{command[0]} did not end well:\n{log.read_text(errors='replace')[-2000:]}")
    seconds, cpu, memory = figures.read_text().split()
    return Effort(float(seconds), float(cpu), int(memory))
