"""Names for what is left at the old place of an item that the target refuses to move: synced rows without a source.

An item can be at one place only in the synced tree. While it is relocated by copying, its row is at the new place, and
a row of its own, a *leftover*, stands for the old one. Its id tells it from items of the source; nothing at the source
answers to it, so whatever is owed about it is its removal.
"""

from __future__ import annotations

_PREFIX = "left-behind:"


def leftover_id(tag: str, item_id: str) -> str:
    """Return the id of the leftover of an item. ``tag`` (without a colon) is unique to the plan line that left it."""
    return f"{_PREFIX}{tag}:{item_id}"


def is_leftover(item_id: str) -> bool:
    """Say whether an id of the synced tree is that of a leftover."""
    return item_id.startswith(_PREFIX)


def stands_for(item_id: str | None) -> str | None:
    """Return the id of the item that a leftover was left by; any other id is returned as it is."""
    if item_id is None or not is_leftover(item_id):
        return item_id
    return item_id.removeprefix(_PREFIX).partition(":")[2]
