"""The property of test_stateful for the other file routes: library to local folder, FileCloud to local folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, seed, settings
from hypothesis import strategies as st
from tests.e2e.fault_catalogue import CATALOGUE, CLOSED_PORT, Fault
from tests.e2e.folder_houses import CloudFolderHouse, FolderHouse
from tests.e2e.judging import Records
from tests.e2e.test_stateful import DAY, EDIT, EXAMPLES, LIBRARIES, SEED, records
from tests.e2e.troubled_house import Setting, TroubledHouse, troubled_house

__all__ = ["records"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

HITS: Counter[str] = Counter()
RUNS: Counter[str] = Counter()

AT_LIBRARY = [f for f in CATALOGUE if f.service != "filecloud" and f.action["kind"] != CLOSED_PORT]
READING = {"getfilelist", "downloadfile", "fileinfo", "loginguest", "getauthenticationinfo", None}
AT_CLOUD = [f for f in CATALOGUE if f.service == "filecloud" and f.operation in READING]
SERVERS: tuple[dict[str, Any], ...] = (
    {},
    {"profile": "legacy"},
    {"profile": "2024"},
    {"expired_session_mode": "html_200"},
    {"listing_order": "permuted", "max_limit": 3, "expired_session_mode": "http_403"},
    {"range": "ignore", "content_length": False},
    {"range": "error", "expired_session_mode": "redirect_html"},
)


@pytest.fixture(scope="module", autouse=True)
def _say_how_much() -> Iterator[None]:
    yield
    print(f"\nSPFC_SEED={SEED}: {RUNS['sequences']} sequences, {RUNS['runs']} runs, {HITS.total()} faults met")


def rounds_with(catalogue: list[Fault]) -> st.SearchStrategy[list[Any]]:
    """Return rounds of edits, faults of a catalogue, days before the run, and edits while it is at work."""
    trouble = st.tuples(
        st.integers(0, len(catalogue) - 1), st.sampled_from((1, 1, 2, 6, -1)), st.sampled_from((0, 0, 0, 1, 3))
    )
    one = st.tuples(
        st.lists(EDIT, min_size=1, max_size=8),
        st.lists(trouble, max_size=4, unique_by=lambda drawn: drawn[0]),
        st.sampled_from((0.0, 0.0, 0.1, 2.0, 10.0)),
        st.lists(EDIT, max_size=2),
    )
    return st.lists(one, min_size=3, max_size=6)


def setting(**services: st.SearchStrategy[Any]) -> st.SearchStrategy[Setting]:
    return st.builds(
        Setting,
        policy=st.sampled_from(("quarantine", "quarantine", "delete")),
        workers=st.sampled_from((1, 1, 3)),
        retries=st.sampled_from((0, 0, 1)),
        **services,
    )


def play(house: TroubledHouse, rounds: list[Any], catalogue: list[Fault]) -> None:
    """Let people edit and runs follow, then quiet runs, and judge after each."""
    for edits, drawn, days, late in rounds:
        note("\n".join(filter(None, (house.folder.edit(*edit) for edit in edits))))
        house.clock_now.advance(days * DAY)
        chosen = [(catalogue[number], times, later) for number, times, later in drawn]
        lies = [fault for fault, _, _ in chosen if fault.once][1:]
        rules = [(fault, fault.rule(times, later)) for fault, times, later in chosen if fault not in lies]
        note(f"run under {[rule for _, rule in rules]}")
        run = house.trouble(rules, (partial(house.folder.edit, *edit) for edit in late))
        note(f"-> {run.closed.verdict} {run.closed.story} {run.error or ''}")
    house.settle()


FEW = settings(
    max_examples=max(1, EXAMPLES // 2), deadline=None, print_blob=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)  # fmt: skip


@seed(SEED)
@FEW
@given(chosen=setting(sharepoint=st.sampled_from(LIBRARIES)), rounds=rounds_with(AT_LIBRARY))
def test_a_library_in_a_local_folder_ends_in_sync(chosen: Setting, rounds: list[Any], records: Records) -> None:
    RUNS["sequences"] += 1
    with (
        TemporaryDirectory(prefix="spfc-stateful-") as tmp,
        troubled_house(Path(tmp), chosen, HITS, FolderHouse) as house,
    ):
        play(house, rounds, AT_LIBRARY)
        house.check_secrets(records)
        RUNS["runs"] += next(house.numbers) - 1


@seed(SEED)
@FEW
@given(chosen=setting(filecloud=st.sampled_from(SERVERS)), rounds=rounds_with(AT_CLOUD))
def test_a_filecloud_folder_in_a_local_folder_ends_in_sync(
    chosen: Setting, rounds: list[Any], records: Records
) -> None:
    RUNS["sequences"] += 1
    with (
        TemporaryDirectory(prefix="spfc-stateful-") as tmp,
        troubled_house(Path(tmp), chosen, HITS, CloudFolderHouse) as house,
    ):
        play(house, rounds, AT_CLOUD)
        house.check_secrets(records)
        RUNS["runs"] += next(house.numbers) - 1
