"""Whatever people do to a library and whatever goes wrong on the way, quiet runs bring the mirror there in the end."""

from __future__ import annotations

import logging
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, seed, settings
from hypothesis import strategies as st
from tests.e2e.fault_catalogue import CATALOGUE, FILECLOUD_ROWS, GRAPH_ROWS, Fault
from tests.e2e.folder_edits import EDITS
from tests.e2e.judging import Records
from tests.e2e.troubled_house import DAY, Setting, TroubledHouse, troubled_house

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

SEED = int(os.environ["SPFC_SEED"])
EXAMPLES = int(os.environ.get("SPFC_EXAMPLES") or 40)
HITS: Counter[str] = Counter()
"""How often each entry of the catalogue was met, by all tests of this module in this process."""
RUNS: Counter[str] = Counter()

LIBRARIES: tuple[dict[str, Any], ...] = (
    {},
    {"delta_order": "child-first"},
    {"delete_markers": "folders"},
    {"delta_order": "parents-first", "delta_empty_pages": 1},
    {"delta_dup_rate": 0.5},
    {"delete_shape": "no_parent", "delete_markers": "top"},
    {"delete_shape": "year_0001", "delete_markers": "all", "delta_deleted_page_size": 1},
    {"hash_missing": ["*"]},
    {"range_mode": "ignored", "url_expired_status": 404},
    {"delta_ancestors": False, "url_expired_status": 403},
    {"range_mode": "416"},
)
"""Ways in which libraries differ (Graph reference 17.4)."""
SERVERS: tuple[dict[str, Any], ...] = (
    {},
    {"profile": "legacy"},
    {"profile": "2024"},
    {"normalize": "nfc"},
    {"etag_after_move": "change", "etag_same_bytes": "keep"},
    {"mkdir_exists_result": 1, "recycle": False, "expired_session_mode": "html_200"},
    {"listing_order": "permuted", "max_limit": 3, "expired_session_mode": "http_403"},
    {"upload_failure_shape": "json", "precondition_failure": "http", "repeat_chunk": "refuse"},
    {"network_folders": ["/spfc/mirror/sub"]},
    {"upload_failure_shape": "xml", "keep_versions": 0, "delete_missing_result": 1},
)
"""Ways in which servers differ (FileCloud reference, the knobs of the simulator)."""


@pytest.fixture(scope="module", autouse=True)
def _say_how_much() -> Iterator[None]:
    yield
    never = sorted(fault.id for fault in CATALOGUE if not HITS[fault.id])
    print(f"\nSPFC_SEED={SEED}: {RUNS['sequences']} sequences, {RUNS['runs']} runs, {HITS.total()} faults met")
    print(f"never met here: {', '.join(never) or 'none'}")


LOGGERS = ("spfc", "urllib3", "requests", "msal")


@pytest.fixture
def records() -> Iterator[Records]:
    """Every log line down to DEBUG, kept from pytest, which would format each of them twice."""
    handler, loggers = Records(), [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
    yield handler
    for logger, (level, propagate) in zip(loggers, before, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


# -- each fault by itself --------------------------------------------------------------------------------


def fill(house: TroubledHouse) -> None:
    """Make a small library with odd names."""
    for kind, *numbers in (
        ("mkdir", 0, 14, 0), ("write", 0, 0, 7), ("write", 1, 2, 4), ("write", 1, 12, 2), ("write", 0, 3, 6),
        ("mkdir", 1, 4, 0), ("write", 2, 10, 5),
    ):  # fmt: skip
        assert house.folder.edit(kind, *numbers)


def change(house: TroubledHouse, number: int) -> None:
    """Make edits that ask for every operation: a new folder, uploads of one and more chunks, a move, a removal."""
    root = house.folder.root
    (root / f"gone {number}").unlink(missing_ok=True)
    if number:
        (root / f"move {number}").rename(root / "sub" / f"move {number}")
    new = root / f"new {number}"
    new.mkdir()
    for path, size in ((new / "three chunks.bin", 2500), (new / "one chunk.txt", 20)):
        house.folder.write(path, size)
    for name in ("gone", "move"):
        house.folder.write(root / f"{name} {number + 1}", 30)


def test_the_catalogue_covers_every_row_of_both_references() -> None:
    """Each entry is declared by a test below, and each of these fails when it is not met."""
    ids = [fault.id for fault in CATALOGUE]
    assert len(ids) == len(set(ids))
    graph = {row for fault in CATALOGUE if fault.service in ("graph", "download") for row in fault.rows}
    cloud = {row for fault in CATALOGUE if fault.service == "filecloud" for row in fault.rows}
    assert graph == set(GRAPH_ROWS)
    assert cloud == set(FILECLOUD_ROWS)


BATCH = 10
EDITED = [fault for fault in CATALOGUE if fault.scene == "edits"]
BATCHES = [
    faults[start : start + BATCH]
    for policy in ("quarantine", "delete")
    for faults in [[fault for fault in EDITED if fault.policy == policy]]
    for start in range(0, len(faults), BATCH)
]


def how_often(number: int) -> tuple[int, ...]:
    """Return how often the faults of a batch happen in their runs: once, for ever (-1), both when there is time."""
    return (1, -1) if EXAMPLES > 100 else ((1,), (-1,))[number % 2]


@pytest.mark.parametrize("faults", BATCHES, ids=lambda faults: f"{faults[0].id}..{faults[-1].id}")
def test_each_fault_is_met_and_got_over(faults: list[Fault], tmp_path: Path, records: Records) -> None:
    with troubled_house(tmp_path, Setting(policy=faults[0].policy), Counter()) as house:
        fill(house)
        change(house, 0)
        assert house.trouble().closed.verdict == "green"
        rounds = [(fault, times) for number, fault in enumerate(faults) for times in how_often(number)]
        for number, (fault, times) in enumerate(rounds, 1):
            change(house, number)
            before = house.hits[fault.id]
            house.trouble([(fault, fault.rule(times))])
            assert house.hits[fault.id] > before, f"{fault.id} was declared and never met"
        house.settle()
        house.check_secrets(records)
        HITS.update(house.hits)


@pytest.mark.parametrize("fault", [f for f in CATALOGUE if f.scene != "edits"], ids=lambda fault: fault.id)
def test_a_first_run_gets_over_each_fault_of_its_own(fault: Fault, tmp_path: Path, records: Records) -> None:
    with troubled_house(tmp_path, Setting(filecloud=fault.knobs), Counter()) as house:
        fill(house)
        if fault.scene == "present":
            shutil.copytree(house.folder.root, house.mirror, ignore=shutil.ignore_patterns("b.bin", "what*", "日本*"))
        for times in (1, -1):
            house.trouble([(fault, fault.rule(times))])
            assert times < 0 or house.hits[fault.id], f"{fault.id} was declared and never met"
        house.settle()
        house.check_secrets(records)
        HITS.update(house.hits)


# -- everything at once ----------------------------------------------------------------------------------

NUMBER = st.integers(0, 999)
OFTEN = ("write", "write", "overwrite", "append", "rename", "move")
EDIT = st.tuples(st.sampled_from((*OFTEN, *sorted(EDITS))), NUMBER, NUMBER, NUMBER)
TROUBLE = st.tuples(
    st.integers(0, len(CATALOGUE) - 1), st.sampled_from((1, 1, 2, 6, -1)), st.sampled_from((0, 0, 0, 1, 3))
)
ROUND = st.tuples(
    st.lists(EDIT, min_size=1, max_size=8),
    st.lists(TROUBLE, max_size=4, unique_by=lambda drawn: drawn[0]),
    st.sampled_from((0.0, 0.0, 0.1, 2.0, 10.0)),
    st.lists(EDIT, max_size=2),
)
"""Edits, what goes wrong in the run after them, the days before it, edits while the run is at work."""
SETTING = st.builds(
    Setting,
    sharepoint=st.sampled_from(LIBRARIES),
    filecloud=st.sampled_from(SERVERS),
    policy=st.sampled_from(("quarantine", "quarantine", "delete")),
    workers=st.sampled_from((1, 1, 3)),
    retries=st.sampled_from((0, 0, 1)),
)


def rules_of(drawn: list[tuple[int, int, int]]) -> list[tuple[Fault, dict[str, Any]]]:
    chosen = [(CATALOGUE[number], times, later) for number, times, later in drawn]
    # Two sorts of wrong bytes in one run can be the same twice for one file, and then are believed (reference 8.4).
    lies = [fault for fault, _, _ in chosen if fault.once][1:]
    return [(fault, fault.rule(times, later)) for fault, times, later in chosen if fault not in lies]


@seed(SEED)
@settings(
    max_examples=EXAMPLES, deadline=None, print_blob=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(setting=SETTING, rounds=st.lists(ROUND, min_size=3, max_size=6))
def test_any_sequence_of_edits_and_faults_ends_in_sync(setting: Setting, rounds: list[Any], records: Records) -> None:
    RUNS["sequences"] += 1
    with TemporaryDirectory(prefix="spfc-stateful-") as tmp, troubled_house(Path(tmp), setting, HITS) as house:
        for edits, drawn, days, late in rounds:
            note("\n".join(filter(None, (house.folder.edit(*edit) for edit in edits))))
            house.clock_now.advance(days * DAY)
            rules = rules_of(drawn)
            note(f"run under {[rule for _, rule in rules]}")
            run = house.trouble(rules, (partial(house.folder.edit, *edit) for edit in late))
            note(f"-> {run.closed.verdict} {run.closed.story} {run.error or ''}")
        house.settle()
        house.check_secrets(records)
        RUNS["runs"] += next(house.numbers) - 1
