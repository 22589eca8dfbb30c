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
    if end > 0:
        body = text[at + 1 : end].replace("\\", "\\\\")
        body = "^" + body[1:] if body.startswith("!") else body
        return f"[{body}]", end + 1
    return re.escape(text[at]), at + 1


class PathGlobs:
    """A set of globs over paths from the source root; paths begin with ``/``, globs need not.

    A glob without ``/`` is matched against names, any other against whole paths. A glob that matches a folder matches
    everything below it, because callers ask parents first or use :meth:`covers`.
    """

    def __init__(self, globs: Iterable[str]) -> None:
        wanted = [glob.strip() for glob in globs if glob.strip()]
        self._names = [glob_pattern(glob) for glob in wanted if "/" not in glob.strip("/")]
        self._paths = [glob_pattern(glob.strip("/")) for glob in wanted if "/" in glob.strip("/")]
        self._any = bool(wanted)

    def __bool__(self) -> bool:
        return self._any

    def matches(self, path: str) -> bool:
        """Say whether the item at ``path`` itself is matched."""
        folded = fold(path).strip("/")
        name = folded.rpartition("/")[2]
        return any(pattern.fullmatch(name) for pattern in self._names) or any(
            pattern.fullmatch(folded) for pattern in self._paths
        )

    def covers(self, path: str) -> bool:
        """Say whether the item or a folder above it is matched."""
        segments = path.strip("/").split("/")
        return any(self.matches("/".join(segments[:depth])) for depth in range(1, len(segments) + 1))
