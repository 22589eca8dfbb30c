"""A listItem and a columnDefinition on the wire become a Record and Columns: tolerant of what services send."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from spfc.errors import AnswerUnreadable
from spfc.graph.items import to_seconds
from spfc.records.model import Column, ColumnType, Record

MOST_LOOKUPS: Final = 12
"""Of more lookups and people the rest is missing, without a word, from answers about several rows, but not from those
about one (fieldValueSet; msgraph-sdk-powershell issue 2711; the limit of SharePoint's views, which spares single rows).
"""
NOISE: Final = frozenset(
    {
        "id", "ID", "Edit", "DocIcon", "LinkTitle", "LinkTitleNoMenu", "LinkTitle2", "LinkFilename", "LinkFilename2",
        "LinkFilenameNoMenu", "SelectTitle", "SelectFilename", "ItemChildCount", "FolderChildCount", "AppAuthor",
        "AppEditor", "ParentVersionString", "ParentLeafName", "ContentTypeId", "ComplianceAssetId", "_UIVersionString",
        "_ColorTag", "_IsRecord", "_HasCopyDestinations", "_CopySource", "_CommentCount", "_CommentFlags", "_LikeCount",
        "_CheckinComment", "_ComplianceFlags", "_ComplianceTag", "_ComplianceTagWrittenTime", "_ComplianceTagUserId",
    }
)  # fmt: skip
"""Internal names of what SharePoint computes for its own pages, in every list. By name, because rows come without their
columns' definitions: what is left out of rows must be left out of the columns by the same rule. What people ask about
stays, although SharePoint fills it in: Title, Created, Modified, Author, Editor, ContentType, Attachments."""
_ID: Final = "LookupId"
_PLAIN: Final[Mapping[str, ColumnType]] = {
    "text": ColumnType.TEXT,
    "number": ColumnType.NUMBER,
    "currency": ColumnType.NUMBER,
    "boolean": ColumnType.BOOLEAN,
    "dateTime": ColumnType.TIMESTAMP,
}
"""Facets of columnDefinition whose values are one plain value; ``outputType`` of calculated columns says the same."""
_WITHOUT_FACET: Final[Mapping[str, ColumnType]] = {
    "Attachments": ColumnType.BOOLEAN,
    "ContentType": ColumnType.TEXT,
}
"""System columns whose definition may come without a facet, and what their values are all the same."""


def to_record(raw: Mapping[str, Any]) -> Record:
    """Read one listItem, with its columns expanded. Raises AnswerUnreadable when its id is no whole number.

    Values are as they came, but a person or lookup is always its id under ``<name>LookupId``: the text is that of
    another list. Annotations and noise are left out.
    """
    text = raw.get("id")
    if not isinstance(text, str) or not text.isdecimal():
        raise AnswerUnreadable("Microsoft Graph sent a row without a number as its id.")
    if raw.get("deleted") is not None:
        return Record(int(text), deleted=True)
    fields = raw.get("fields")
    if not isinstance(fields, dict):
        raise AnswerUnreadable("Microsoft Graph sent a row without its columns.", item=f"row {text}")
    version = raw.get("eTag")
    return Record(
        int(text),
        version if isinstance(version, str) else "",
        dict(_values(fields)),
        to_seconds(raw.get("createdDateTime")),
        to_seconds(raw.get("lastModifiedDateTime")),
    )


def all_columns(raw: Iterable[Mapping[str, Any]]) -> Iterator[Column]:
    """Yield the columns that the definitions of a list mean; what is beyond the limit of lookups is ``apart``.

    The limit is counted in the order of the list. Which ones the service leaves out does not matter: whoever asks for
    the rows one by one gets all of them.
    """
    lookups = 0
    for definition in raw:
        is_lookup = _is_lookup(definition)
        lookups += is_lookup
        for column in to_columns(definition):
            yield replace(column, apart=is_lookup and lookups > MOST_LOOKUPS)


def to_columns(raw: Mapping[str, Any]) -> Iterator[Column]:
    """Yield what a columnDefinition means for a table: one column mostly, none for what is hidden or noise.

    A facet that we do not know, or none, is JSON: managed metadata was seen to come without one. A lookup that brings
    a further column of the row that another one points to has a text of its own.
    """
    name = raw.get("name")
    if not isinstance(name, str) or not name:
        raise AnswerUnreadable("Microsoft Graph sent a column without a name.")
    if raw.get("hidden") is True or is_noise(name):
        return
    title = str(raw.get("displayName") or name)
    lookup = raw.get("lookup") or {}
    if _is_single_lookup(raw):
        yield Column(f"{name}{_ID}", title, ColumnType.INTEGER)
        if isinstance(lookup, dict) and lookup.get("primaryLookupColumnId"):
            yield Column(name, title, ColumnType.TEXT)
        return
    yield Column(name, title, _type_of(name, raw))


def is_noise(name: str) -> bool:
    """Say whether a column or a key of a row is SharePoint's own and nothing of the user's."""
    return name.removesuffix(_ID) in NOISE


def _values(fields: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for key, value in fields.items():
        if "@" in key or is_noise(key):
            continue
        if isinstance(value, dict) and _ID in value:
            # One person, told in full where only the id is documented: the column is the same.
            yield f"{key}{_ID}", value[_ID]
        elif isinstance(value, list) and key.endswith(_ID):
            if key.removesuffix(_ID) not in fields:
                yield key.removesuffix(_ID), value
        elif isinstance(value, list | dict) or f"{key}{_ID}" not in fields:
            yield key, value


def _type_of(name: str, raw: Mapping[str, Any]) -> ColumnType:
    for facet, kind in _PLAIN.items():
        if raw.get(facet) is not None:
            return kind
    choice, calculated = raw.get("choice"), raw.get("calculated")
    if isinstance(choice, dict):
        return ColumnType.JSON if _takes_several(raw, choice) else ColumnType.TEXT
    if isinstance(calculated, dict):
        return _PLAIN.get(str(calculated.get("outputType")), ColumnType.JSON)
    return _WITHOUT_FACET.get(name, ColumnType.JSON)


def _takes_several(raw: Mapping[str, Any], choice: Mapping[str, Any]) -> bool:
    return choice.get("displayAs") == "checkBoxes" or raw.get("type") == "multichoice"


def _is_lookup(raw: Mapping[str, Any]) -> bool:
    """Say whether a definition is that of a column of lookups or people that is kept."""
    is_lookup = raw.get("lookup") is not None or raw.get("personOrGroup") is not None
    return is_lookup and raw.get("hidden") is not True and not is_noise(str(raw.get("name")))


def _is_single_lookup(raw: Mapping[str, Any]) -> bool:
    lookup, person = raw.get("lookup"), raw.get("personOrGroup")
    if isinstance(lookup, dict):
        return lookup.get("allowMultipleValues") is not True
    return isinstance(person, dict) and person.get("allowMultipleSelection") is not True
