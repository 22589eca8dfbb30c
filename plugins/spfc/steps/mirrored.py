"""Notice when the folder that a route mirrors is not where, or not what, it was when it was first copied."""

from __future__ import annotations

from sqlalchemy import Connection, select

from spfc.errors import PlaceNotFound
from spfc.ledger.observations import load_source
from spfc.ledger.schema import synced_items
from spfc.planning.model import SourceItem
from spfc.planning.names import fold
from spfc.routes import Route


def check_base(connection: Connection, route: Route) -> None:
    """Refuse to go on when the mirrored folder was renamed, moved, deleted or replaced; nothing is removed then.

    Its content stays live, so without this a renamed folder would go unnoticed until the next change, and one that
    was replaced by another of the same name would have its copies removed. Reads one row per folder above it.
    Raises PlaceNotFound.
    """
    top = select(synced_items.c.id).where(synced_items.c.route == route.name, synced_items.c.parent_id.is_(None))
    base_id = connection.execute(top.limit(1)).scalar_one_or_none()
    if base_id is None:
        return
    wanted = route.source.below
    chain = _chain(connection, route.name, base_id)
    if not chain or not chain[-1].is_root:
        return  # something above it is unknown: then nobody can tell where it is
    path = "/" + "/".join(folder.name for folder in reversed(chain) if not folder.is_root)
    gone = next((folder for folder in chain if folder.deleted), None)
    if gone is not None:
        what = "the library itself" if gone.is_root else f"{gone.name!r}"
        raise PlaceNotFound(
            f"The route mirrors {wanted}, but the source says that {what} was deleted.",
            hint="Restore it from the recycle bin. If it was replaced by another folder or is not wanted any more, "
            "give the new pair a new route name: files that are there already are adopted. Nothing was removed.",
        )
    if fold(path) != fold(wanted):
        raise PlaceNotFound(
            f"The route mirrors {wanted}, but the folder that was copied so far is now {path}.",
            hint=f"Set source.folder to {path!r} to go on with it, or rename or move it back. For another folder use "
            "a new route name: files that are there already are adopted. Nothing was removed.",
        )


def _chain(connection: Connection, route: str, base_id: str) -> list[SourceItem]:
    """Return the folder and all above it, as far as the ledger knows them."""
    chain: list[SourceItem] = []
    at: str | None = base_id
    seen: set[str] = set()
    while at is not None and at not in seen:
        seen.add(at)
        folder = load_source(connection, route, [at]).get(at)
        if folder is None:
            break
        chain.append(folder)
        at = folder.parent_id
    return chain
