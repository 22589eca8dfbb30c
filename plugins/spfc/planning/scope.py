"""Which items a route wants: exclusion globs and the path globs of one run."""

from __future__ import annotations

import re
from collections.abc import Iterable

from spfc.planning.names import fold


def glob_pattern(glob: str) -> re.Pattern[str]:
    """Compile a glob: ``*`` and ``?`` stay within one folder, ``**`` crosses folders, ``[..]`` is a set.

    Names are compared folded (:func:`~spfc.planning.names.fold`): case and Unicode form do not count.
    """
    out: list[str] = []
    text = fold(glob)
    position = 0
    while position < len(text):
        piece, position = _translate(text, position)
        out.append(piece)
    return re.compile("".join(out), re.DOTALL)


def _translate(text: str, at: int) -> tuple[str, int]:
    """Return the regular expression of the glob element at ``at``, and where the next one begins."""
    if text.startswith("**/", at):
        return "(?:.*/)?", at + 3
    if text.startswith("**", at):
        return ".*", at + 2
    if text[at] == "*":
        return "[^/]*", at + 1
    if text[at] == "?":
        return "[^/]", at + 1
    end = text.find("]", at + 2) if text[at] == "[" else -1
    if end > 0 and (piece := _translate_set(text[at + 1 : end])) is not None:
        return piece, end + 1
    return re.escape(text[at]), at + 1


def _translate_set(body: str) -> str | None:
    """Return the regular expression of a set, None when it is none, such as ``[z-a]``: then ``[`` means itself."""
    body = re.sub(r"([\\\[&~|^])", r"\\\1", body)
    piece = f"(?!/)[^{body[1:]}]" if body.startswith("!") else f"[{body}]"
    try:
        re.compile(piece)
    except re.error:
        return None
    return piece


def _either(patterns: Iterable[re.Pattern[str]]) -> re.Pattern[str] | None:
    """Return one pattern that matches what any of them does: it is asked about every item of a library."""
    pieces = [f"(?:{pattern.pattern})" for pattern in patterns]
    return re.compile("|".join(pieces), re.DOTALL) if pieces else None


class PathGlobs:
    """A set of globs over paths from the source root; paths begin with ``/``, globs need not.

    A glob without ``/`` is matched against names, any other against whole paths (``/docs`` is the folder at the root
    only, ``/`` is everything). A glob that matches a folder matches everything below it, because callers ask parents
    first or use :meth:`covers`.
    """

    def __init__(self, globs: Iterable[str]) -> None:
        wanted = [glob.strip() for glob in globs if glob.strip()]
        self._names = _either(glob_pattern(glob) for glob in wanted if "/" not in glob)
        self._paths = _either(glob_pattern(glob.strip("/") or "**") for glob in wanted if "/" in glob)
        self._any = bool(wanted)

    def __bool__(self) -> bool:
        return self._any

    def matches(self, path: str) -> bool:
        """Say whether the item at ``path`` itself is matched."""
        if not self._any:
            return False
        folded = fold(path).strip("/")
        name = folded.rpartition("/")[2]
        by_name = self._names is not None and self._names.fullmatch(name) is not None
        return by_name or (self._paths is not None and self._paths.fullmatch(folded) is not None)

    def covers(self, path: str) -> bool:
        """Say whether the item or a folder above it is matched."""
        segments = path.strip("/").split("/")
        return any(self.matches("/".join(segments[:depth])) for depth in range(1, len(segments) + 1))
