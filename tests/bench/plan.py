"""What is measured: which libraries, at which latencies, by whom, how often."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench import contestants
from tests.bench.contestants import Contestant, Score
from tests.bench.libraries import Library, Sizes, library, office_mix, one_file, small_files
from tests.bench.rclone import Rclone, fetched, installed
from tests.bench.services import running

OURS, BARE, OLD = "spfc", "bare loop (limit)", "old script"
MB, GB = 10**6, 10**9


@dataclass(frozen=True, slots=True)
class Case:
    """One table: a library, a latency in milliseconds per request, and how often everybody runs."""

    name: str
    title: str
    sizes: Sizes
    latency_ms: float
    rounds: int
    legs: bool = False
    """Measure each leg of the bare loop alone too; and leave out the old script, which would hold all in memory."""


def cases(*, quick: bool, rounds: int) -> list[Case]:
    """Return the cases: the full ones take about an hour on two calm cores, the quick ones a minute or two."""
    if quick:
        return [
            Case("small-200", "200 files of 10 kB", small_files(200, 10_000), 0, 1),
            Case("small-200", "200 files of 10 kB", small_files(200, 10_000), 50, 1),
            Case("big-100MB", "one file of 100 MB", one_file(100 * MB), 0, 1, legs=True),
        ]
    small, mixed, big = small_files(2000, 10_000), office_mix(GB), one_file(5 * GB)
    fewer = (rounds + 1) // 2
    return [
        *(Case("small-2000", "2,000 files of 10 kB", small, latency, rounds) for latency in (0, 50)),
        Case("big-5GB", "one file of 5 GB", big, 0, 1, legs=True),
        *(Case("mixed-1GB", "office library, lognormal sizes, 1 GB", mixed, latency, fewer) for latency in (0, 50)),
        Case("big-5GB", "one file of 5 GB", big, 50, 1, legs=True),
    ]


@dataclass(frozen=True, slots=True)
class Field:
    """Who takes part."""

    current: Rclone | None
    debian: Rclone | None

    @classmethod
    def gather(cls, workspace: Path) -> Field:
        """Find both rclones."""
        return cls(fetched(workspace), installed())

    def everybody(self, case: Case) -> dict[str, Contestant]:
        """Return the contestants of one case by name."""
        found: dict[str, Contestant] = {OURS: contestants.ours, BARE: contestants.bare_loop}
        if case.legs:
            found["bare loop, download only"] = contestants.bare_download
            found["bare loop, upload only"] = contestants.bare_upload
        else:
            found[OLD] = contestants.old_script
        for rclone in (self.current, self.debian):
            if rclone is not None and rclone.points:
                found[f"rclone {rclone.version} to disk"] = contestants.rclone_to_disk(rclone)
                found[f"rclone {rclone.version} to WebDAV"] = contestants.rclone_to_webdav(rclone)
        return found

    def absent(self) -> Iterator[str]:
        """Say who does not take part, and why."""
        if self.current is None:
            yield "The current rclone could not be installed from its Python package."
        if self.debian is None:
            yield "Debian's rclone is not installed (`apt-get install rclone`)."
        for rclone in (self.current, self.debian):
            if rclone is not None and not rclone.points:
                yield (
                    f"rclone {rclone.version} did not take part: its onedrive backend has no option for another "
                    "address than Microsoft's (`tenant_url` came later)."
                )


def play(case: Case, field: Field, workspace: Path) -> Iterator[tuple[str, Score]]:
    """Run a case: in every round everybody once, each at fresh services, so that all meet the same machine."""
    content: Library = library(workspace, case.name, case.sizes)
    for _ in range(case.rounds):
        for name, contestant in field.everybody(case).items():
            with running(workspace, content, latency_ms=case.latency_ms) as services:
                yield name, contestant(services)
