"""`make bench-scale`: a generated library of N items, what each case costs, written to docs/performance.md."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench_scale.services import ROOT, Services, environment

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- bench-scale: begin -->", "<!-- bench-scale: end -->"
FILES_IN_A_FOLDER = 19
TRANSFERRED = 10_000


class Bench:
    """One library, one ledger; cases run one after the other, each in a process of its own."""

    def __init__(self, folder: Path, items: int) -> None:
        folders = items // (FILES_IN_A_FOLDER + 1)
        self._folder = folder
        self._numbers = iter(range(1, 1000))
        self.services = Services(folder, items - folders - 1, folders)
        self.rows: list[tuple[str, dict[str, Any]]] = []

    def case(self, title: str, step: str = "run", *, number: int | None = None) -> dict[str, Any]:
        """Run a case and keep its figures under ``title``; an empty title keeps nothing."""
        run = next(self._numbers) * 10 if number is None else number
        command = [sys.executable, "-m", "tests.bench_scale.case", step, str(run), str(self._folder)]
        ended = subprocess.run(
            [*command, json.dumps(self.services.addresses)],
            check=True,
            text=True,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=environment(),
        )
        figures: dict[str, Any] = json.loads(ended.stdout)
        if title:
            self.rows.append((title, figures))
            print(_row(title, figures), flush=True)
        return figures


@contextmanager
def bench(items: int) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="spfc-scale-") as folder:
        made = Bench(Path(folder), items)
        with made.services:
            made.services.ask("generate")
            yield made


def at_scale(items: int) -> list[tuple[str, dict[str, Any]]]:
    """Return the figures of all cases that do not grow with the library, and of the first look at it."""
    with bench(items) as made:
        ask = made.services.ask
        made.case("first enumeration, stored", "enumerate")
        made.case("first plan", "plan")
        made.case("", "mark")
        made.case("")  # the feed's last link
        made.case("no change")
        path = ask("file_in", "Folder 000001")
        ask("seed", path)
        ask("touch", path)
        made.case("one file changed")
        ask("seed", "Folder 000003")
        ask("rename", "Folder 000003", "Renamed")
        made.case(f"folder with {items // 10:,} descendants renamed")
        gone = ask("delete", "Folder 000005")
        made.case(f"folder with {gone:,} items deleted, held by the guard")
        return made.rows


def transferred() -> list[tuple[str, dict[str, Any]]]:
    """Return the figures of a whole first sync, bytes and all."""
    with bench(TRANSFERRED) as made:
        made.case(f"first sync of {TRANSFERRED:,} items, copied")
        return made.rows


_HEAD = """| case | wall s | engine CPU s | peak MiB | Graph requests | units | FileCloud calls | rows written |
|---|---:|---:|---:|---:|---:|---:|---:|"""


def _row(title: str, figures: dict[str, Any]) -> str:
    times = f"{figures['wall']:.2f} | {figures['cpu']:.2f} | {figures['memory_mib']:.0f}"
    counts = " | ".join(f"{figures[name]:,}" for name in ("requests", "units", "calls", "rows"))
    return f"| {title} | {times} | {counts} |"


def main(items: int) -> None:
    """Run everything, print the table, and put it into the page between its markers."""
    print(f"{items:,} items, {os.cpu_count()} cores\n{_HEAD}", flush=True)
    rows = [*at_scale(items), *transferred()]
    table = "\n".join([_HEAD, *(_row(title, figures) for title, figures in rows)])
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    text = f"{before}{BEGIN}\n{items:,} items; one process per case.\n\n{table}\n{END}{after}"
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
