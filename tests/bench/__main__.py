"""The transfer benchmark: ``python -m tests.bench [--quick]`` measures, prints, and writes docs/performance.md."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from tests.bench.contestants import WORKERS, Score
from tests.bench.libraries import SEED
from tests.bench.metered import ten_minutes
from tests.bench.plan import OLD, OURS, Case, Field, cases, play
from tests.bench.rclone import flags
from tests.bench.services import ROOT
from tests.bench.table import metered_table, put_between_markers, score_table
from tests.bench.verdict import ratios

from spfc import __version__

DOCUMENT = ROOT / "docs" / "performance.md"
MARKER = "bench-transfer"


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small libraries, one round: about a minute")
    parser.add_argument(
        "--rounds", type=int, default=3, help="rounds of the small files; half as many of the mixed ones (default: 3)"
    )
    parser.add_argument("--only", default="", help="only cases whose names begin so, and 'metered' (commas)")
    parser.add_argument("--latency", type=float, default=None, help="only cases with this latency (milliseconds)")
    parser.add_argument("--workspace", type=Path, default=ROOT / ".bench", help="libraries and copies (about 25 GB)")
    parser.add_argument("--write", type=Path, default=None, help=f"document to write (default: {DOCUMENT.name})")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure everything that was asked for, and print and write the tables."""
    asked = arguments(argv)
    workspace = asked.workspace.resolve()
    workspace.mkdir(parents=True, exist_ok=True)
    field = Field.gather(workspace)
    document = asked.write or (None if asked.quick or asked.only else DOCUMENT)
    parts: list[str] = []
    for part in _parts(asked, field, workspace):
        print(part, end="\n\n", flush=True)
        parts.append(part)
        if document is not None:  # after each part: what was measured in an hour survives an interrupt
            put_between_markers(document, MARKER, "\n\n".join(parts))
    shutil.rmtree(workspace / "run", ignore_errors=True)
    return 0


def _parts(asked: argparse.Namespace, field: Field, workspace: Path) -> Iterator[str]:
    yield "## Transfer\n\n" + _circumstances(asked, field)
    seen: list[tuple[Case, dict[str, list[Score]]]] = []
    for case in cases(quick=asked.quick, rounds=asked.rounds):
        if not case.name.startswith(tuple(asked.only.split(","))) or asked.latency not in (None, case.latency_ms):
            continue
        scores: dict[str, list[Score]] = {}
        for name, score in play(case, field, workspace):
            print(f"  {case.name} {case.latency_ms:g} ms: {name} {score.effort.seconds:.1f} s", file=sys.stderr)
            scores.setdefault(name, []).append(score)
        seen.append((case, scores))
        title = f"{case.title[0].upper()}{case.title[1:]}, {case.latency_ms:g} ms per request"
        yield f"### {title}\n\n{score_table(scores)}"
    if not asked.only or "metered" in asked.only.split(","):
        limit, workers = (125, 8) if asked.quick else (1250, WORKERS)
        results = [ten_minutes(workspace, limit=limit, own_limit=own, workers=workers) for own in (None, limit)]
        yield f"### A service that meters {limit} units a minute, ten simulated minutes\n\n{metered_table(results)}"
    if seen:
        yield "### Ratios\n\n" + ratios(seen)


def _circumstances(asked: argparse.Namespace, field: Field) -> str:
    command = "make bench" + (" QUICK=1" if asked.quick else "")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    packages = ", ".join(f"{name} {version(name)}" for name in ("requests", "urllib3", "aiohttp", "sqlalchemy"))
    lines = [
        f"Measured by `{command}` on {time.strftime('%Y-%m-%d', time.gmtime())}: {os.cpu_count()} cores "
        f"({platform.machine()}), load before the start {load} (1, 5, 15 minutes), "
        f"Python {platform.python_version()}, spfc {__version__}, {packages}. Seed {SEED}.",
        f"Everybody copies {WORKERS} files at once who can (rclone: `{' '.join(flags(WORKERS))}`); `{OLD}` cannot. "
        f"`{OURS}` is a whole run with start-up, ledger, proof of every byte and report. The simulators run in two "
        "processes of their own on the same cores, and their CPU is in parentheses. rclone's WebDAV server has no "
        "latency, and its copies to disk have no second leg.",
        *(f"- {line}" for line in field.absent()),
    ]
    return "\n\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
