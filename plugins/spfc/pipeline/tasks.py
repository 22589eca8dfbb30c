"""What each task of a route's DAG does: open the run, call one step, hand back small values."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from airflow.sdk.exceptions import AirflowException, AirflowFailException, DownstreamTasksSkipped

from spfc.errors import Disposition, LeaseHeld, SpfcError, Throttled
from spfc.wording import plural, size

if TYPE_CHECKING:
    from spfc.steps.context import AnyRun, RunContext

log = logging.getLogger("spfc.task")

Context = Mapping[str, Any]
RunT = TypeVar("RunT", bound="AnyRun")

MANIFEST_KEY = "manifest"
"""XCom key of the change manifest. The plan's return value is its list of batches, over which transfer is mapped."""

WORK_TASKS = ("diff_and_plan", "apply_structure", "create_empty_folders", "approve_removals", "apply_removals")
"""What is skipped at once when there is nothing to do; the mapped transfer follows by its trigger rule."""


def enumerate_task(route: str, context: Context) -> dict[str, Any]:
    """Read the change feed; end the run's work here when nothing is owed."""
    from spfc.steps.enumerate import enumerate_source
    from spfc.steps.scrub import scrub_share

    with opened(route, "enumerate", context, None) as run:
        result = enumerate_source(run)
        looks = run.options.mode.looks_at_target or bool(scrub_share(run))
    if not result["debt"] and not looks:
        log.info("Nothing has changed and nothing is owed.")
        finish_early(context, result, WORK_TASKS)
    return result


def plan_task(route: str, context: Context, enumeration: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Plan, and return one small reference per batch; end the run's work here when there is nothing to carry out."""
    from spfc.steps.plan import diff_and_plan

    fence = enumeration["fence"]
    with opened(route, "diff_and_plan", context, fence) as run:
        manifest = diff_and_plan(run)
    context["ti"].xcom_push(key=MANIFEST_KEY, value={**manifest, "fence": fence})
    if manifest["dry_run"]:
        log.info("Dry run: the plan is in the report, nothing is changed.")
        finish_early(context, [], WORK_TASKS[1:])
    if not manifest["counts"]:
        log.info("Nothing is to be done.")
        finish_early(context, [], WORK_TASKS[1:])
    return [{**batch, "fence": fence, "label": _label(batch)} for batch in manifest["batches"]]


def _label(batch: Mapping[str, Any]) -> str:
    """Return what Airflow shows for the task that copies a batch."""
    return f"batch {batch['batch'] + 1}: {plural(batch['files'], 'file')}, {size(batch['bytes'])}"


def structure_task(route: str, context: Context, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Make folders, move, rename, adopt."""
    from spfc.steps.structure import apply_structure

    with opened(route, "apply_structure", context, manifest["fence"]) as run:
        return apply_structure(run, manifest["plan_id"])


def transfer_task(route: str, context: Context, batch: Mapping[str, Any]) -> dict[str, Any]:
    """Copy the files of one batch."""
    from spfc.steps.copying import transfer_batch

    with opened(route, f"transfer[{batch['batch']}]", context, batch["fence"]) as run:
        return transfer_batch(run, batch["plan_id"], batch["batch"], _shown(context))


PROGRESS_KEY = "progress"
"""Key of the line, in the state of a transfer task, that says how far it has come."""


def _shown(context: Context) -> Callable[[str], None]:
    """Return what puts a line where the page of the task instance shows it while the task runs."""
    store = context.get("task_state_store")
    if store is None:
        return lambda text: None

    def show(text: str) -> None:
        try:
            store.set(PROGRESS_KEY, text)
        except Exception as error:  # noqa: BLE001  # whatever it is: a line for people is no reason to stop copying
            log.warning("The progress could not be shown: %s", type(error).__name__)

    return show


def empty_folders_task(route: str, context: Context, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Make the folders that hold no file."""
    from spfc.steps.structure import create_empty_folders

    with opened(route, "create_empty_folders", context, manifest["fence"]) as run:
        return create_empty_folders(run, manifest["plan_id"])


def removals_task(route: str, context: Context, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Keep, quarantine or delete what is gone from the source."""
    from spfc.steps.removals import apply_removals

    with opened(route, "apply_removals", context, manifest["fence"]) as run:
        return apply_removals(run, manifest["plan_id"])


def release_task(route: str, context: Context, manifest: Mapping[str, Any], who: str) -> int:
    """Release the held removals that a person has approved; return how many."""
    from spfc.steps.removals import release_removals

    with opened(route, "approve_removals", context, manifest["fence"]) as run:
        return release_removals(run, manifest["plan_id"], who)


def report_task(route: str, context: Context) -> dict[str, Any]:
    """Write the report and give the route back; fail the run when it failed."""
    from spfc.pipeline.fate import note_silent_failures
    from spfc.pipeline.settings import dag_id
    from spfc.reporting.model import Verdict
    from spfc.reporting.places import reports_root
    from spfc.steps.closing import close_run
    from spfc.web.links import REPORT_LINK_KEY, report_url

    enumeration = context["ti"].xcom_pull(task_ids="enumerate") or {}
    with opened(route, "report", context, enumeration.get("fence")) as run:
        note_silent_failures(run, states_of(context))
        closed = close_run(run, reports_root(), dag_id=dag_id(route))
    context["ti"].xcom_push(key=REPORT_LINK_KEY, value=report_url(route, run.run_id))
    context["ti"].xcom_push(key="return_value", value=closed.summary)
    if closed.verdict is Verdict.FAILED:
        raise AirflowFailException(f"{closed.story} The report has every line: {closed.files.html}")
    return closed.summary


@contextmanager
def opened(route: str, task: str, context: Context, fence: int | None) -> Iterator[RunContext]:
    """Open the run of a route that copies files for one task, as :func:`working` does."""
    from spfc.pipeline.options import run_options
    from spfc.pipeline.wiring import open_run

    with working(route, task, context, lambda: open_run(route, context["run_id"], run_options(context), fence)) as run:
        yield run


@contextmanager
def working(route: str, task: str, context: Context, open_run: Callable[[], RunT]) -> Iterator[RunT]:
    """Open a run for one task; our errors fail the task with their sentence, and without a retry if none can help."""
    from spfc.pipeline.fate import accounted
    from spfc.pipeline.metrics import count_spending
    from spfc.pipeline.patience import WAIT, come_back_later

    try:
        run = open_run()
        try:
            with run.task(task), accounted(run, task):
                yield run
        finally:
            count_spending(route, task, run.spending())
            run.database.close()
    except Throttled as error:
        log.warning("%s", error)
        come_back_later(context, wait=max(WAIT, timedelta(seconds=error.retry_after or 0.0)))
        _fail(error)
    except LeaseHeld as error:
        log.warning("%s", error)
        come_back_later(context)
        _fail(error)
    except SpfcError as error:
        _fail(error)


def states_of(context: Context) -> dict[str, Any]:
    """Return the states of the tasks of this run, by task id."""
    ti = context["ti"]
    states: dict[str, dict[str, Any]] = ti.get_task_states(dag_id=ti.dag_id, run_ids=[context["run_id"]])
    return {task: state for task, state in states.get(context["run_id"], {}).items() if task != ti.task_id}


def _fail(error: SpfcError) -> NoReturn:
    log.error("%s", error)
    if error.disposition is Disposition.STOP:
        raise AirflowFailException(str(error)) from None
    raise AirflowException(str(error)) from None


def finish_early(context: Context, value: object, tasks: tuple[str, ...]) -> NoReturn:
    """Push the result and skip the tasks that would have nothing to do; the report still runs."""
    context["ti"].xcom_push(key="return_value", value=value)
    raise DownstreamTasksSkipped(tasks=list(tasks))  # type: ignore[no-untyped-call]
