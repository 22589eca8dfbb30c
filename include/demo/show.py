"""How the demo looks: headings, live progress, tables and verdicts on the terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, ProgressColumn, TextColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from demo.compare import Comparison
from demo.edits import Change
from demo.watch import Progress, RunResult

_MARKS = {
    "success": "[green]✓[/]",
    "failed": "[red]✗[/]",
    "upstream_failed": "[red]⊘[/]",
    "running": "[cyan]▶[/]",
    "skipped": "[dim]–[/]",
    "none": "[dim]·[/]",
    "scheduled": "[dim]…[/]",
    "queued": "[dim]…[/]",
}
_PLAIN_WIDTH = 120
"""Columns where the output is not a terminal, such as the log of a build server."""
_MAX_DIFFERENCES = 20


class Screen:
    """Writes to one console. On a terminal progress moves in place; elsewhere each new state is one line."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)

    def title(self, text: str, below: str) -> None:
        """Open the demo."""
        self.console.print(Panel(Text.assemble((text, "bold"), "\n", below), border_style="cyan", expand=False))

    def step(self, number: int, text: str) -> None:
        """Begin a numbered step."""
        self.console.print()
        self.console.rule(f"[bold]{number}. {escape(text)}[/]", align="left", style="cyan")

    def say(self, text: str) -> None:
        """Print one plain sentence."""
        self.console.print(escape(text), soft_wrap=True)

    def problem(self, text: str) -> None:
        """Print what ended the demo."""
        self.console.print(f"[bold red]demo:[/] {escape(text)}", soft_wrap=True)

    @contextmanager
    def busy(self, text: str) -> Iterator[Callable[[str], None]]:
        """Show that something is going on; the yielded function changes the detail behind the text."""
        if not self.console.is_terminal:
            self.say(f"{text} ...")
            yield lambda _: None
            return
        with self.console.status(escape(text)) as status:
            yield lambda detail: status.update(f"{escape(text)} [dim]{escape(detail)}[/]")

    @contextmanager
    def following(self, files: int | None, size: int | None) -> Iterator[Callable[[Progress], None]]:
        """Show a run as it goes; `files` and `size` are what it is expected to copy, None if unknown."""
        if not self.console.is_terminal:
            yield _line_printer(self.console)
            return
        with Live(console=self.console, refresh_per_second=4, transient=True) as live:
            yield lambda progress: live.update(_moving(progress, files, size))

    # -- results -------------------------------------------------------------------------------------

    def facts(self, rows: Iterable[tuple[str, str]]) -> None:
        """Print names and values in two columns."""
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in rows:
            table.add_row(f"[dim]{escape(name)}[/]", escape(value))
        self.console.print(table)

    def changes(self, changes: Iterable[Change]) -> None:
        """Print what was done to the library."""
        table = Table(box=None, header_style="dim", pad_edge=False)
        for heading in ("done to the library", "what", "files"):
            table.add_column(heading, overflow="fold", justify="right" if heading == "files" else "left")
        for change in changes:
            table.add_row(change.deed.value, escape(change.sentence), str(change.files))
        self.console.print(table)

    def deeds(self, heading: str, rows: Iterable[tuple[str, str]]) -> None:
        """Print what was done, and to what."""
        table = Table(box=None, header_style="dim", pad_edge=False)
        for title in (heading, "what"):
            table.add_column(title, overflow="fold")
        for deed, what in rows:
            table.add_row(escape(deed), escape(what))
        self.console.print(table)

    def run(self, result: RunResult) -> None:
        """Print how a run ended, its tasks, its totals and what it cost."""
        colour = "green" if result.succeeded else "red"
        self.console.print(
            f"Airflow: [bold {colour}]{result.state}[/] after {result.seconds:.1f} s  [dim]{result.run_id}[/]"
        )
        self.console.print(_task_line(result.by_task()))
        if result.report.get("story"):
            self.say(str(result.report["story"]))
        self.facts(_cost_rows(result))
        rows = list(flatten(result.report.get("totals") or {}))
        if rows:
            self.say("Totals of the run's report:")
            self.facts((f"  {name}", value) for name, value in rows)

    def verdict(self, text: str, good: bool, details: Iterable[object] = ()) -> None:
        """Print a judgement, green or red, with what speaks against it (the first few of many)."""
        lines = [str(detail) for detail in details]
        body = [text, *lines[:_MAX_DIFFERENCES]]
        if len(lines) > _MAX_DIFFERENCES:
            body.append(f"... and {len(lines) - _MAX_DIFFERENCES} more")
        mark = "✓ " if good else "✗ "
        style = "green" if good else "red"
        self.console.print(Panel(Text(mark + "\n  ".join(body)), border_style=style, style=style, expand=False))

    def comparison(self, comparison: Comparison, report: str = "") -> None:
        """Print the verdict over the two folders; `report` is where reasons can be read."""
        self.verdict(comparison.verdict, comparison.equal, comparison.differences)
        if report and not comparison.equal:
            self.say(f"What the run itself says about these items: {report}")


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield names and texts of a nested mapping, names joined by dots, without zero and empty values."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{name}.")
        elif value not in (None, "", 0, [], ()):
            yield (
                f"{prefix}{name}",
                f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value),
            )


def human_size(size: float) -> str:
    """Return a number of bytes with a decimal unit."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.2f} GB"


def _cost_rows(result: RunResult) -> list[tuple[str, str]]:
    costs = result.costs
    graph = [
        ("Graph requests", f"{costs.of('graph')}  ({costs.detail('graph') or 'none'})"),
        ("Graph units", str(costs.graph_units)),
    ]
    if "enumerate" not in result.by_task():
        return graph  # a list has no files
    rate = f" = {human_size(result.size / result.seconds)}/s over the whole run" if result.size else ""
    return [
        *graph,
        ("Logins, downloads", f"{costs.of('login')}, {costs.of('download')}"),
        ("FileCloud calls", f"{costs.of('filecloud')}  ({costs.detail('filecloud') or 'none'})"),
        ("Transfer tasks", str(result.transfers)),
        ("Files copied", f"{result.files}  ({human_size(result.size)}{rate})"),
    ]


def _task_line(states: Mapping[str, Mapping[str, int]]) -> str:
    parts = []
    for task, counts in states.items():
        marks = " ".join(
            _MARKS.get(state, escape(f"[{state}]")) + (f"×{n}" if n > 1 else "") for state, n in counts.items()
        )
        parts.append(f"{escape(task)} {marks}")
    return "   ".join(parts)


def _line_printer(console: Console) -> Callable[[Progress], None]:
    last: list[str] = []

    def show(progress: Progress) -> None:
        begun = {task: states for task, states in progress.by_task().items() if set(states) != {"none"}}
        line = _task_line(begun)
        if not last or last[0] != line:
            last[:] = [line]
            seconds, size = progress.seconds, human_size(progress.size)
            console.print(f"{seconds:6.1f} s  {line}  [dim]{progress.files} files, {size}[/]", soft_wrap=True)

    return show


def _moving(progress: Progress, files: int | None, size: int | None) -> RenderableType:
    rate = human_size(progress.size / progress.seconds if progress.seconds else 0)
    head = Text(f"Airflow: {progress.state}, {progress.seconds:.0f} s, {rate}/s")
    tasks = Text.from_markup(_task_line(progress.by_task()))
    if files is None or size is None:
        return Group(head, tasks, Text(f"{progress.files} files, {human_size(progress.size)}"))
    bars = [
        _bar("files", MofNCompleteColumn(), min(progress.files, files), files),
        _bar("bytes", DownloadColumn(), min(progress.size, size), size),
    ]
    return Group(head, tasks, *bars)


def _bar(name: str, column: ProgressColumn, done: int, total: int) -> Bars:
    bar = Bars(TextColumn("{task.description}"), BarColumn(), column, auto_refresh=False)
    bar.add_task(name, total=total, completed=done)
    return bar
