"""Names at the target: a reversible mapping from source names, and the key under which two names collide."""

from __future__ import annotations

import hashlib
import re
import unicodedata

MAX_NAME_BYTES = 255
"""Longest name in UTF-8 bytes that common file systems behind a target store (FileCloud reference 11)."""

_QUOTE = "\u201b"
"""Precedes a character that the source really has but that also serves as a substitute below."""

_CONTROL = {chr(code): chr(0x2400 + code) for code in range(32)} | {"\x7f": "\u2421"}
_FORBIDDEN = _CONTROL | {
    "/": "\uff0f",
    "\\": "\uff3c",
    ":": "\uff1a",
    "*": "\uff0a",
    "?": "\uff1f",
    '"': "\uff02",
    "<": "\uff1c",
    ">": "\uff1e",
    "|": "\uff5c",
}
"""Characters that no target name may hold, each with a visible look-alike (FileCloud reference 11, design 3)."""

_SPACE, _DOT, _COMMA = "\u2420", "\uff0e", "\uff0c"
_EDGES = {" ": _SPACE, ".": _DOT, ",": _COMMA}
"""Refused at the beginning (blank) or at the end (blank, dot, comma) of a name (FileCloud reference 11)."""

_SUBSTITUTES = {substitute: plain for plain, substitute in (_FORBIDDEN | _EDGES).items()}


_TABLE = str.maketrans(
    _FORBIDDEN | {substitute: _QUOTE + substitute for substitute in _SUBSTITUTES} | {_QUOTE: _QUOTE + _QUOTE}
)
"""Both replacements in one pass: forbidden characters, and the quoting of what only looks like a substitute."""

_SPECIAL = re.compile(f"[{re.escape(''.join(map(chr, _TABLE)))}]|^ |[ .,]\\Z|^\\Z")
"""Finds out whether a name needs any mapping at all; nearly none does."""


def to_target(name: str) -> str:
    """Return the target name of a source name: the same for nearly all, else with visible substitutes.

    The mapping is one to one; :func:`to_source` undoes it. The result is never empty, ``.`` or ``..``, and holds
    no separator and no control character. It may be too long: see :func:`shorten`.
    """
    if _SPECIAL.search(name) is None:
        return name
    mapped = name.translate(_TABLE)
    if mapped.startswith(" "):
        mapped = _SPACE + mapped[1:]
    if mapped and mapped[-1] in _EDGES:
        mapped = mapped[:-1] + _EDGES[mapped[-1]]
    return mapped or _QUOTE


def to_source(name: str) -> str:
    """Undo :func:`to_target`."""
    if name == _QUOTE:
        return ""
    plain: list[str] = []
    quoted = False
    for char in name:
        if quoted or (char not in _SUBSTITUTES and char != _QUOTE):
            plain.append(char)
            quoted = False
        elif char == _QUOTE:
            quoted = True
        else:
            plain.append(_SUBSTITUTES[char])
    return "".join(plain)


def fold(name: str) -> str:
    """Return the key under which names of one folder collide: case and Unicode form do not count.

    FileCloud refuses names that differ only in case (reference 4); its Unicode rule is unknown, so the stricter
    reading is used.
    """
    if name.isascii():  # nearly every name; the same, only faster
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def mark(item_id: str) -> str:
    """Return six hexadecimal digits that stand for an item in a target name, the same in every run."""
    return hashlib.sha256(item_id.encode()).hexdigest()[:6]


def distinguish(name: str, item_id: str) -> str:
    """Return ``name`` with a stable suffix before its extension, for the later one of two colliding names."""
    stem, dot, extension = name.rpartition(".")
    if not stem:
        stem, dot, extension = name, "", ""
    return shorten(f"{stem} ({mark(item_id)}){dot}{extension}", item_id)


def aside(name: str, item_id: str) -> str:
    """Return the temporary name under which an item waits while another one takes its place."""
    return shorten(f"{name}{_aside_mark(item_id)}", item_id)


def not_aside(name: str, item_id: str) -> str:
    """Undo :func:`aside`; any other name is returned as it is."""
    return name.removesuffix(_aside_mark(item_id)) or name


def _aside_mark(item_id: str) -> str:
    return f".spfc-{mark(item_id)}"


def shorten(name: str, item_id: str) -> str:
    """Return ``name`` if it fits in :data:`MAX_NAME_BYTES`, else a shorter one with a stable mark."""
    if len(name) <= MAX_NAME_BYTES // 4 or len(name.encode()) <= MAX_NAME_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension.encode()) > 32:
        stem, dot, extension = name, "", ""
    tail = f"~{mark(item_id)}{dot}{extension}"
    room = MAX_NAME_BYTES - len(tail.encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(" .") + tail


def target_name(name: str, item_id: str) -> str:
    """Return the name that an item should have at the target while nothing stands in its way."""
    return shorten(to_target(name), item_id)
