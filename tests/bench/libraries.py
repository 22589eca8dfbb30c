"""Writes the libraries that the benchmark copies: once, from a seed, below the workspace."""

from __future__ import annotations

import json
import math
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

SEED = 20_240_719
_FOLDER_FILES = 100
_PIECE = 1 << 20
_TIME = 1_600_000_000
"""Modification time of the first file (seconds UTC); the others follow minute by minute."""

Sizes = Callable[[random.Random], Iterator[int]]


@dataclass(frozen=True, slots=True)
class Library:
    """A folder on disk that is published as a document library, and what it holds."""

    name: str
    folder: Path
    files: int
    size: int


def small_files(count: int, size: int) -> Sizes:
    """Return ``count`` files of ``size`` bytes each."""
    return lambda _: iter([size] * count)


def office_mix(total: int, median: int = 120_000, spread: float = 1.5) -> Sizes:
    """Return lognormal sizes (``median`` bytes, ``spread`` = sigma of the logarithm) until ``total`` bytes are full."""

    def draw(dice: random.Random) -> Iterator[int]:
        left = total
        while left > 0:
            size = min(left, max(1, round(math.exp(dice.gauss(math.log(median), spread)))))
            left -= size
            yield size

    return draw


def one_file(size: int) -> Sizes:
    """Return one file of ``size`` bytes."""
    return lambda _: iter([size])


def library(workspace: Path, name: str, sizes: Sizes) -> Library:
    """Return the library of that name, written when it is not there in full yet."""
    folder, receipt = workspace / "libraries" / name, workspace / "libraries" / f"{name}.json"
    if not receipt.exists():
        files = size = 0
        dice = random.Random(f"{SEED} {name}")
        for length in sizes(dice):
            path = folder / f"Folder {files // _FOLDER_FILES:03}" / f"Document {files:05}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, length, dice)
            os.utime(path, (_TIME + 60 * files,) * 2)
            files, size = files + 1, size + length
        receipt.write_text(json.dumps({"files": files, "size": size}))
    return Library(name, folder, **json.loads(receipt.read_text()))


def _write(path: Path, length: int, dice: random.Random) -> None:
    block = dice.randbytes(min(length, _PIECE))
    with path.open("wb") as file:
        for start in range(0, length, _PIECE):
            # Every block differs in its head, so that none can be taken for another.
            head = start.to_bytes(8, "big")
            file.write((head + block[8:])[: length - start] if len(block) > 8 else block)
