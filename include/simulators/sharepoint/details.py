"""What else Graph tells of one item: its versions, its permissions, and what a search below it finds."""

from __future__ import annotations

from simulators.sharepoint.errors import GraphFailure, utc
from simulators.sharepoint.items import Item
from simulators.sharepoint.library import Library
from simulators.sharepoint.wire import Json


def versions(item: Item) -> list[Json]:
    """Return the versions of a file, newest first: a folder on disk keeps only the present one."""
    if item.is_dir:
        raise GraphFailure(400, "invalidRequest", "Versions are not supported on folders.")
    return [{"id": f"{item.content}.0", "lastModifiedDateTime": utc(item.changed_at), "size": item.size}]


def version(item: Item, number: str) -> Json:
    """Return one version of a file; raises GraphFailure 404 for one that is not kept."""
    found = next((v for v in versions(item) if v["id"] == number), None)
    if found is None:
        raise GraphFailure(404, "itemNotFound", "The version could not be found.")
    return found


def version_content(item: Item, number: str) -> GraphFailure:
    """Return how the bytes of a version are refused: the present one has none of its own (Microsoft's docs)."""
    version(item, number)
    return GraphFailure(400, "invalidRequest", "The content of the current version is that of the item.")


def permissions() -> list[Json]:
    """Return who may do what with an item: all inherit from the site."""
    group = {"displayName": "Owners", "id": "3"}
    return [{"id": "T3duZXJz", "roles": ["owner"], "grantedToV2": {"siteGroup": group}, "grantedTo": {"user": group}}]


def found_below(library: Library, folder: Item, text: str) -> list[Item]:
    """Return the items below a folder whose names contain a text, without regard to case."""
    wanted, found = text.casefold(), []
    for item in library.store.items.values():
        hit = not item.deleted and wanted in item.name.casefold() and item.parent is not None
        if hit and any(above.id == folder.id for above in library.ancestors(item)):
            found.append(item)
    return found
