"""What every target thinks of paths: which are plain, and how a taken name is numbered."""

from __future__ import annotations

MOST_NAMES = 1000
"""How many items of one name are retired into one place before we give up."""


def checked(path: str) -> str:
    """Return ``path``. Raises ValueError unless it is absolute and plain: no empty, ``.`` or ``..`` level, no NUL."""
    if path == "/":
        return path
    first, *levels = path.split("/")
    if first or not levels or any(level in ("", ".", "..") for level in levels) or "\0" in path:
        raise ValueError(f"not an absolute, plain path: {path!r}")
    return path


def levels_of(path: str) -> list[str]:
    """Return the names along a path, none for ``/``. Raises ValueError as :func:`checked` does."""
    return [] if checked(path) == "/" else path[1:].split("/")


def numbered(path: str, number: int) -> str:
    """Return ``path`` for 1, and for 2 and above with the number before the extension: ``/a/b (2).txt``."""
    if number == 1:
        return path
    folder, _, name = path.rpartition("/")
    stem, dot, extension = name.rpartition(".")
    if not stem:
        stem, dot, extension = name, "", ""
    return f"{folder}/{stem} ({number}){dot}{extension}"
