"""Read the change feed of sync clients (reference 10), of which nothing is documented: what is odd is unreadable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from spfc.errors import AnswerUnreadable
from spfc.filecloud.records import SyncChange
from spfc.filecloud.xml import Document

_ROOTS: Final = ("records",)
"""Roots under which an answer without a record is believed. The real one is unknown (reference 10, probe P13)."""

_TYPES: Final = {"0": True, "1": False}
"""What each type means: a folder, or not. The vendor's client takes all but 0 for files; only these are believed."""


def read_version(document: Document, folder: str) -> int:
    """Return the version of the sync folder that ``folder`` lies in. Raises AnswerUnreadable when none is named."""
    found = {_text(record, "name").rstrip("/"): _text(record, "statusset") for record in document.records("syncfolder")}
    at = folder
    while at and at not in found:
        at = at.rpartition("/")[0]
    if not at or document.damaged:
        raise AnswerUnreadable("FileCloud named no sync folder that the folder lies in.", item=folder)
    return _whole(found[at].partition(";")[0].rpartition(",")[2])


def read_changes(document: Document) -> tuple[SyncChange, ...]:
    """Return the records of a delta. Raises AnswerUnreadable for any that is not as expected."""
    records = document.records("record")
    if document.damaged or (not records and document.root not in _ROOTS):
        raise AnswerUnreadable(f"FileCloud answered <{document.root}> where changes were promised.")
    return tuple(_change(record) for record in records)


def _change(record: Mapping[str, Any]) -> SyncChange:
    path, kind, gone = _text(record, "fullpath"), _text(record, "type").strip(), _text(record, "isdeleted").strip()
    if not path.startswith("/") or kind not in _TYPES or gone not in ("0", "1"):
        raise AnswerUnreadable("FileCloud told of a change in an unknown form.", item=path or None)
    return SyncChange(path.rstrip("/"), _TYPES[kind], gone == "1", _whole(_text(record, "updateversion")))


def _whole(text: str) -> int:
    if not text.strip().isdecimal():
        raise AnswerUnreadable("FileCloud gave a version of the change feed that is no number.")
    return int(text)


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""
