"""Lists of the simulated SharePoint: files anybody may edit, calls for tests, columns, rows and their change feed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.simulators.sharepoint_reader import Reader

from simulators.common import FixedClock
from simulators.sharepoint import SharePointKnobs, SharePointSimulator

Json = dict[str, Any]
COLUMNS: list[Json] = [
    {"name": "Amount", "displayName": "Amount due", "currency": {"locale": "en-US"}},
    {"name": "Tags", "choice": {"displayAs": "checkBoxes", "choices": ["a", "b"]}},
    {"name": "Customer", "lookup": {"columnName": "Title", "allowMultipleValues": False}},
    {"name": "Partners", "lookup": {"columnName": "Title", "allowMultipleValues": True}},
    {"name": "Owner", "personOrGroup": {"allowMultipleSelection": False}},
    {"name": "Secret", "hidden": True, "text": {}},
]
FIRST: Json = {
    "Title": "Überweisung 合同",
    "Amount": 12.5,
    "Tags": ["a", "b"],
    "Customer": {"LookupId": 3, "LookupValue": "Somewhere Ltd"},
    "Partners": [{"LookupId": 4, "LookupValue": "Anyone"}],
    "Owner": {"LookupId": 9, "LookupValue": "Somebody", "Email": "somebody@contoso.test"},
    "Secret": "hidden",
}


class ListReader:
    """Follows the feed of one list and keeps its living rows by id."""

    def __init__(self, reader: Reader, name: str, query: str = "$expand=fields") -> None:
        self.reader, self.sim = reader, reader.sim
        self.path = f"/sites/{reader.sim.ids.site_id}/lists/{name}"
        self.query = query
        self.link: str | None = None
        self.rows: dict[int, Json] = {}
        self.pages: list[list[Json]] = []

    def follow(self) -> list[list[Json]]:
        """Read one round and apply it, last mention winning; return its pages."""
        url, self.pages = self.link or f"{self.path}/items/delta?{self.query}", []
        while url:
            answer = self.reader.get(url)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            self.pages.append(page["value"])
            for value in page["value"]:
                self.rows.pop(int(value["id"]), None)
                if "deleted" not in value:
                    self.rows[int(value["id"])] = value
            url, self.link = page.get("@odata.nextLink"), page.get("@odata.deltaLink")
        return self.pages

    def told(self) -> dict[int, str]:
        """Follow, and say of each id whether it was told as living or deleted at last."""
        values = [value for page in self.follow() for value in page]
        return {int(v["id"]): "deleted" if "deleted" in v else "living" for v in values}

    def get(self, path: str) -> Any:
        return self.reader.get(self.path + path).json()


Opened = Callable[..., Reader]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "lists"
    path.mkdir()
    return path


@pytest.fixture
def opened(tmp_path: Path, folder: Path) -> Iterator[Opened]:
    closers: list[Callable[[], object]] = []
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "a.txt").write_text("a")

    def make(**knobs: Any) -> Reader:
        while closers:
            closers.pop()()
        sim = SharePointSimulator(
            tmp_path / "library",
            lists=folder,
            state_dir=tmp_path / "state",
            knobs=SharePointKnobs(**knobs),
            clock=FixedClock(1_800_000_000.0),
        ).start()
        reader = Reader(sim)
        closers.extend([sim.stop, reader.close])
        return reader

    yield make
    while closers:
        closers.pop()()


def write(folder: Path, name: str, items: dict[int, Json], columns: list[Json] | None = None, **more: Any) -> None:
    rows = [{"id": number, "fields": fields} for number, fields in items.items()]
    body = {"columns": COLUMNS if columns is None else columns, "items": rows, **more}
    (folder / f"{name}.json").write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")


def test_a_file_is_a_list_with_columns_and_rows(opened: Opened, folder: Path) -> None:
    write(folder, "Orders", {7: FIRST, 9: {"Title": "plain"}}, title="All orders")
    reader = opened()
    orders = ListReader(reader, "All orders")
    found = orders.get("")
    assert (found["name"], found["displayName"]) == ("Orders", "All orders")
    assert found["list"] == {"contentTypesEnabled": False, "hidden": False, "template": "genericList"}
    assert found["webUrl"].endswith("/sites/demo/Lists/Orders")
    columns = {column["name"]: column for column in orders.get("/columns")["value"]}
    assert columns["Amount"]["displayName"] == "Amount due"
    assert columns["Amount"]["currency"] == {"locale": "en-US"}
    assert columns["Author"]["readOnly"]
    assert not {"Secret"} & columns.keys()
    assert "Secret" in [c["name"] for c in orders.get("/columns?$select=name,hidden")["value"]]
    orders.follow()
    fields = orders.rows[7]["fields"]
    assert (fields["Title"], fields["Amount"], fields["Tags"]) == (FIRST["Title"], 12.5, ["a", "b"])
    assert (fields["CustomerLookupId"], fields["OwnerLookupId"]) == ("3", "9")
    assert fields["Partners"] == FIRST["Partners"]
    assert not {"Customer", "Owner", "Secret"} & fields.keys()
    assert (orders.rows[7]["id"], orders.rows[7]["eTag"][-3:]) == ("7", ',1"')
    one = orders.get("/items/7?$expand=fields($select=Customer,CustomerLookupId,Secret)")
    assert one["fields"] == {"Customer": "Somewhere Ltd", "CustomerLookupId": "3", "Secret": "hidden"}
    assert "fields" not in orders.get("/items/7")
    assert reader.get(f"{orders.path}/items/8").status_code == 404


def test_edits_of_the_file_are_told(opened: Opened, folder: Path) -> None:
    write(folder, "Orders", {1: {"Title": "one"}, 2: {"Title": "two"}, 3: {"Title": "three"}})
    orders = ListReader(opened(), "Orders")
    orders.follow()
    assert orders.told() == {}
    write(folder, "Orders", {1: {"Title": "one"}, 2: {"Title": "2"}, 4: {"Title": "four"}})
    assert orders.told() == {2: "living", 3: "deleted", 4: "living"}
    assert {n: (r["fields"]["Title"], r["eTag"][-2]) for n, r in orders.rows.items()} == {
        1: ("one", "1"), 2: ("2", "2"), 4: ("four", "1"),
    }  # fmt: skip
    write(folder, "Orders", {1: {"Title": "one"}, 2: {"Title": "2"}, 3: {"Title": "three"}, 4: {"Title": "four"}})
    assert orders.told() == {3: "living"}
    assert orders.rows[3]["eTag"].endswith(',3"')


def test_a_column_comes_and_goes_without_a_change_of_any_row(opened: Opened, folder: Path) -> None:
    write(folder, "Orders", {1: {"Title": "one", "Amount": 1, "New": "n"}})
    orders = ListReader(opened(), "Orders")
    orders.follow()
    assert "New" not in orders.rows[1]["fields"]
    write(folder, "Orders", {1: {"Title": "one", "Amount": 1, "New": "n"}}, [*COLUMNS, {"name": "New", "text": {}}])
    assert orders.told() == {}
    assert orders.get("/items/1?$expand=fields")["fields"]["New"] == "n"
    write(folder, "Orders", {1: {"Title": "one"}}, [])
    assert orders.told() == {}
    assert "Amount" not in orders.get("/items/1?$expand=fields")["fields"]


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", '{"items": 3}', '{"items": [{"fields": {}}]}', '{"items": [{"id": true, "fields": {}}]}',
        '{"items": [{"id": 0}]}', '{"items": [{"id": 1}, {"id": 1}]}', '{"columns": [{"title": "x"}]}',
    ],
)  # fmt: skip
def test_a_file_that_is_no_list_changes_nothing(opened: Opened, folder: Path, text: str) -> None:
    write(folder, "Orders", {1: {"Title": "one"}})
    orders = ListReader(opened(), "Orders")
    orders.follow()
    (folder / "Orders.json").write_text(text)
    assert orders.told() == {}
    assert list(orders.sim.metrics()["unreadable_lists"]) == ["Orders"]
    write(folder, "Orders", {1: {"Title": "one"}, 2: {"Title": "two"}})
    assert orders.told() == {2: "living"}
    assert orders.sim.metrics()["unreadable_lists"] == {}


def test_a_table_of_commas_is_a_list(opened: Opened, folder: Path) -> None:
    (folder / "Stock.csv").write_text(
        'id,Title,Count:number,Sold:boolean,When:dateTime\n1,"a, b",3,yes,2024-03-01T08:00:00Z\n5,c,,no,\n', "utf-8"
    )
    stock = ListReader(opened(), "Stock")
    stock.follow()
    shown = [{k: row["fields"].get(k) for k in ("Title", "Count", "Sold", "When")} for row in stock.rows.values()]
    assert sorted(shown, key=str) == [
        {"Title": "a, b", "Count": 3.0, "Sold": True, "When": "2024-03-01T08:00:00Z"},
        {"Title": "c", "Count": None, "Sold": False, "When": None},
    ]
    assert "number" in {c["name"]: c for c in stock.get("/columns")["value"]}["Count"]
    (folder / "Stock.csv").write_text("Title\nx\n")
    assert stock.told() == {}


def test_a_list_whose_file_goes_is_gone_and_comes_back_as_it_was(opened: Opened, folder: Path) -> None:
    write(folder, "Orders", {1: {"Title": "one"}})
    orders = ListReader(opened(), "Orders")
    orders.follow()
    guid = orders.get("")["id"]
    aside = folder / "Orders.aside"
    (folder / "Orders.json").rename(aside)
    assert orders.reader.get(orders.link or "").status_code == 404
    aside.rename(folder / "Orders.json")
    assert orders.get("")["id"] == guid
    assert orders.told() == {}


def test_calls_change_a_list_that_has_no_file(opened: Opened) -> None:
    reader = opened(delta_order="parents-first")
    made = reader.sim.lists.create("Notes", COLUMNS, [{"Title": f"note {n}"} for n in range(1, 6)])
    notes = ListReader(reader, "Notes")
    notes.follow()
    assert list(notes.rows) == [1, 2, 3, 4, 5]
    made.delete(5)
    assert made.add({"Title": "six"}) == 6, "no id is given twice"
    made.update(1, {"Amount": 3})
    made.delete(2)
    made.restore(2)
    assert notes.told() == {5: "deleted", 6: "living", 1: "living", 2: "living"}
    assert notes.rows[1]["fields"]["Title"] == "note 1"
    made.add_column({"name": "Extra", "boolean": {}})
    made.change_column({"name": "Amount", "text": {}})
    made.remove_column("Tags")
    columns = {column["name"]: column for column in notes.get("/columns?$top=100")["value"]}
    assert "boolean" in columns["Extra"]
    assert "text" in columns["Amount"]
    assert "Tags" not in columns
    assert notes.told() == {}
    made.rename("Remarks")
    assert reader.get(notes.path.replace("Notes", "Remarks")).json()["id"] == made.id
    assert reader.get(notes.path).status_code == 404
    for wrong in (lambda: made.update(5, {}), lambda: made.restore(1), lambda: made.delete(99)):
        with pytest.raises(KeyError):
            wrong()
    with pytest.raises(ValueError, match="already"):
        reader.sim.lists.create("Notes")


def test_a_restart_forgets_nothing(opened: Opened, folder: Path) -> None:
    write(folder, "Orders", {n: {"Title": str(n)} for n in range(1, 8)})
    reader = opened(delta_order="parents-first")
    reader.sim.lists.create("Notes", [], [{"Title": "one"}]).delete(1)
    orders, notes = ListReader(reader, "Orders", "$expand=fields&$top=3"), ListReader(reader, "Notes")
    notes.follow()
    first = reader.get(f"{orders.path}/items/delta?$top=3").json()
    rest = first["@odata.nextLink"].split("/v1.0")[1]
    link = (notes.link or "").split("/v1.0")[1]
    again = opened(delta_order="parents-first")
    page = again.get(rest).json()
    assert [v["id"] for v in page["value"]] == ["4", "5", "6"]
    assert again.sim.lists.get("Notes").add({"Title": "two"}) == 2
    assert [v["id"] for v in again.get(link).json()["value"]] == ["2"]
    with pytest.raises(KeyError, match="file"):
        again.sim.lists.get("Orders")


def test_system_lists_are_shown_to_who_asks(opened: Opened, folder: Path) -> None:
    write(folder, "Internals", {}, system=True, hidden=True)
    write(folder, "Orders", {})
    reader = opened()
    site = f"/sites/{reader.sim.ids.site_id}"
    names = [value["displayName"] for value in reader.get(f"{site}/lists").json()["value"]]
    assert names == ["Documents", "Orders"]
    found: dict[str, Json] = {}
    url = f"{site}/lists?$select=displayName,list,system&$top=1"
    while url:
        page = reader.get(url).json()
        found |= {value["displayName"]: value for value in page["value"]}
        url = page.get("@odata.nextLink")
    assert list(found) == ["Documents", "Internals", "Orders"]
    assert found["Internals"]["list"]["hidden"]
    assert [name for name, value in found.items() if "system" in value] == ["Internals"]


# -- the feed ----------------------------------------------------------------------------------------


def test_a_deleted_row_has_little_left(opened: Opened) -> None:
    reader = opened()
    made = reader.sim.lists.create("Notes", [], [{"Title": "one"}])
    notes = ListReader(reader, "Notes")
    notes.follow()
    made.delete(1)
    [[marker]] = notes.follow()
    assert marker == {
        "id": "1",
        "contentType": {"id": "0x0100", "name": "Item"},
        "parentReference": {"siteId": reader.sim.ids.site_id},
        "deleted": {"state": "deleted"},
    }


def test_a_select_without_the_facet_hides_that_a_row_is_deleted(opened: Opened) -> None:
    reader = opened()
    made = reader.sim.lists.create("Notes", [], [{"Title": "one"}])
    notes = ListReader(reader, "Notes", "$select=id,eTag&$expand=fields($select=Title)")
    [[row]] = notes.follow()
    assert set(row) == {"id", "eTag", "fields"}
    assert row["fields"] == {"Title": "one"}
    made.delete(1)
    assert notes.follow() == [[{"id": "1"}]]


def test_pages_costs_and_names_in_the_journal(opened: Opened) -> None:
    reader = opened(delta_empty_pages=1)
    reader.sim.lists.create("Notes", [], [{"Title": str(n)} for n in range(10)])
    notes = ListReader(reader, "Notes", "$expand=fields&$top=4")
    mark = reader.sim.journal.mark()
    assert [len(page) for page in notes.follow()] == [0, 4, 4, 2]
    notes.follow()
    notes.get("/columns")
    notes.get("")
    told = [(entry.operation, entry.units) for entry in reader.sim.journal.since(mark)]
    assert told == [("list_delta", 2), *[("list_delta", 1)] * 4, ("list_columns", 2), ("list", 1)]


def test_latest_skips_what_is_there(opened: Opened) -> None:
    reader = opened()
    made = reader.sim.lists.create("Notes", [], [{"Title": "one"}])
    for spelling in ("delta?token=latest", "delta(token='latest')", "microsoft.graph.delta(token='latest')"):
        notes = ListReader(reader, "Notes")
        page = notes.get(f"/items/{spelling}")
        assert page["value"] == []
        notes.link = page["@odata.deltaLink"]
        number = made.add({"Title": "more"})
        assert notes.told() == {number: "living"}


def test_the_last_mention_is_the_true_one(opened: Opened) -> None:
    reader = opened(delta_dup_rate=1.0)
    made = reader.sim.lists.create("Notes", [], [{"Title": str(n)} for n in range(3)])
    notes = ListReader(reader, "Notes")
    notes.follow()
    assert sorted(row["fields"]["Title"] for row in notes.rows.values()) == ["0", "1", "2"]
    made.delete(1)
    made.restore(1)
    made.delete(2)
    mentions = [[("deleted" in value, value["id"]) for value in page] for page in notes.follow()]
    assert mentions == [[(True, "1"), (False, "1")], [(False, "2"), (True, "2")]]
    assert sorted(notes.rows) == [1, 3]


def test_rows_change_while_a_round_is_open(opened: Opened) -> None:
    reader = opened(delta_order="parents-first")
    made = reader.sim.lists.create("Notes", [], [{"Title": str(n)} for n in range(1, 7)])
    notes = ListReader(reader, "Notes", "$expand=fields&$top=2")
    first = reader.get(f"{notes.path}/items/delta?{notes.query}").json()
    made.delete(3)
    made.update(4, {"Title": "changed"})
    made.delete(1)
    seven = made.add({"Title": "seven"})
    notes.rows = {int(value["id"]): value for value in first["value"]}
    notes.link = first["@odata.nextLink"]
    notes.follow()
    assert sorted(notes.rows) == [1, 2, 4, 5, 6]
    assert notes.told() == {1: "deleted", 3: "deleted", 4: "living", seven: "living"}
    assert sorted(notes.rows) == [2, 4, 5, 6, seven]


@pytest.mark.parametrize("location", ["good", "bad", "none"])
def test_a_token_may_be_refused(opened: Opened, location: str) -> None:
    reader = opened(gone_after_calls=1, gone_location=location)
    reader.sim.lists.create("Notes", [], [{"Title": str(n)} for n in range(5)])
    notes = ListReader(reader, "Notes", "$expand=fields&$top=2")
    page = reader.get(f"{notes.path}/items/delta?{notes.query}").json()
    page = reader.get(page["@odata.nextLink"]).json()
    gone = reader.get(page["@odata.nextLink"])
    assert gone.status_code == 410
    assert gone.json()["error"]["code"] == "resyncRequired"
    assert ("Location" in gone.headers) == (location != "none")
    if location == "good":
        assert reader.get(gone.headers["Location"]).json()["value"][0]["fields"]
    if location == "bad":
        assert reader.get(gone.headers["Location"]).status_code == 500


def test_tokens_of_another_list_are_refused(opened: Opened) -> None:
    reader = opened()
    for name in ("One", "Two"):
        reader.sim.lists.create(name)
    one, two = ListReader(reader, "One"), ListReader(reader, "Two")
    for each in (one, two):
        each.follow()
    token = (one.link or "").partition("token=")[2]
    assert reader.get(f"{two.path}/items/delta?token={token}").status_code == 410
    assert reader.get(f"{two.path}/items/delta?token=nonsense").status_code == 400
    assert reader.get(f"{two.path}/items/delta?$top=none").status_code == 400


def test_some_rows_are_never_told(opened: Opened) -> None:
    reader = opened(silent_delete=("Lists/Notes/1",), unlisted=("Lists/Notes/2",))
    made = reader.sim.lists.create("Notes", [], [{"Title": str(n)} for n in range(3)])
    notes = ListReader(reader, "Notes")
    assert notes.told() == {1: "living", 3: "living"}
    made.delete(1)
    made.delete(3)
    assert notes.told() == {3: "deleted"}


def test_too_many_lookups_come_short_in_answers_about_many(opened: Opened) -> None:
    reader = opened(lookup_limit=2, lookup_ids="number")
    columns = [{"name": f"L{n}", "lookup": {"columnName": "Title"}} for n in range(4)]
    reader.sim.lists.create("Notes", columns, [{f"L{n}": n + 1 for n in range(4)}])
    notes = ListReader(reader, "Notes")
    notes.follow()
    fields = notes.rows[1]["fields"]
    assert {k: v for k, v in fields.items() if k.startswith("L")} == {
        "L0LookupId": 1, "L1LookupId": 2, "LinkTitle": "", "LinkTitleNoMenu": "",
    }  # fmt: skip
    assert notes.get("/items/1?$expand=fields")["fields"]["L3LookupId"] == 4


def test_the_library_is_a_list_with_a_feed_too(opened: Opened, tmp_path: Path) -> None:
    reader = opened()
    files = ListReader(reader, "Documents")
    [[row]] = files.follow()
    assert row["fields"]["FileLeafRef"] == "a.txt"
    assert row["contentType"]["name"] == "Document"
    (tmp_path / "library" / "b.txt").write_text("b")
    (tmp_path / "library" / "a.txt").unlink()
    assert sorted(files.told().values()) == ["deleted", "living"]
    assert sorted(r["fields"]["FileLeafRef"] for r in files.rows.values()) == ["b.txt"]
