"""Find names for table columns: readable, plain, free, and short enough for every database."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from itertools import count

LONGEST = 55
"""Bytes of a name in UTF-8: PostgreSQL cuts after 63, and numbers and types are appended."""

LONGEST_OF_ALL = 63
"""Bytes of a name with what is appended to it."""

RESERVED_PREFIX = "spfc_"
"""What the names of our own columns begin with."""

RESERVED = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid", "oid", "rowid", "_rowid_"})
"""Columns that PostgreSQL and SQLite have in every table."""

_ENCODED = re.compile(r"_x([0-9a-fA-F]{4})_")
_UNPLAIN = re.compile(r"\W+")


def plain_name(internal: str) -> str:
    """Return the wanted SQL name of a column from its internal name.

    ``_x0020_`` and the like are decoded, everything but letters, digits and ``_`` becomes one ``_``, letters are made
    small (so that PostgreSQL finds them unquoted). Never empty, never with a digit or :data:`RESERVED_PREFIX` in front.
    """
    decoded = _ENCODED.sub(lambda found: chr(int(found[1], 16)), internal)
    text = unicodedata.normalize("NFC", decoded).lower()
    plain = cut(re.sub(r"_{2,}", "_", _UNPLAIN.sub("_", text)).strip("_"), LONGEST - 2)
    if not plain or plain[0].isdigit() or plain.startswith(RESERVED_PREFIX) or plain in RESERVED:
        return f"c_{plain}" if plain else "c"
    return plain


def free_name(wanted: str, taken: Collection[str], suffix: str = "") -> str:
    """Return ``wanted + suffix``, or with the first number behind it that makes it free; ``wanted`` is cut as needed.

    ``taken`` holds names in the form of :func:`key`.
    """
    for number in count(1):
        ending = suffix if number == 1 else f"{suffix}_{number}"
        limit = LONGEST if not suffix else LONGEST_OF_ALL
        name = cut(wanted, limit - len(ending.encode())) + ending
        if key(name) not in taken:
            return name
    raise AssertionError("numbers do not end")


def key(name: str) -> str:
    """Return what two names of one table may not share: databases compare without regard to case."""
    return unicodedata.normalize("NFC", name).casefold()


def cut(text: str, octets: int) -> str:
    """Return the longest beginning of ``text`` that has at most so many bytes in UTF-8."""
    return text.encode("utf-8", "ignore")[: max(0, octets)].decode("utf-8", "ignore")
