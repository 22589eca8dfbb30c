"""What our requests do differently from the vendor's, by name and with the reason; nothing else may differ."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.conformance.golden.recorder import Flat

ABSENT = ""
"""Stands for a name that one side does not send; FileCloud reads absent and empty alike (reference 1)."""
REQUEST = "request"
"""Stands for a whole request that only one side sends."""


@dataclass(frozen=True, slots=True)
class Unlike:
    """One place where the two differ: a name of the flat form, and what each side has there."""

    wish: str
    path: str
    name: str
    vendor: str
    ours: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A documented difference; ``name``, ``path``, ``vendor`` and ``ours`` are patterns for the whole text.

    ``{vendor}`` in ``ours`` stands for the words of the vendor's value, in their order.
    """

    title: str
    why: str
    name: str
    vendor: str
    ours: str
    path: str = ".*"
    wish: str = ".*"

    def covers(self, unlike: Unlike) -> bool:
        """Say whether a difference that was found is this one."""
        ours = self.ours
        for number, word in enumerate(unlike.vendor.split()):
            ours = ours.replace(f"{{{number}}}", re.escape(word))
        pairs = (
            (self.wish, unlike.wish), (self.path, unlike.path), (self.name, unlike.name),
            (self.vendor, unlike.vendor), (ours, unlike.ours),
        )  # fmt: skip
        return all(re.fullmatch(pattern, text) for pattern, text in pairs)


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "our own name", "We say who we are (FileCloud reference 17.1).",
        "header user-agent", "python-requests/.*", r"spfc/[\d.]+",
    ),
    Difference(
        "no adminproxyuserid", "Not sent when unset (reference 17.1); the vendor's client sends the word None.",
        "query adminproxyuserid", "None", ABSENT, "/core/upload",
    ),
    Difference(
        "dates with a zone", "A date with Z cannot be read as another zone's (reference 17.1 and 7.3).",
        "query date", r"\S+ \S+", "{0}T{1}Z", "/core/upload",
    ),
    Difference(
        "downloads uncompressed", "Their length must be the file's (reference 17.1 and 8).",
        "header accept-encoding", "gzip, deflate", "identity", "/core/downloadfile",
    ),
    Difference(
        "no redirect", "The bytes come from the server itself, never from a storage host (reference 17.1 and 8).",
        "query redirect", "1", "0", "/core/downloadfile",
    ),
    Difference(
        "lean listings", "We need no comments, favourites and the like (reference 17.1 and 6).",
        "form send(about|metadataset|comment|fav)info", "1", "0", "/core/getfilelist",
    ),
    Difference(
        "overlapping pages", "A page begins with the last entry of the one before: so we see that nothing moved.",
        "form start", "1000|2000", "999|1998", "/core/getfilelist", "06 list .*",
    ),
    Difference(
        "no Connection header", "HTTP/1.1 keeps connections without being asked; it is what the word says by itself.",
        "header connection", "keep-alive", ABSENT,
    ),
    Difference(
        "no second factor", "A service account has none; its demand is told and ends the login (reference 2.1).",
        REQUEST, "POST /core/2falogin", ABSENT, wish="01 second factor",
    ),
    Difference(
        "a look after a refused upload", "The refusal's words are unknown, so the file is looked at (reference 7.5).",
        REQUEST, ABSENT, "POST /core/fileinfo", wish="05 (never overwrite|overwrite another version)",
    ),
    Difference(
        "a check of the session", "A refusal that an expired session could explain is not believed (reference 2.4).",
        REQUEST, ABSENT, "GET /core/getauthenticationinfo", wish="(06 list a missing folder|09 delete nothing)",
    ),
)  # fmt: skip


def unlikes(wish: str, vendor: Sequence[Flat], ours: Sequence[Flat]) -> Iterator[Unlike]:
    """Compare the requests of one wish, in order."""
    lines = [[f"{request['method']} {request['path']}" for request in side] for side in (vendor, ours)]
    for tag, v1, v2, o1, o2 in difflib.SequenceMatcher(None, *lines, autojunk=False).get_opcodes():
        if tag == "equal":
            for one, other in zip(vendor[v1:v2], ours[o1:o2], strict=True):
                yield from _within(wish, one, other)
            continue
        for line in lines[0][v1:v2]:
            yield Unlike(wish, line.partition(" ")[2], REQUEST, line, ABSENT)
        for line in lines[1][o1:o2]:
            yield Unlike(wish, line.partition(" ")[2], REQUEST, ABSENT, line)


def _within(wish: str, vendor: Flat, ours: Flat) -> Iterator[Unlike]:
    for name in sorted(vendor.keys() | ours.keys()):
        one, other = vendor.get(name, ABSENT), ours.get(name, ABSENT)
        if one != other:
            yield Unlike(wish, vendor["path"], name, one, other)
