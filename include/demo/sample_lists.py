"""Writes the sample lists, thousands of contracts and the suppliers they name, and plays the people who keep them."""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

Json = dict[str, Any]
CONTRACTS = "Contracts"
SUPPLIERS = "Suppliers"
ROWS = 6_000
"""More than the 5,000 rows at which views of SharePoint lists give up."""
_SUPPLIERS = 150
_BIN = f".{CONTRACTS}.bin.json"
"""Where deleted rows wait, in the folder of lists: hidden files are no lists."""
_DESKS = 24
_START = datetime(2015, 1, 1, tzinfo=UTC)
_STATUSES = ("Draft", "Under review", "Signed", "Expired", "Terminated")
_TOPICS = ("Construction", "Énergie", "物流", "Software", "Maintenance", "Ausrüstung", "خدمات", "R&D")
_SUBJECTS = (
    "Supply of turbines", "Facade cleaning", "Warteverträge Aufzüge", "Entretien des locaux", "Licence renewal",
    "采购合同", "عقد صيانة", "Договор аренды", "保守契約", "Transport & storage", "100% recycled paper", "O'Neill Quay",
    'The "north" corridor', "Cable works; phase <2>", "Launch 🚀 services", unicodedata.normalize("NFD", "Café métré"),
)  # fmt: skip
_PLACES = ("Basel", "Αθήνα", "São Paulo", "京都", "القاهرة", "Zürich", "Kraków", "Tampere")
_KINDS = ("Works", "Logistics", "Systems", "Trading", "Services")

COLUMNS: tuple[Json, ...] = (
    {"name": "ContractNo", "displayName": "Contract no.", "text": {"maxLength": 20}, "indexed": True},
    {"name": "Amount", "displayName": "Amount", "currency": {"locale": "de-CH"}},
    {"name": "Discount_x0020__x0025_", "displayName": "Discount %", "number": {"decimalPlaces": "two"}},
    {"name": "StartDate", "displayName": "Starts on", "dateTime": {"displayAs": "default", "format": "dateOnly"}},
    {"name": "SignedAt", "displayName": "Signed at", "dateTime": {"displayAs": "default", "format": "dateTime"}},
    {"name": "Renews", "displayName": "Renews by itself", "boolean": {}},
    {"name": "Status", "displayName": "Status", "choice": {"displayAs": "dropDownMenu", "choices": list(_STATUSES)}},
    {"name": "Topics", "displayName": "Topics", "choice": {"displayAs": "checkBoxes", "choices": list(_TOPICS)}},
    {"name": "Owner", "displayName": "Owner", "personOrGroup": {"allowMultipleSelection": False}},
    {"name": "Supplier", "displayName": "Supplier", "lookup": {"columnName": "Title", "allowMultipleValues": False}},
    {"name": "Document", "displayName": "Document", "hyperlinkOrPicture": {"isPicture": False}},
    {"name": "Remarks", "displayName": "Remarks", "text": {"allowMultipleLines": True, "textType": "plain"}},
    {"name": "PerMonth", "displayName": "Per month", "calculated": {"outputType": "currency"}},
)
NEW_COLUMN: Json = {"name": "Risk", "displayName": "Risk class", "choice": {"displayAs": "radioButtons"}}
"""What the people of the office add to the list in :func:`people_edit`."""


@dataclass(frozen=True, slots=True)
class SampleLists:
    """What was written: the folder to publish, and how many rows and columns its large list has."""

    folder: Path
    rows: int
    columns: int


class ListDeed(StrEnum):
    """What was done to the list."""

    ADD_COLUMN = "add column"
    ADD = "add row"
    EDIT = "edit row"
    DELETE = "delete row"
    RESTORE = "restore row"


@dataclass(frozen=True, slots=True)
class ListChange:
    """One deed; `row` is the id of the row (None for a column), `what` says in a few words what it was."""

    deed: ListDeed
    row: int | None
    what: str


def build(folder: Path, *, seed: int = 1, rows: int = ROWS) -> SampleLists:
    """Write the lists into `folder`, which is made and must hold none of them; equal seeds give equal lists."""
    folder.mkdir(parents=True, exist_ok=True)
    if any((folder / f"{name}.json").exists() for name in (CONTRACTS, SUPPLIERS)):
        raise FileExistsError(f"{folder} holds sample lists already")
    rng = random.Random(seed)
    suppliers = {n: {"Title": f"{rng.choice(_PLACES)} {rng.choice(_KINDS)} {n}"} for n in range(1, _SUPPLIERS + 1)}
    _write(folder / f"{SUPPLIERS}.json", [], suppliers)
    _write(folder / f"{CONTRACTS}.json", COLUMNS, {n: _contract(rng, n, suppliers) for n in range(1, rows + 1)})
    return SampleLists(folder, rows, len(COLUMNS))


def people_edit(folder: Path, *, seed: int = 1, new_column: bool = False) -> list[ListChange]:
    """Work on the contracts as people do; return what was done.

    Rows deleted by an earlier call are restored (two of them), then rows are added, edited and deleted, each row at
    most once. With `new_column` a column is added first, unless it is there, and filled in for rows that are edited.
    """
    path, kept = folder / f"{CONTRACTS}.json", folder / _BIN
    columns, rows = _read(path)
    _, deleted = _read(kept) if kept.exists() else ([], {})
    _, suppliers = _read(folder / f"{SUPPLIERS}.json")
    rng = random.Random(f"{seed}/{len(rows)}/{len(deleted)}")
    changes = _add_column(columns) if new_column else []
    for row_id in sorted(deleted)[:2]:
        rows[row_id] = deleted.pop(row_id)
        changes.append(_told(ListDeed.RESTORE, row_id, rows))
    untouched = sorted(rows.keys() - {change.row for change in changes})
    # The newest row is among the deleted ones: what finds deletions by holes in the ids does not see that it is gone.
    edited, gone = rng.sample(untouched[:-1], 12), [*rng.sample(untouched[:-1], 5), untouched[-1]]
    first_new = max([*rows, *deleted]) + 1
    for row_id in range(first_new, first_new + 4):
        rows[row_id] = _contract(rng, row_id, suppliers)
        changes.append(_told(ListDeed.ADD, row_id, rows))
    for row_id in edited:
        risk = {"Risk": rng.choice(("low", "high"))} if NEW_COLUMN in columns else {}
        rows[row_id] = rows[row_id] | {"Amount": _amount(rng), "Status": "Signed"} | risk
        changes.append(_told(ListDeed.EDIT, row_id, rows))
    for row_id in sorted(set(gone) - set(edited)):
        changes.append(_told(ListDeed.DELETE, row_id, rows))
        deleted[row_id] = rows.pop(row_id)
    _write(kept, [], deleted)
    _write(path, columns, rows)
    return changes


def _add_column(columns: list[Json]) -> list[ListChange]:
    if NEW_COLUMN in columns:
        return []
    columns.append(NEW_COLUMN)
    return [ListChange(ListDeed.ADD_COLUMN, None, str(NEW_COLUMN["displayName"]))]


def _told(deed: ListDeed, row_id: int, rows: Mapping[int, Json]) -> ListChange:
    return ListChange(deed, row_id, str(rows[row_id].get("Title", "")))


def _contract(rng: random.Random, number: int, suppliers: Mapping[int, Json]) -> Json:
    start = _START + timedelta(days=rng.randrange(4_000))
    supplier, desk, amount = rng.randint(1, len(suppliers)), rng.randint(1, _DESKS), _amount(rng)
    contract: Json = {
        "Title": f"{rng.choice(_SUBJECTS)}, {rng.choice(_PLACES)}",
        "ContractNo": f"C-{start.year}-{number:05}",
        "Amount": amount,
        "StartDate": start.strftime("%Y-%m-%dT00:00:00Z"),
        "Renews": rng.random() < 0.3,
        "Status": rng.choice(_STATUSES),
        "Topics": rng.sample(_TOPICS, rng.randint(0, 3)),
        "Owner": {"LookupId": desk, "LookupValue": f"Desk {desk}", "Email": f"desk{desk}@contoso.test"},
        "Supplier": {"LookupId": supplier, "LookupValue": suppliers[supplier]["Title"]},
        "PerMonth": round(amount / 12, 2),
    }
    return contract | _sometimes(rng, number, start)


def _sometimes(rng: random.Random, number: int, start: datetime) -> Json:
    """Return values that only some contracts have."""
    signed = start - timedelta(minutes=rng.randrange(100_000))
    values: Json = {
        "SignedAt": signed.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Discount_x0020__x0025_": round(rng.uniform(0, 30), 2),
        "Document": {
            "Description": f"Contract {number} & annexes",
            "Url": f"https://contoso.sharepoint.test/sites/demo/Documents/{number}.pdf?web=1",
        },
        "Remarks": f"Line one of {number}.\nLine two: “quoted”, 50 %, a\ttab.",
    }
    return {name: value for name, value in values.items() if rng.random() < 0.6}


def _amount(rng: random.Random) -> float:
    return round(rng.lognormvariate(9, 1.5), 2)


def _read(path: Path) -> tuple[list[Json], dict[int, Json]]:
    body = json.loads(path.read_text(encoding="utf-8"))
    return body["columns"], {item["id"]: item["fields"] for item in body["items"]}


def _write(path: Path, columns: Sequence[Json], rows: Mapping[int, Json]) -> None:
    """Write a list, one line a column or row so that people can edit it, and all at once: it may be being served."""
    items = ({"id": row_id, "fields": fields} for row_id, fields in sorted(rows.items()))
    text = f'{{"columns": [\n{_lines(columns)}\n], "items": [\n{_lines(items)}\n]}}\n'
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def _lines(values: Iterable[Json]) -> str:
    return ",\n".join(json.dumps(value, ensure_ascii=False) for value in values)
