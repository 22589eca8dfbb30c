"""From a refused change to the reason for it: by looking at the server, with the words only as a last hint."""

from __future__ import annotations

import unicodedata

from spfc.errors import (
    ItemError,
    NameRefused,
    PermissionMissing,
    QuotaFull,
    SpfcError,
    TargetChanged,
    TargetExists,
    TargetLocked,
)
from spfc.filecloud.client import FileCloudClient
from spfc.filecloud.records import Entry
from spfc.filecloud.refusals import CallRefused, Hint


def stands_there(entry: Entry | None, path: str) -> bool:
    """Say whether ``entry`` is really the thing at ``path`` and not its variant in other case.

    Names are compared in Unicode form NFC (reference 4).
    """
    return entry is not None and _nfc(entry.name) == _nfc(path.rpartition("/")[2])


def is_same_place(old: str, at_old: Entry | None, new: str, at_new: Entry | None) -> bool:
    """Say whether two paths differ in Unicode form only and lead to one and the same item.

    A server that keeps names in one form, or finds them in any, refuses to rename from one to the other: to it the
    new name is taken, by the item itself (reference 4: unknown).
    """
    if at_old is None or at_new is None or _nfc(old) != _nfc(new):
        return False
    return at_old.name == at_new.name


def explain_upload(
    client: FileCloudClient, path: str, refusal: CallRefused, *, keep_existing: bool, if_etag: str | None
) -> SpfcError | None:
    """Return why an upload to ``path`` was refused, None when neither the server nor its words explain it."""
    entry = client.info(path)
    if entry is not None and (entry.is_folder or keep_existing or not stands_there(entry, path)):
        return in_the_way(entry, path)
    if if_etag is not None and (entry is None or entry.etag not in (None, if_etag)):
        return changed(entry, path)
    if entry is not None and entry.locked:
        return TargetLocked("Somebody holds the file open at FileCloud.", item=path)
    return from_words(refusal, path) or (_explain_absent(client, path) if entry is None else None)


def explain_new_name(client: FileCloudClient, path: str, refusal: CallRefused) -> SpfcError:
    """Return why nothing could be made at the free path ``path``."""
    return known_reason(client, path, refusal) or unexplained(refusal, path)


def known_reason(client: FileCloudClient, path: str, refusal: CallRefused) -> SpfcError | None:
    """Return why nothing could be made at the free path ``path``, None when neither words nor server say why."""
    return from_words(refusal, path) or _explain_absent(client, path)


def from_words(refusal: CallRefused, path: str) -> SpfcError | None:
    """Return what the words of a refusal say, None when they say nothing that we understand."""
    text = f"FileCloud said: {refusal.said}."
    match refusal.hint_kind:
        case Hint.QUOTA:
            return QuotaFull(text, item=path, hint="Make room at FileCloud or raise the quota.")
        case Hint.NAME:
            return NameRefused(text, item=path, hint="Rename the item at the source or map its name.")
        case Hint.LOCKED:
            return TargetLocked(text, item=path)
        case Hint.CHANGED:
            return TargetChanged(text, item=path)
        case Hint.EXISTS:
            return TargetExists(text, item=path)
        case Hint.PERMISSION | Hint.SESSION:
            return PermissionMissing(text, item=path, hint="Give the account write access to this folder.")
        case Hint.CSRF:
            return refusal
        case _:
            return None


def in_the_way(entry: Entry, path: str) -> TargetExists:
    """Say what stands at ``path`` already."""
    kind = "A folder" if entry.is_folder else "A file"
    return TargetExists(f"{kind} named {entry.name!r} is there already ({_look(entry)}).", item=path)


def changed(entry: Entry | None, path: str) -> TargetChanged:
    """Say that the file is not the one we wrote, and what is there instead."""
    found = _look(entry) if entry is not None else "nothing"
    return TargetChanged(f"The file was changed at FileCloud; what is there now: {found}.", item=path)


def unexplained(refusal: CallRefused, path: str) -> ItemError:
    """Make the error for a refusal that nothing explains: this item waits, the run goes on (reference 12, P)."""
    return ItemError(refusal.message, item=path)


def _explain_absent(client: FileCloudClient, path: str) -> SpfcError | None:
    if client.exists(path, ignore_case=True):
        return TargetExists("Another spelling (case) of this name is there already.", item=path)
    parent = path.rpartition("/")[0]
    above = client.info(parent) if parent else None
    if parent.count("/") > 1 and (above is None or not above.is_folder):
        return ItemError("The folder for this item is not there at FileCloud.", item=path)
    return None


def _look(entry: Entry) -> str:
    return f"size {entry.size}, modified {entry.modified}, etag {entry.etag}"


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)
