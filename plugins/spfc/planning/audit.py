"""Compare what we put into one target folder with what it shows: the definition of drift."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from spfc.planning.difference import is_our_copy
from spfc.planning.model import Kind, SyncedItem, TargetEntry
from spfc.planning.names import fold


class Drift(StrEnum):
    """How the target differs from what we put there. A closed set."""

    MISSING = "missing"
    CHANGED = "changed"
    RENAMED = "renamed"
    """Only case or Unicode form: any other new name is a missing item and an unknown one."""
    RETAGGED = "retagged"
    """The same file under another etag: worth remembering, nothing to repair."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One item of ours whose copy is not as we left it; ``entry`` is what stands there, None when it is missing."""

    drift: Drift
    item: SyncedItem
    entry: TargetEntry | None = None


@dataclass(frozen=True, slots=True)
class FolderDrift:
    """What the comparison of one folder came to.

    ``folders`` are our subfolders that are there, with the entries that prove it; ``unknown`` is what nobody of ours
    accounts for.
    """

    findings: tuple[Finding, ...]
    folders: tuple[tuple[SyncedItem, TargetEntry], ...]
    unknown: tuple[TargetEntry, ...]


def compare_folder(ours: Iterable[SyncedItem], entries: Iterable[TargetEntry]) -> FolderDrift:
    """Compare the synced children of a folder with a complete listing of it."""
    left = {fold(entry.name): entry for entry in entries}
    findings: list[Finding] = []
    folders: list[tuple[SyncedItem, TargetEntry]] = []
    for item in ours:
        entry = left.get(fold(item.target_name))
        if entry is None or (entry.kind is Kind.FILE) != (item.kind is Kind.FILE):
            findings.append(Finding(Drift.MISSING, item))
            continue
        del left[fold(entry.name)]
        if _nfc(entry.name) != _nfc(item.target_name):
            findings.append(Finding(Drift.RENAMED, item, entry))
        if item.kind is Kind.FILE:
            findings.extend(_compare_file(item, entry))
        else:
            folders.append((item, entry))
    return FolderDrift(tuple(findings), tuple(folders), tuple(left.values()))


def _compare_file(item: SyncedItem, entry: TargetEntry) -> list[Finding]:
    if not is_our_copy(item, entry):
        return [Finding(Drift.CHANGED, item, entry)]
    if entry.etag is not None and entry.etag != item.target_etag:
        return [Finding(Drift.RETAGGED, item, entry)]
    return []


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)
