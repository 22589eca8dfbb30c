"""What the command line prints: progress while a run goes, and its totals at the end."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from spfc.pipeline.settings import routes_file
from spfc.route_file import load_routes
from spfc.wording import plural

_COSTS = {"requests": "source request", "units": "unit", "calls": "target call"}
NOT_GREEN = 1
"""Exit status of a run that ended, but not green."""

_COLOURS = {"green": "bold green", "attention": "bold yellow", "failed": "bold red"}


class ProgressHandler(logging.Handler):
    """Shows the log lines of the steps on the terminal, without the machinery around them."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console
        self.last_error = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line: the step it comes from, and what it says."""
        step = record.name.removeprefix("spfc").lstrip(".") or "spfc"
        colour = "red" if record.levelno >= logging.ERROR else "yellow" if record.levelno >= logging.WARNING else "dim"
        if record.levelno >= logging.ERROR:
            self.last_error = record.getMessage()
        self._console.print(f"{step:<10}", style="cyan", end=" ", highlight=False, markup=False)
        self._console.print(record.getMessage(), style=colour, highlight=False, markup=False, soft_wrap=True)


def show_result(console: Console, summary: Mapping[str, Any], *, as_json: bool) -> None:
    """Print the end of a run: verdict, totals, cost, and where the report lies."""
    if as_json:
        console.print(json.dumps(dict(summary), ensure_ascii=False), markup=False, highlight=False, soft_wrap=True)
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in summary.get("totals", {}).items():
        table.add_row(name, f"{value:,}")
    table.add_row("cost", ", ".join(plural(summary[key], noun) for key, noun in _COSTS.items()))
    table.add_row("still owed", f"{summary['debt']:,}")
    console.print(table, highlight=False)
    console.print(f"report: {summary['html']}", highlight=False, markup=False, soft_wrap=True)
    console.print(str(summary["verdict"]).upper(), style=_COLOURS.get(str(summary["verdict"]), "bold"), end="  ")
    console.print(str(summary["story"]), highlight=False, markup=False, soft_wrap=True)


def exit_status(summary: Mapping[str, Any]) -> int:
    """Return the exit status of a run that has ended: 0 only for a green one."""
    return 0 if summary["verdict"] == "green" else NOT_GREEN


def show_routes() -> int:
    """Check the route file and list what it holds. Raises RouteInvalid."""
    path = routes_file()
    routes = load_routes(path)
    table = Table("route", "source", "target", "schedule", title=str(path))
    for route in routes.values():
        table.add_row(route.name, *route.ends, route.schedule or "by hand")
    Console().print(table)
    return 0
