"""A whole folder or none: pages are put together, and a listing that contradicts itself is never believed."""

from __future__ import annotations

from spfc.errors import AnswerUnreadable
from spfc.filecloud.calls import ALL_ENTRIES, PAGE_SIZE
from spfc.filecloud.client import FileCloudClient
from spfc.filecloud.records import Entry, Listing


def list_whole_folder(client: FileCloudClient, path: str) -> list[Entry]:
    """Return all entries of a folder, in one call per 1000 of them when all is well.

    Pages that disagree (a changed total, a name twice, a short sum) are asked for once again, then the folder as one
    page (reference 6, client paging). Raises AnswerUnreadable when that contradicts itself too or names are damaged,
    CallRefused when the server refuses the listing.
    """
    for _ in range(2):
        found = _paged(client, path)
        if found is not None:
            return found
    page = _page(client, path, 0, ALL_ENTRIES)
    if len(page.entries) != page.total or len(_by_name(page)) != page.total:
        raise AnswerUnreadable("The listing of a folder contradicts itself.", item=path)
    return list(page.entries)


def _paged(client: FileCloudClient, path: str) -> list[Entry] | None:
    page = _page(client, path, 0, PAGE_SIZE)
    total = page.total or 0
    found = _by_name(page)
    received = len(page.entries)
    while page.entries and received < total:
        page = _page(client, path, received, PAGE_SIZE)
        if page.total != total:
            return None
        received += len(page.entries)
        found |= _by_name(page)
    return list(found.values()) if received == len(found) == total else None


def _page(client: FileCloudClient, path: str, start: int, limit: int) -> Listing:
    page = client.list_page(path, start, limit)
    if page.damaged or any(not entry.name or "/" in entry.name for entry in page.entries):
        raise AnswerUnreadable("The listing of a folder is damaged: names in it cannot be trusted.", item=path)
    return page


def _by_name(page: Listing) -> dict[str, Entry]:
    return {entry.name: entry for entry in page.entries}
