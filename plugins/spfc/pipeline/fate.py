"""How tasks end, told truthfully: what went wrong without a word still reaches the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from spfc.errors import SpfcError
from spfc.ledger.runs import RunRow, begin_run, load_run, update_run

if TYPE_CHECKING:
    from spfc.steps.context import AnyRun

FAILED = "failed"
"""Airflow's name for the state of a task that will not be tried again."""


@contextmanager
def accounted(run: AnyRun, task: str) -> Iterator[None]:
    """See to it that the ledger knows how this task ended; to be used within ``run.task(task)``.

    A further try of a task takes back what its earlier try complained about. Our own errors are written down by
    ``run.task``; of all others only the kind is, since their text may hold anything.
    """
    _take_back(run, task)
    try:
        yield
    except SpfcError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        what = "interrupted" if isinstance(error, KeyboardInterrupt) else f"stopped by a {type(error).__name__}"
        _complain(run, f"{task}: {what}. The log of this task says where; the next run goes on from there.")
        raise


def note_silent_failures(run: AnyRun, states: Mapping[str, Any]) -> None:
    """Write down that tasks failed which had no chance to say so: killed, out of memory, marked by hand.

    ``states`` maps task ids (with ``_<map index>``) to Airflow's states. Without this, a run whose ``enumerate`` was
    killed has an empty plan and would look green.
    """
    failed = sorted(task for task, state in states.items() if state == FAILED)
    if not failed:
        return
    with run.database.reading() as connection:
        row = load_run(connection, run.route.name, run.run_id)
    if row is None or not row.error:
        _complain(
            run,
            f"{', '.join(failed)}: ended without a word (killed, out of memory, or marked as failed). "
            "The log of the task may say more; the next run goes on from there.",
        )


def _take_back(run: AnyRun, task: str) -> None:
    with run.database.reading() as connection:
        row = load_run(connection, run.route.name, run.run_id)
    if row is not None and row.error.startswith(f"{task}: "):
        with run.database.writing() as connection:
            update_run(connection, run.route.name, run.run_id, error="")


def _complain(run: AnyRun, text: str) -> None:
    row = RunRow(
        route=run.route.name,
        run_id=run.run_id,
        started_at=run.now(),
        mode=run.options.mode_name,
        dry_run=run.options.changes_nothing,
    )
    with run.database.writing() as connection:
        begin_run(connection, row)  # a run that is known already stays as it is
        update_run(connection, run.route.name, run.run_id, error=text)
