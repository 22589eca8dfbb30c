"""Costs, progress and what counts as a run without changes; and that all of it can be shown."""

import io
from collections import Counter

import pytest
from rich.console import Console

from demo.api import TaskState
from demo.compare import Comparison, Difference, Fault
from demo.costs import Costs, Traffic, Way
from demo.edits import Change, Deed
from demo.scenes import SCENES
from demo.show import Screen, flatten, human_size
from demo.watch import Progress, RunResult
from simulators.common.journal import Journal, JournalEntry


def entry(
    service: str,
    operation: str,
    units: int = 0,
    status: int = 200,
    size: int = 0,
    answer: int = 2,
    **params: str,
) -> JournalEntry:
    return JournalEntry(service, "GET", "/", operation, params, None, status, size, answer, units)


def result(costs: dict[tuple[str, str], int], *tasks: TaskState) -> RunResult:
    return RunResult(
        "run [1]", "success", 2.0, tasks, 3, 1500, Costs(costs, 5), {"totals": {"new": 1, "more": {"x": 0}}}
    )


def test_costs_lie_between_two_readings() -> None:
    journal = Journal()
    journal.record(entry("graph", "delta", 2))
    before = journal.totals()
    journal.record(entry("graph", "delta", 1))
    journal.record(entry("graph", "content", 1))
    journal.record(entry("login", "token"))
    costs = Costs.between(before, journal.totals())
    assert (costs.of("graph"), costs.graph_units, costs.of("login"), costs.of("filecloud")) == (2, 2, 1, 0)
    assert costs.detail("graph") == "content 1, delta 1"


def test_traffic_counts_files_when_their_last_chunk_was_taken() -> None:
    journal = Journal()
    journal.record(entry("filecloud", "upload", complete="1", size=100))
    traffic = Traffic(journal)
    journal.record(entry("filecloud", "upload", complete="0", size=10))
    journal.record(entry("filecloud", "upload", complete="1", size=5))
    journal.record(entry("filecloud", "upload", complete="1", size=7, status=503))
    journal.record(entry("filecloud", "upload", complete="1", size=7, answer=60))
    journal.record(entry("filecloud", "getfilelist", size=7))
    traffic.update()
    traffic.update()
    assert (traffic.files, traffic.size) == (1, 15)


SKIPPED = TaskState("transfer", -1, "skipped", None)
LISTED = ("filecloud", "getfilelist")


@pytest.mark.parametrize(("scene", "costs", "free"), [
    ("sample", {("graph", "delta"): 1}, True),
    ("sample", {("graph", "delta"): 1, ("login", "token"): 1}, True),
    ("sample", {("graph", "delta"): 2}, False),
    ("sample", {}, False),
    ("sample", {("graph", "delta"): 1, ("filecloud", "fileinfo"): 1}, False),
    ("sample", {("graph", "delta"): 1, ("download", "download"): 1}, False),
    ("local", {("graph", "delta"): 1}, True),
    ("local", {("graph", "delta"): 1, ("download", "download"): 1}, False),
    ("local", {("graph", "delta"): 2}, False),
    ("filecloud-local", {LISTED: 4, ("filecloud", "loginguest"): 1}, True),
    ("filecloud-local", {LISTED: 5}, False),
    ("filecloud-local", {LISTED: 3}, False),
    ("filecloud-local", {LISTED: 4, ("filecloud", "downloadfile"): 1}, False),
])  # fmt: skip
def test_what_a_run_without_changes_may_cost(scene: str, costs: dict[tuple[str, str], int], free: bool) -> None:
    assert SCENES[scene].free(result(costs, SKIPPED), folders=3).kept is free


@pytest.mark.parametrize("scene", SCENES)
def test_a_mapped_transfer_is_not_free(scene: str) -> None:
    costs = {("graph", "delta"): 1, LISTED: 4} if scene == "filecloud-local" else {("graph", "delta"): 1}
    run = result(costs, TaskState("copy.transfer", 0, "success", 1.0))
    assert run.transfers == 1
    assert not SCENES[scene].free(run, folders=3).kept


@pytest.mark.parametrize(("way", "service", "operation"), [
    (Way.DOWNLOAD, "download", "download"), (Way.FILECLOUD_DOWNLOAD, "filecloud", "downloadfile"),
])  # fmt: skip
def test_downloads_are_counted_when_they_begin(way: Way, service: str, operation: str) -> None:
    journal = Journal()
    traffic = Traffic(journal, way)
    journal.record(entry(service, operation, answer=100))
    journal.record(entry(service, operation, status=206, answer=50))
    journal.record(entry(service, operation, status=404, answer=7))
    journal.record(entry("filecloud", "upload", complete="1", size=5))
    traffic.update()
    assert (traffic.files, traffic.size) == (1, 150)


def test_tasks_are_counted_in_the_order_of_the_pipeline() -> None:
    tasks = (
        TaskState("report", -1, "none", None),
        TaskState("transfer", 0, "success", 1.0),
        TaskState("transfer", 1, "running", None),
        TaskState("enumerate", -1, "success", 1.0),
    )
    found = Progress("running", tasks, 0, 0, 1.0).by_task()
    assert list(found) == ["enumerate", "transfer", "report"]
    assert found["transfer"] == Counter(success=1, running=1)


@pytest.mark.parametrize("terminal", [False, True])
def test_everything_can_be_shown_whatever_the_names(terminal: bool) -> None:
    out = io.StringIO()
    screen = Screen(Console(file=out, force_terminal=terminal, width=100, highlight=False))
    odd = "[red]a[/] [1] 员工 🚀.txt"
    tasks = (TaskState("enumerate", -1, "awaiting_input", None), TaskState("transfer", 0, "success", 1.0))
    with screen.following(None, None) as show:
        show(Progress("running", tasks, 1, 10, 0.0))
        show(Progress("running", tasks, 2, 20, 1.0))
    with screen.busy("Doing [this]") as tell:
        tell("[1]")
    screen.run(result({("graph", "delta"): 1}, *tasks))
    screen.changes([Change(Deed.EDIT, odd, odd)])
    screen.comparison(Comparison([Difference(Fault.CONTENT, odd)] * 30))
    screen.problem(odd)
    text = out.getvalue()
    assert "[awaiting_input]" in text
    assert "[1] 员工" in text
    assert "and 10 more" in text
    assert "run [1]" in text


def test_totals_are_flattened_without_zeros() -> None:
    assert list(flatten({"a": 1, "b": {"c": 2000, "d": 0, "e": True}, "f": None, "g": "x"})) == [
        ("a", "1"),
        ("b.c", "2,000"),
        ("b.e", "True"),
        ("g", "x"),
    ]


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (114_400_000, "114.4 MB"), (3e9, "3.00 GB")],
)
def test_sizes_for_people(size: float, text: str) -> None:
    assert human_size(size) == text
