"""The one reader of FileCloud's XML: bytes become typed values, and nothing else is believed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from xml.parsers import expat

import xmltodict

from spfc.errors import AnswerUnreadable
from spfc.filecloud.records import Command, Entry, Identity, Listing, Usage, Version
from spfc.filecloud.settings import EntryTypes

RECORDS = (
    "command", "entry", "version", "usage", "info", "status", "record", "share", "filelockinfo", "syncfolder",
)  # fmt: skip
"""Names of repeated records: one of them is a list of one, never a bare value (reference 3.2, 15)."""

_FORBIDDEN = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f]"
    rb"|&#(?:0*(?:[0-8]|1[1245-9]|2\d|3[01])|[xX]0*(?:[0-8bBcCeEfF]|1[0-9a-fA-F]));"
)
"""What XML 1.0 forbids, raw or as a reference; network folders may hold such names (reference 3.3)."""
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed answer: the name of its root, the children of the root by name, and whether it was damaged."""

    root: str
    body: Mapping[str, Any]
    damaged: bool

    def records(self, name: str) -> list[Mapping[str, Any]]:
        """Return the records called ``name`` directly below the root."""
        found = self.body.get(name)
        if found is None:
            return []
        return [_mapping(record, name) for record in found]

    def command(self) -> Command | None:
        """Return the command answer in this document, None when it is not one."""
        found = self.records("command")
        if not found:
            return None
        record = found[0]
        return Command(
            type=_text(record, "type"),
            result=_number(record, "result"),
            message=_text(record, "message").strip(),
        )


class _StrictParsers:
    """Stands in for expat's module: the parsers it makes refuse every document type and entity declaration."""

    @staticmethod
    def ParserCreate(encoding: str | None, separator: str | None) -> expat.XMLParserType:  # noqa: N802 - expat's name
        parser = expat.ParserCreate(encoding, separator)
        parser.StartDoctypeDeclHandler = _refuse_doctype
        return parser


class _DoctypeRefused(ValueError):
    pass


def _refuse_doctype(*_: object) -> None:
    raise _DoctypeRefused


def parse(body: bytes) -> Document:
    """Parse an answer. Raises AnswerUnreadable for HTML, cut XML, a document type, anything that is not XML."""
    body = body.removeprefix(_BOM).strip()
    try:
        return _document(body, damaged=False)
    except _DoctypeRefused as error:
        raise AnswerUnreadable("FileCloud answered with a document type declaration or HTML.") from error
    except (expat.ExpatError, ValueError):
        cleaned = _FORBIDDEN.sub(b"", body).decode("utf-8", "replace").encode()
    try:
        return _document(cleaned, damaged=True)
    except (expat.ExpatError, ValueError) as error:
        raise AnswerUnreadable("FileCloud answered with something that is not the promised XML.") from error


def _document(body: bytes, *, damaged: bool) -> Document:
    tree = xmltodict.parse(
        body,
        encoding="utf-8",
        expat=_StrictParsers,
        force_list=RECORDS,
        strip_whitespace=False,
        xml_attribs=False,
    )
    ((root, content),) = tree.items()
    if root.lower() == "html":
        raise _DoctypeRefused
    return Document(root.lower(), content if isinstance(content, dict) else {}, damaged)


def read_command(document: Document) -> Command:
    """Read a command answer. Raises AnswerUnreadable when the document is something else."""
    command = document.command()
    if command is None:
        raise AnswerUnreadable(f"FileCloud answered <{document.root}> where a command result was promised.")
    return command


_PLAIN: Final = {"dir": True, "file": False}
_IS_FOLDER: Final[Mapping[EntryTypes, Mapping[str, bool]]] = {
    EntryTypes.PLAIN: _PLAIN,
    EntryTypes.LEGACY: {**_PLAIN, "directory": True, "0": True, "1": False, "": False},
}
"""What each spelling of a type means, by the generation of the server."""


def read_listing(document: Document, types: EntryTypes = EntryTypes.PLAIN) -> Listing:
    """Read a page of getfilelist or an answer of fileinfo; a command answer becomes an empty, refused listing.

    Raises AnswerUnreadable for an entry whose type is not spelled as ``types`` says: it is never guessed.
    """
    command = document.command()
    if command is not None:
        return Listing((), None, 0 if command.done else command.result, command.message, document.damaged)
    meta = _mapping(document.body.get("meta") or {}, "meta")
    entries = tuple(_entry(record, _IS_FOLDER[types]) for record in document.records("entry"))
    return Listing(
        entries=entries,
        total=_number(meta, "total") if _text(meta, "total") else None,
        result=_number(meta, "result") if _text(meta, "result") else 1,
        message=_text(meta, "message").strip(),
        damaged=document.damaged,
    )


def read_versions(document: Document) -> tuple[Version, ...]:
    """Read the answer of getversions, newest first."""
    return tuple(
        Version(
            number=_text(record, "versionnumber"),
            size=_number(record, "sizeinbytes"),
            how=_text(record, "how"),
            created_on=_text(record, "createdon"),
            created_by=_text(record, "createdby"),
            file_name=_text(record, "filename"),
            file_id=_text(record, "fileid"),
        )
        for record in document.records("version")
    )


def read_usage(document: Document) -> Usage:
    """Read the answer of getdiskusagedetails. Raises AnswerUnreadable when it holds no usage record."""
    record = _only(document, "usage")
    return Usage(used=_number(record, "storageusage"), limit=_number(record, "sizelimit"))


def read_identity(document: Document) -> Identity:
    """Read the answer of getauthenticationinfo. Raises AnswerUnreadable when it holds no info record."""
    record = _only(document, "info")
    return Identity(
        authenticated=_text(record, "authenticated").strip() == "1",
        profile=_text(record, "profile"),
        display_name=_text(record, "displayname"),
    )


def _entry(record: Mapping[str, Any], types: Mapping[str, bool]) -> Entry:
    kind, name = _text(record, "type"), _text(record, "name")
    if kind not in types:
        raise AnswerUnreadable(
            f"FileCloud listed an entry of the unknown type {kind[:40]!r}.",
            item=name,
            hint="Set entry_types of the FileCloud connection to 'legacy' if this is an older server.",
        )
    if "fullsize" not in record:
        raise AnswerUnreadable("FileCloud listed an entry without its size.", item=name)
    modified = _text(record, "modifiedepochutc").strip()
    return Entry(
        path=_text(record, "path"),
        name=name,
        is_folder=types[kind],
        size=_number(record, "fullsize"),
        modified=_number(record, "modifiedepochutc") if modified else None,
        etag=clean_etag(_text(record, "etag")),
        locked=_flag(record, "locked", default=False),
        can_upload=_flag(record, "canupload", default=True),
        can_download=_flag(record, "candownload", default=True),
        can_rename=_flag(record, "canrename", default=True),
        is_root=_flag(record, "isroot", default=False),
        wall_clock=_number(record, "modifiedepoch") if _text(record, "modifiedepoch").strip() else None,
        can_sync=_flag(record, "issyncable", default=True),
    )


def clean_etag(raw: str | None) -> str | None:
    """Return an etag without the quotes of its header form (reference 7.1), None when there is none."""
    tag = (raw or "").strip().removeprefix("W/").strip('"')
    return tag or None


def _only(document: Document, name: str) -> Mapping[str, Any]:
    records = document.records(name)
    if not records:
        raise AnswerUnreadable(f"FileCloud answered <{document.root}> without the promised <{name}>.")
    return records[0]


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if value is None or isinstance(value, str):
        return {}
    if isinstance(value, dict):
        return value
    raise AnswerUnreadable(f"FileCloud answered with <{name}> in an unknown shape.")


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise AnswerUnreadable(f"FileCloud answered with <{name}> in an unknown shape.")


def _number(record: Mapping[str, Any], name: str) -> int:
    text = _text(record, name).strip()
    if not text:
        return 0
    try:
        return int(text)
    except ValueError as error:
        raise AnswerUnreadable(f"FileCloud answered with {text[:40]!r} for the number <{name}>.") from error


def _flag(record: Mapping[str, Any], name: str, *, default: bool) -> bool:
    text = _text(record, name).strip()
    return text != "0" if text else default
