"""What the contract tests of a target share: how to write and list, and what a target may be unable to do."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from spfc.planning.model import TargetEntry
from spfc.targets.base import PutSpec, Target

NOON = 1_721_421_120
"""A summer instant, so that a wall clock taken for UTC shows."""
WINTER = 1_704_110_400

NAMES = [
    "plain.txt", "two  spaces.txt", "hash#mark.txt", "per%20cent%.txt", "amp&ersand.txt", "plus+plus.txt", "it's.txt",
    "semi;colon.txt", "equals=.txt", "bang!.txt", "brackets[1](2){3}.txt", "comma,.txt", "at@sign.txt", "文件.txt",
    "ملف.txt", "😀.txt", "Straße.txt", "a.b.c", "noextension", "~tilde", "$dollar", "x" * 200,
]  # fmt: skip


def put(
    target: Target,
    path: str,
    content: bytes,
    *,
    modified: int = NOON,
    expect_absent: bool = False,
    expect_etag: str | None = None,
) -> TargetEntry:
    """Write a whole file through as many chunks as the target wants, and return its entry."""
    spec = PutSpec(path, len(content), modified, expect_absent, expect_etag)
    entry: TargetEntry | None = None
    for offset in range(0, max(1, len(content)), target.chunk_size):
        chunk = content[offset : offset + target.chunk_size]
        last = offset + len(chunk) == len(content)
        entry = target.put_chunk(spec, offset, chunk, last=last)
        assert (entry is not None) == last
    assert entry is not None
    return entry


def listed(target: Target, path: str) -> dict[str, TargetEntry]:
    """List a folder that must exist, by name."""
    entries = target.list_folder(path)
    assert entries is not None
    assert len({entry.name for entry in entries}) == len(entries)
    return {entry.name: entry for entry in entries}


def noise(size: int, seed: int = 7) -> bytes:
    """Return bytes that follow from the seed."""
    return random.Random(seed).randbytes(size)


class Capabilities:
    """What a target can do, and how a test sees behind it. Subclasses supply ``target``, ``read``, ``read_outside``."""

    etags = True
    """Whether this target gives etags."""
    times = True
    """Whether this target can say the modification time of a file."""
    listed_times = True
    """Whether listings say modification times, too, where ``stat`` does."""
    ignores_case = True
    """Whether two names of one folder must differ in more than case."""
    outside = "/retired"
    """A place at the service that is outside the target root."""

    @pytest.fixture
    def target(self) -> Iterator[Target]:
        raise NotImplementedError

    def read(self, target: Target, path: str) -> bytes | None:
        """Return the content of a file at the target by other means, None when it cannot be seen."""
        raise NotImplementedError

    def read_outside(self, target: Target, path: str) -> bytes | None:
        """Return the content of a file at the service by other means; ``path`` is not below the target root."""
        raise NotImplementedError
