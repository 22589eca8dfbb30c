"""The sample lists are the same for the same seed, and every deed in them is told by the feed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from tests.sources.clients import client_of
from tests.sources.record_contract import one_round, told

from demo.sample_lists import COLUMNS, CONTRACTS, SUPPLIERS, ListDeed, build, people_edit
from simulators.sharepoint import SharePointSimulator
from spfc.records.model import ColumnType
from spfc.sources.sharepoint_list import SharePointList

SEED = 5


def rows_of(folder: Path, name: str = CONTRACTS) -> dict[int, dict[str, object]]:
    items = json.loads((folder / f"{name}.json").read_text("utf-8"))["items"]
    return {item["id"]: item["fields"] for item in items}


def test_equal_seeds_give_equal_lists_and_equal_deeds(tmp_path: Path) -> None:
    print(f"seed {SEED}")
    one, two, other = (build(tmp_path / name, seed=seed, rows=200) for name, seed in (("a", 5), ("b", 5), ("c", 6)))
    assert rows_of(one.folder) == rows_of(two.folder) != rows_of(other.folder)
    assert people_edit(one.folder, seed=SEED) == people_edit(two.folder, seed=SEED)
    assert rows_of(one.folder) == rows_of(two.folder)
    with pytest.raises(FileExistsError):
        build(one.folder)


def test_the_large_list_passes_the_threshold_of_views(tmp_path: Path) -> None:
    made = build(tmp_path / "lists")
    assert made.rows == len(rows_of(made.folder)) > 5_000
    assert made.columns == len(COLUMNS)


def test_every_deed_is_told_by_the_feed(tmp_path: Path) -> None:
    print(f"seed {SEED}")
    (tmp_path / "library").mkdir()
    folder = build(tmp_path / "lists", seed=SEED, rows=500).folder
    with SharePointSimulator(tmp_path / "library", lists=folder, state_dir=tmp_path / "state") as simulator:
        source = SharePointList(
            client_of(simulator),
            hostname=simulator.site_hostname,
            site_path=simulator.site_path,
            list_name=CONTRACTS,
        )
        source.bind(None)
        pages, cursor = one_round(source, None)
        assert sorted(told(pages)) == list(range(1, 501))
        columns = source.columns()
        assert set(ColumnType) == {column.type for column in columns}
        assert {key for record in told(pages).values() for key in record.values} <= {c.name for c in columns}
        seen: Counter[ListDeed] = Counter()
        for new_column in (False, True):
            changes = people_edit(folder, seed=SEED, new_column=new_column)
            seen += Counter(change.deed for change in changes)
            rows = told(one_round(source, cursor)[0])
            _, cursor = one_round(source, cursor)
            expected = {c.row: c.deed is ListDeed.DELETE for c in changes if c.row is not None}
            assert {record.id: record.deleted for record in rows.values()} == expected
        assert set(seen) == set(ListDeed)
        assert "Risk" in {column.name for column in source.columns()}
    assert len(rows_of(folder)) == 500 + seen[ListDeed.ADD] + seen[ListDeed.RESTORE] - seen[ListDeed.DELETE]
    assert rows_of(folder, SUPPLIERS)
