"""What becomes of columns and rows of lists as Graph writes them."""

from __future__ import annotations

from typing import Any

import pytest

from spfc.errors import AnswerUnreadable
from spfc.graph.list_items import to_columns, to_record
from spfc.records.model import Column, ColumnType, Record

FACETS: list[tuple[dict[str, Any], ColumnType]] = [
    ({"text": {"allowMultipleLines": True}}, ColumnType.TEXT),
    ({"number": {"decimalPlaces": "automatic"}}, ColumnType.NUMBER),
    ({"currency": {"locale": "en-US"}}, ColumnType.NUMBER),
    ({"boolean": {}}, ColumnType.BOOLEAN),
    ({"dateTime": {"format": "dateOnly"}}, ColumnType.TIMESTAMP),
    ({"choice": {"displayAs": "dropDownMenu"}}, ColumnType.TEXT),
    ({"choice": {"displayAs": "checkBoxes"}}, ColumnType.JSON),
    ({"choice": {"displayAs": "dropDownMenu"}, "type": "multichoice"}, ColumnType.JSON),
    ({"calculated": {"outputType": "number"}}, ColumnType.NUMBER),
    ({"calculated": {"outputType": "currency"}}, ColumnType.NUMBER),
    ({"calculated": {"outputType": "dateTime"}}, ColumnType.TIMESTAMP),
    ({"calculated": {"outputType": "boolean"}}, ColumnType.BOOLEAN),
    ({"calculated": {"outputType": "text"}}, ColumnType.TEXT),
    ({"calculated": {}}, ColumnType.JSON),
    ({"hyperlinkOrPicture": {"isPicture": False}}, ColumnType.JSON),
    ({"term": {"allowMultipleValues": False}}, ColumnType.JSON),
    ({"geolocation": {}}, ColumnType.JSON),
    ({"thumbnail": {}}, ColumnType.JSON),
    ({"contentApprovalStatus": {}}, ColumnType.JSON),
    ({"lookup": {"allowMultipleValues": True}}, ColumnType.JSON),
    ({"personOrGroup": {"allowMultipleSelection": True}}, ColumnType.JSON),
    ({"facetOfTomorrow": {}}, ColumnType.JSON),
    ({}, ColumnType.JSON),
    ({"text": None, "number": {}}, ColumnType.NUMBER),
]


@pytest.mark.parametrize(("facet", "kind"), FACETS, ids=lambda value: str(value))
def test_what_a_kind_of_column_becomes(facet: dict[str, Any], kind: ColumnType) -> None:
    raw = {"name": "My_x0020_Column", "displayName": "My Column", **facet}
    assert list(to_columns(raw)) == [Column("My_x0020_Column", "My Column", kind)]


@pytest.mark.parametrize("facet", [{"lookup": {"columnName": "Title"}}, {"personOrGroup": {}}])
def test_one_person_or_one_looked_up_row_is_its_id(facet: dict[str, Any]) -> None:
    raw = {"name": "Owner", "displayName": "In charge", **facet}
    assert list(to_columns(raw)) == [Column("OwnerLookupId", "In charge", ColumnType.INTEGER)]


def test_a_further_column_of_a_looked_up_row_has_a_text_of_its_own() -> None:
    raw = {"name": "Customer_x003a_City", "lookup": {"columnName": "City", "primaryLookupColumnId": "x"}}
    assert [(c.name, c.type) for c in to_columns(raw)] == [
        ("Customer_x003a_CityLookupId", ColumnType.INTEGER), ("Customer_x003a_City", ColumnType.TEXT),
    ]  # fmt: skip


def test_columns_without_a_name_are_refused() -> None:
    with pytest.raises(AnswerUnreadable):
        list(to_columns({"displayName": "x"}))


@pytest.mark.parametrize(
    ("fields", "values"),
    [
        ({"Owner": "Somebody", "OwnerLookupId": "9"}, {"OwnerLookupId": "9"}),
        ({"Owner": {"LookupId": 9, "LookupValue": "Somebody", "Email": ""}}, {"OwnerLookupId": 9}),
        ({"TeamLookupId": [1, 2]}, {"Team": [1, 2]}),
        ({"TeamLookupId": [1], "Team": [{"LookupId": 1}]}, {"Team": [{"LookupId": 1}]}),
        ({"Tags@odata.type": "Collection(Edm.String)", "Tags": []}, {"Tags": []}),
        ({"@odata.etag": "x", "id": "7", "LinkTitle": "x", "AppEditorLookupId": "5", "_ComplianceTag": ""}, {}),
        ({"_x0031_st": 1, "Edit0": "x"}, {"_x0031_st": 1, "Edit0": "x"}),
        ({"Nothing": None}, {"Nothing": None}),
    ],
)
def test_keys_of_values_are_names_of_columns(fields: dict[str, Any], values: dict[str, Any]) -> None:
    assert dict(to_record({"id": "7", "fields": fields}).values) == values


@pytest.mark.parametrize("raw", [{}, {"id": 7}, {"id": "x"}, {"id": "-1"}, {"id": "7"}, {"id": "7", "fields": []}])
def test_rows_without_an_id_or_columns_are_no_rows(raw: dict[str, Any]) -> None:
    with pytest.raises(AnswerUnreadable):
        to_record(raw)


@pytest.mark.parametrize("state", [{}, {"state": "deleted"}])
def test_a_deleted_row_has_nothing_but_its_id(state: dict[str, str]) -> None:
    assert to_record({"id": "7", "deleted": state, "fields": {"Title": "x"}}) == Record(7, deleted=True)
