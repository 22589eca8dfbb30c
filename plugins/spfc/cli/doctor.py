"""``spfc doctor``: the checks of one route as a table for people or JSON for machines."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.text import Text

from spfc.cli.quiet import quiet
from spfc.doctor.catalogue import CHECKS
from spfc.doctor.checkup import Checkup
from spfc.doctor.ledger import LedgerCheck
from spfc.doctor.shape import Check, Verdict, worst
from spfc.pipeline.settings import find_route
from spfc.routes import AnyRoute

FAILED = 1
"""Exit status when any check failed."""
INTERRUPTED = 130
"""Exit status after Ctrl-C or SIGTERM: what was found until then has been shown."""
_STYLES = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red", Verdict.SKIPPED: "dim"}
_NAME = max(len(name) for name in CHECKS) + 2
_VERDICT = 9


def doctor_here(route_name: str, *, write_probe: bool, as_json: bool) -> int:
    """Check one route's installation; return 0 when nothing failed, else 1. Raises RouteInvalid for no such route.

    Reads only, unless ``write_probe``: then a folder is made at FileCloud and removed again, also after Ctrl-C.
    """
    route = find_route(route_name)
    with quiet(Path(os.devnull)) as (terminal, _):
        return _examine(route, Console(file=terminal), write_probe=write_probe, as_json=as_json)


def _examine(route: AnyRoute, console: Console, *, write_probe: bool, as_json: bool) -> int:
    from spfc.cli.checkups import parts_of
    from spfc.pipeline.wiring import open_ledger

    ledger = LedgerCheck(open_ledger)
    checkup = Checkup(parts_of(route, ledger.governor), ledger=ledger.look, write_probe=write_probe)
    made: list[Check] = []

    def tell(check: Check) -> None:
        made.append(check)
        if not as_json:
            show(console, check)

    interrupted = False
    try:
        with _terminated_as_interrupted():
            checkup.run(tell)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        ledger.close()
    status = _end(console, route.name, made, as_json=as_json)
    return INTERRUPTED if interrupted else status


def show(console: Console, check: Check) -> None:
    """Print one line of the table, and the next step below it."""
    text = Text(f"{check.name:<{_NAME}}")
    text.append(f"{check.verdict.value:<{_VERDICT}}", _STYLES[check.verdict])
    indent = _NAME + _VERDICT
    width = max(30, console.width - indent)
    lines = list(Text(check.found).wrap(console, width))
    if check.next_step:
        lines += list(Text(f"-> {check.next_step}", "bold").wrap(console, width))
    for number, line in enumerate(lines or [Text("")]):
        line.rstrip()
        console.print((text if number == 0 else Text(" " * indent)) + line, highlight=False, soft_wrap=True)


def document(route: str, checks: Sequence[Check]) -> dict[str, object]:
    """Return the result for machines: route, verdict (ok, warn or fail), and the checks in the order they were made."""
    return {
        "route": route,
        "verdict": worst(checks).value,
        "checks": [dataclasses.asdict(check) for check in checks],
    }


def _end(console: Console, route: str, checks: Sequence[Check], *, as_json: bool) -> int:
    verdict = worst(checks)
    if as_json:
        text = json.dumps(document(route, checks), ensure_ascii=False)
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    else:
        numbers = {each: sum(check.verdict is each for check in checks) for each in Verdict}
        told = ", ".join(f"{number} {each.value}" for each, number in numbers.items() if number)
        console.print(f"{route}: {told}", style=_STYLES[verdict], highlight=False)
    return FAILED if verdict is Verdict.FAIL else 0


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM end the checks as Ctrl-C does, so that the folder of the probes is removed."""
    try:
        old: Callable[[int, FrameType | None], object] | int | None = signal.signal(
            signal.SIGTERM, signal.default_int_handler
        )
    except ValueError:  # not in the main thread: then nobody sends us one
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old)
