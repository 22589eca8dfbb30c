"""Pack copies into few batches of even weight, the longest files first."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import TypeVar

Key = TypeVar("Key")

SMALL_FILE_WEIGHT = 256 * 1024
"""Bytes that the fixed cost of one file is worth when batches are balanced: many small files weigh as one big."""


def batch_count(files: int, size: int, *, batch_files: int, batch_bytes: int, max_batches: int) -> int:
    """Return how many batches hold ``files`` files of ``size`` bytes in total; 0 when there is nothing to copy.

    Few and fat: a mapped task costs the scheduler more than a hundred small files (airflow reference).
    """
    if files == 0:
        return 0
    return max(1, min(max_batches, max(-(-files // batch_files), -(-size // batch_bytes))))


def pack(files: Iterable[tuple[Key, int]], batches: int) -> Iterator[tuple[Key, int]]:
    """Yield ``(key, batch)`` for files given as ``(key, size)`` from the largest to the smallest.

    Each file goes to the batch that weighs least so far; batches are numbered from 0.
    """
    loads = [(0, batch) for batch in range(batches)]
    for key, size in files:
        load, batch = loads[0]
        heapq.heapreplace(loads, (load + size + SMALL_FILE_WEIGHT, batch))
        yield key, batch
