"""SharePointList against the simulated SharePoint: the contract, kinds of columns, costs, and errors with a name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.schema.watch import watching
from tests.sources.clients import client_of
from tests.sources.record_contract import RecordContract, Values, one_round, told, until_quiet

from simulators.sharepoint import SharePointKnobs, SharePointSimulator
from spfc.errors import (
    AnswerUnreadable,
    CursorExpired,
    PermissionMissing,
    PlaceNotFound,
    RequestRefused,
    ServiceBusy,
)
from spfc.records.model import ColumnType, Record
from spfc.sources.sharepoint_list import SharePointList

Start = Callable[..., SharePointSimulator]
AMOUNT: Mapping[str, Any] = {"name": "Amount", "number": {}}
ROWS = [{"Title": f"row {n}", "Amount": n} for n in range(1, 8)]


@pytest.fixture(autouse=True)
def graph_fits_the_metadata() -> Iterator[None]:
    """Whatever the simulated Graph answers in these tests fits Microsoft's metadata."""
    with watching():
        yield


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[SharePointSimulator] = []
    (tmp_path / "library").mkdir()

    def make(*, faults: Any = None, units_per_minute: int | None = None, **knobs: Any) -> SharePointSimulator:
        simulator = SharePointSimulator(
            tmp_path / "library",
            state_dir=tmp_path / "state",
            faults=faults,
            units_per_minute=units_per_minute,
            knobs=SharePointKnobs(**knobs),
        ).start()
        running.append(simulator)
        return simulator

    yield make
    for simulator in running:
        simulator.stop()


def list_of(simulator: SharePointSimulator, name: str = "Notes", **changes: Any) -> SharePointList:
    client = client_of(simulator, **changes)
    hostname, site_path = simulator.site_hostname, simulator.site_path
    return SharePointList(client, hostname=hostname, site_path=site_path, list_name=name)


def bound_list(simulator: SharePointSimulator, name: str = "Notes", **changes: Any) -> SharePointList:
    source = list_of(simulator, name, **changes)
    source.bind(None)
    return source


class SimulatedWorld:
    """Implements RecordWorld over HTTP."""

    def __init__(self, simulator: SharePointSimulator) -> None:
        self.simulator = simulator
        self.notes = simulator.lists.create("Notes", [AMOUNT], ROWS)

    def source(self) -> SharePointList:
        return list_of(self.simulator, page_size=3)

    def add(self, values: Values) -> int:
        return self.notes.add(values)

    def update(self, row_id: int, values: Values) -> None:
        self.notes.update(row_id, values)

    def delete(self, row_id: int) -> None:
        self.notes.delete(row_id)

    def restore(self, row_id: int) -> None:
        self.notes.restore(row_id)

    def delete_and_restore(self, row_id: int) -> None:
        self.notes.delete(row_id)
        self.notes.restore(row_id)

    def add_column(self, name: str) -> None:
        self.notes.add_column({"name": name, "text": {}})

    def expire(self) -> None:
        self.simulator.replace_faults([{"id": "gone", "operation": "list_delta", "action": {"kind": "gone"}}])


class TestSharePointList(RecordContract):
    knobs: Mapping[str, Any] = {}

    @pytest.fixture
    def world(self, start: Start) -> SimulatedWorld:
        return SimulatedWorld(start(**self.knobs))


class TestSharePointListThatRepeatsItself(TestSharePointList):
    """Every row stands twice in its page, first as it was: before the change, or before it was deleted or restored."""

    knobs: Mapping[str, Any] = {"delta_dup_rate": 1.0, "delta_order": "child-first", "lookup_ids": "number"}


class TestSharePointListWithRaggedPages(TestSharePointList):
    """Empty pages before the others, deletions one by one, in an order of its own."""

    knobs: Mapping[str, Any] = {"delta_empty_pages": 2, "delta_deleted_page_size": 1, "delete_shape": "no_parent"}


# -- where the list is -------------------------------------------------------------------------------


def test_a_list_is_found_by_what_people_call_it(start: Start) -> None:
    simulator = start()
    made = simulator.lists.create("Orders 2024", title="All orders")
    address = f"https://{simulator.site_hostname}{simulator.site_path}/Lists/Orders%202024"
    names = ["All orders", "ALL ORDERS", "Orders 2024", made.id, address, f"{address}/AllItems.aspx?viewid=1"]
    for name in names:
        source = list_of(simulator, name)
        assert source.bind(None)["list_id"] == made.id, name
        assert (source.usage.requests, source.usage.units) == (2, 3)


def test_a_list_that_people_see_goes_before_one_that_they_do_not(start: Start) -> None:
    simulator = start()
    simulator.lists.create("Shadow", title="Orders", hidden=True)
    simulator.lists.create("Internals", title="Orders", system=True)
    wanted = simulator.lists.create("Real", title="Orders")
    assert list_of(simulator, "Orders").bind(None)["list_id"] == wanted.id
    assert list_of(simulator, "shadow").bind(None)["list_id"] != wanted.id


def test_an_unknown_list_names_the_others(start: Start) -> None:
    simulator = start()
    simulator.lists.create("Orders")
    simulator.lists.create("Hidden one", hidden=True)
    with pytest.raises(PlaceNotFound, match="'Documents', 'Orders'") as caught:
        list_of(simulator, "Nope").bind(None)
    assert "Hidden" not in str(caught.value)


def test_many_lists_come_in_pages(start: Start) -> None:
    simulator = start(page_size=2)
    for number in range(7):
        simulator.lists.create(f"List {number}")
    source = list_of(simulator, "List 6")
    assert source.bind(None)["list_id"]
    assert source.usage.requests == 1 + 4


def test_a_binding_of_another_list_is_not_used(start: Start) -> None:
    simulator = start()
    for name in ("One", "Two"):
        simulator.lists.create(name)
    one = list_of(simulator, "One").bind(None)
    assert list_of(simulator, "Two").bind(one)["identity"] != one["identity"]


def test_a_list_that_was_renamed_is_still_the_same(start: Start) -> None:
    simulator = start()
    made = simulator.lists.create("Notes", [AMOUNT], ROWS)
    first = list_of(simulator)
    known = first.bind(None)
    _, cursor = one_round(first, None)
    made.rename("Remarks")
    later = list_of(simulator)
    later.bind(known)
    assert told(one_round(later, cursor)[0]) == {}


def test_the_list_must_be_bound_first(start: Start) -> None:
    with pytest.raises(RuntimeError, match="bind"):
        list_of(start()).changes(None)


# -- columns and values ------------------------------------------------------------------------------


def test_the_columns_of_a_plain_list_are_those_that_people_ask_about(start: Start) -> None:
    simulator = start(page_size=4)
    own = [AMOUNT, {"name": "Hidden", "hidden": True, "text": {}}]
    simulator.lists.create("Notes", own, ROWS)
    source = bound_list(simulator)
    assert [(c.name, c.title, c.type) for c in source.columns()] == [
        ("Title", "Title", ColumnType.TEXT),
        ("Amount", "Amount", ColumnType.NUMBER),
        ("ContentType", "Content Type", ColumnType.TEXT),
        ("Modified", "Modified", ColumnType.TIMESTAMP),
        ("Created", "Created", ColumnType.TIMESTAMP),
        ("AuthorLookupId", "Created By", ColumnType.INTEGER),
        ("EditorLookupId", "Modified By", ColumnType.INTEGER),
        ("Attachments", "Attachments", ColumnType.BOOLEAN),
    ]
    record = told(one_round(source, None)[0])[3]
    assert record.values.keys() == {c.name for c in source.columns()}
    assert record.values["Attachments"] is False


def test_values_come_as_they_are(start: Start) -> None:
    simulator = start()
    values: dict[str, Any] = {
        "Title": "Überweisung 合同 🙂\nsecond line",
        "Amount": -1.5e-7,
        "When": "2024-03-01T08:00:00Z",
        "Done": False,
        "Tags": ["a", "ü"],
        "Link": {"Description": "here", "Url": "https://example.test/?a=1&b=2"},
        "Customer": {"LookupId": 4, "LookupValue": "Somewhere Ltd"},
        "Partners": [{"LookupId": 4, "LookupValue": "Somewhere Ltd"}, {"LookupId": 5, "LookupValue": "Elsewhere"}],
        "Place": {"Latitude": 47.1, "Longitude": 8.5, "Altitude": 0.0, "Measure": 0.0},
        "Gone": None,
    }
    columns: list[dict[str, Any]] = [
        dict(AMOUNT),
        {"name": "When", "dateTime": {"format": "dateTime"}},
        {"name": "Done", "boolean": {}},
        {"name": "Tags", "choice": {"displayAs": "checkBoxes"}},
        {"name": "Link", "hyperlinkOrPicture": {"isPicture": False}},
        {"name": "Customer", "lookup": {"allowMultipleValues": False}},
        {"name": "Partners", "lookup": {"allowMultipleValues": True}},
        {"name": "Place", "geolocation": {}},
        {"name": "Gone", "text": {}},
    ]
    simulator.lists.create("Notes", columns, [values])
    source = bound_list(simulator)
    record = told(one_round(source, None)[0])[1]
    expected = {k: v for k, v in values.items() if k not in ("Customer", "Gone")} | {"CustomerLookupId": "4"}
    assert {k: v for k, v in record.values.items() if k in expected} == expected
    assert record.values.keys() <= {c.name for c in source.columns()}


MANY = [{"name": f"L{n:02}", "lookup": {"columnName": "Title", "allowMultipleValues": n == 13}} for n in range(14)]


def test_lookups_beyond_the_limit_are_had_by_asking_for_the_rows(start: Start) -> None:
    values = {"L11": 11, "L12": 12, "L13": [{"LookupId": 1, "LookupValue": "x"}, {"LookupId": 3, "LookupValue": "y"}]}
    simulator = start()
    made = simulator.lists.create("Notes", MANY, [{"Title": "a", **values}, {"Title": "b"}, {"Title": "c", **values}])
    source = bound_list(simulator)
    columns = source.columns()
    late = [column.name for column in columns if column.apart]
    assert late == ["L12LookupId", "L13", "AuthorLookupId", "EditorLookupId"]
    made.delete(2)
    records = one_round(source, None)[0][0].records
    assert not {"L12LookupId", "L13"} & {key for record in records for key in record.values}, "pages leave them out"
    before = source.usage
    whole = source.whole((*records, Record(2, deleted=True)))
    assert (source.usage.requests - before.requests, source.usage.units - before.units) == (2, 2)
    assert [record.id for record in whole] == [*(record.id for record in records), 2]
    for record, told_before in zip(whole, records, strict=False):
        assert record.values["L12LookupId"] == "12" and record.values["L13"] == values["L13"]
        assert record.version == told_before.version
        assert record.values.keys() > told_before.values.keys()
    assert whole[2] == Record(2, deleted=True)


def test_a_row_that_goes_while_it_is_asked_for_comes_as_it_was_told(start: Start) -> None:
    simulator = start()
    made = simulator.lists.create("Notes", MANY, [{"Title": "a", "L12": 12}])
    source = bound_list(simulator)
    pages, cursor = one_round(source, None)
    made.delete(1)
    assert source.whole(pages[0].records) == pages[0].records
    assert told(one_round(source, cursor)[0]) == {1: Record(1, deleted=True)}


def test_twelve_lookups_are_told_with_the_others(start: Start) -> None:
    simulator = start()
    simulator.lists.create("Notes", MANY[:10])
    assert not any(column.apart for column in bound_list(simulator).columns())


# -- costs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page_size", [1000, 5000 // 7])
def test_twelve_thousand_rows_cost_their_pages(start: Start, page_size: int) -> None:
    simulator = start()
    made = simulator.lists.create("Notes", [AMOUNT], ({"Title": f"row {n}", "Amount": n} for n in range(12_000)))
    source = bound_list(simulator, page_size=page_size)
    before = source.usage
    pages, cursor = one_round(source, None)
    assert len(pages) == math.ceil(12_000 / page_size)
    assert source.usage.requests - before.requests == len(pages)
    assert source.usage.units - before.units == len(pages) + 1, "the first page has no token"
    assert len(told(pages)) == 12_000
    made.delete(12_000)
    mark, before = simulator.journal.mark(), source.usage
    assert told(one_round(source, cursor)[0]) == {12_000: Record(12_000, deleted=True)}
    assert source.usage.requests - before.requests == 1
    assert [(e.operation, e.units) for e in simulator.journal.since(mark)] == [("list_delta", 1)]


def test_no_change_is_one_request_in_the_journal_too(start: Start) -> None:
    simulator = start()
    simulator.lists.create("Notes", [AMOUNT], ROWS)
    first = list_of(simulator)
    known = first.bind(None)
    _, cursor = one_round(first, None)
    mark = simulator.journal.mark()
    later = list_of(simulator)
    later.bind(known)
    page = later.changes(cursor)
    assert (page.records, page.complete) == ((), True)
    assert (later.usage.requests, later.usage.units) == (1, 1)
    graph = [entry for entry in simulator.journal.since(mark) if entry.service == "graph"]
    assert [(entry.operation, entry.units) for entry in graph] == [("list_delta", 1)]
    assert all(entry.user_agent.startswith("NONISV|") for entry in graph)


def test_the_first_link_asks_for_all_columns_and_is_kept_as_it_came(start: Start) -> None:
    simulator = start()
    simulator.lists.create("Notes", [AMOUNT], ROWS)
    source = bound_list(simulator, page_size=4)
    mark = simulator.journal.mark()
    one_round(source, None)
    asked = [dict(entry.params) for entry in simulator.journal.since(mark) if entry.operation == "list_delta"]
    assert asked == [{"$expand": "fields", "$top": "4"}, {"$expand": "fields", "$top": "4", "token": "***"}]


# -- trouble -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "action",
    [{"kind": "status", "status": 503, "retry_after": 0}, {"kind": "reset_before"}, {"kind": "html_200"}],
    ids=lambda action: str(action["kind"]),
)
def test_trouble_that_passes_is_not_noticed(start: Start, action: dict[str, Any]) -> None:
    simulator = start(faults=[{"id": "once", "operation": "list_delta", "nth": 2, "action": action}])
    simulator.lists.create("Notes", [AMOUNT], ROWS)
    source = bound_list(simulator, page_size=3)
    assert sorted(told(one_round(source, None)[0])) == [1, 2, 3, 4, 5, 6, 7]
    simulator.faults.assert_all_hit()


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ('{"error": {"code": "generalException", "message": "x"}}', AnswerUnreadable),
        ('{"error": {"code": "x"}, "value": [], "@odata.deltaLink": "https://x"}', AnswerUnreadable),
        ('{"value": []}', AnswerUnreadable),
        ('{"value": null, "@odata.deltaLink": "https://x"}', AnswerUnreadable),
        ('{"value": ["7"], "@odata.deltaLink": "https://x"}', AnswerUnreadable),
        ("[]", AnswerUnreadable),
    ],
)
def test_an_answer_that_is_no_page_is_an_error_and_no_empty_page(
    start: Start, body: str, error: type[Exception]
) -> None:
    """Graph reference 7.1, defect 2: the error of the change query is never discarded."""
    simulator = start()
    simulator.lists.create("Notes", [AMOUNT], ROWS)
    source = bound_list(simulator, retries=0)
    _, cursor = one_round(source, None)
    action = {"kind": "status", "status": 200, "body": body}
    simulator.replace_faults([{"id": "odd", "operation": "list_delta", "action": action}])
    with pytest.raises(error):
        source.changes(cursor)
    assert told(one_round(source, cursor)[0]) == {}, "the cursor is as good as before"
    simulator.faults.assert_all_hit()


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, RequestRefused), (403, PermissionMissing), (404, PlaceNotFound), (500, ServiceBusy), (504, ServiceBusy)],
)
def test_a_refusal_of_the_change_query_has_a_name(start: Start, status: int, error: type[Exception]) -> None:
    simulator = start()
    simulator.lists.create("Notes", [AMOUNT], ROWS)
    source = bound_list(simulator, retries=0)
    _, cursor = one_round(source, None)
    action = {"kind": "status", "status": status}
    simulator.replace_faults([{"id": "odd", "operation": "list_delta", "action": action}])
    with pytest.raises(error) as caught:
        source.changes(cursor)
    assert "list" in str(caught.value)


def test_a_list_that_is_gone_is_named(start: Start) -> None:
    simulator = start()
    simulator.lists.create("Notes", [AMOUNT], ROWS)
    source = bound_list(simulator)
    known = {**source.bind(None), "list_id": "6f2f3f0e-5d0c-4a5e-9a51-2f6f3d1f7a10"}
    source.bind(known)
    for ask in (lambda: source.changes(None), source.columns):
        with pytest.raises(PlaceNotFound, match="recycle bin"):
            ask()


@pytest.mark.parametrize(("location", "offered"), [("good", True), ("none", False)])
def test_a_cursor_expires_in_mid_round(start: Start, location: str, offered: bool) -> None:
    simulator = start(gone_after_calls=1, gone_location=location)
    simulator.lists.create("Notes", [AMOUNT], ROWS)
    source = bound_list(simulator, page_size=3)
    second = source.changes(source.changes(None).cursor)
    with pytest.raises(CursorExpired, match="list") as caught:
        source.changes(second.cursor)
    assert (caught.value.restart is not None) == offered
    assert len(source.changes(caught.value.restart).records) == 3


def test_the_link_of_another_host_is_not_followed(start: Start) -> None:
    simulator = start()
    simulator.lists.create("Notes", [AMOUNT], ROWS)
    with pytest.raises(RequestRefused, match="another host"):
        bound_list(simulator).changes("https://elsewhere.test/v1.0/sites/x/lists/y/items/delta?token=t")


def test_an_app_without_a_grant_is_told_so(start: Start) -> None:
    simulator = start(roles=("Sites.Selected",), site_granted=False)
    with pytest.raises(PermissionMissing):
        list_of(simulator).bind(None)


def test_the_last_row_may_be_deleted_while_its_page_is_due(start: Start) -> None:
    """A round that began when the row lived tells its deletion there, or in the next round: never nothing."""
    simulator = start(delta_order="parents-first")
    made = simulator.lists.create("Notes", [AMOUNT], ROWS)
    source = bound_list(simulator, page_size=6)
    first = source.changes(None)
    made.delete(7)
    pages, _ = until_quiet(source, first.cursor)
    assert told(pages)[7].deleted


def test_throttling_pauses_and_goes_on(start: Start) -> None:
    fault = {"id": "429", "operation": "list_delta", "action": {"kind": "status", "status": 429, "retry_after": 0}}
    simulator = start(faults=[fault])
    simulator.lists.create("Notes", [AMOUNT], ROWS)
    source = bound_list(simulator)
    assert len(told(one_round(source, None)[0])) == 7
    assert source.usage.refusals == 1
    simulator.faults.assert_all_hit()
