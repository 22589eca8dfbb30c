"""Turns scores into tables that a person can read, and puts them between the markers of docs/performance.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tests.bench.contestants import Score
from tests.bench.metered import Metered

HEAD = (
    "contestant", "files/s", "MB/s", "Graph requests per file", "units per file", "FileCloud calls per file",
    "CPU s (services)", "peak memory", "rounds, remarks",
)  # fmt: skip
FRAME = """# Performance

What the product costs, measured. Counts are exact and are asserted by tests; times depend on the machine and on what
else it does, so only ratios within one table mean something.
"""


def score_table(scores: dict[str, list[Score]]) -> str:
    """Return one table: a row per contestant, medians over its rounds; MB are 10^6 bytes."""
    rows = [[name, *_figures(rounds)] for name, rounds in scores.items() if rounds]
    return markdown(HEAD, rows)


def _figures(rounds: Sequence[Score]) -> list[str]:
    files = rounds[-1].files
    requests, units, calls = (
        median(getattr(score.counts, name) / score.files for score in rounds)
        for name in ("graph_requests", "units", "filecloud_calls")
    )
    return [
        f"{median(score.files / score.effort.seconds for score in rounds):.3g}",
        f"{median(score.size / score.effort.seconds for score in rounds) / 1e6:.3g}",
        f"{requests:.3f}" if files > 1 else f"{requests:.0f}",
        f"{units:.3f}" if files > 1 else f"{units:.0f}",
        f"{calls:.3f}" if files > 1 else f"{calls:.0f}",
        f"{median(s.effort.cpu for s in rounds):.1f} ({median(s.counts.cpu for s in rounds):.1f})",
        f"{median(score.effort.memory for score in rounds) / (1 << 20):.0f} MiB",
        "; ".join([str(len(rounds)), *_remarks(rounds)]),
    ]


def _remarks(rounds: Sequence[Score]) -> list[str]:
    paces = [score.files / score.transfer_seconds for score in rounds if score.transfer_seconds]
    said = [f"{median(paces):.3g} files/s while copying"] if paces else []
    if rounds[-1].note:
        said.append(f"{rounds[-1].files} files, {rounds[-1].note}")
    return said


def metered_table(results: Sequence[Metered]) -> str:
    """Return the table of the metered service."""
    head = ("own limit", "threads", "allowed units", "asked", "useful", "share", "refused", "after the first minute")
    rows = [
        [
            "none" if one.own_limit is None else f"{one.own_limit} a minute",
            str(one.workers), str(one.allowed), str(one.asked), str(one.useful), f"{one.share:.1%}",
            str(one.refused), str(one.refused_later),
        ]
        for one in results
    ]  # fmt: skip
    return markdown(head, rows)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, the first column to the left and all others to the right."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def pace(scores: dict[str, list[Score]], name: str) -> float | None:
    """Return the median files per second of a contestant, None when it did not run."""
    rounds = scores.get(name)
    return median(score.files / score.effort.seconds for score in rounds) if rounds else None


def put_between_markers(path: Path, name: str, text: str) -> None:
    """Replace what stands between the markers ``name`` in a document; add the markers at its end when missing."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    whole = path.read_text(encoding="utf-8") if path.exists() else FRAME
    section = f"{begin}\n{text.strip()}\n{end}"
    if begin in whole:
        whole = re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: section, whole, flags=re.DOTALL)
    else:
        whole = f"{whole.rstrip()}\n\n{section}\n"
    path.write_text(whole, encoding="utf-8")
