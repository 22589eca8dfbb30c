"""Give every copy of a plan its batch, with a few bytes of memory per line."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from typing import Any

from spfc.ledger.plans import copy_sizes, set_batches
from spfc.planning.batches import pack
from spfc.steps.context import RunContext

NO_BATCH = -1


def assign_batches(run: RunContext, plan_id: str, number: int, lines: range) -> list[dict[str, Any]]:
    """Spread the copies of a plan over ``number`` batches, write that down, and return what each of them weighs.

    ``lines`` are the numbers that its copies have. Keys: ``plan_id``, ``batch``, ``files``, ``bytes``.
    """
    files, sizes = Counter[int](), Counter[int]()
    chosen = array("i", [NO_BATCH]) * len(lines)
    with run.reading() as connection:
        by_size = copy_sizes(connection, plan_id)
        for (seq, size), batch in pack(((line, line[1]) for line in by_size), number):
            chosen[seq - lines.start] = batch
            files[batch] += 1
            sizes[batch] += size
    with run.writing() as connection:
        set_batches(connection, plan_id, _assigned(chosen, lines))
    return [
        {"plan_id": plan_id, "batch": batch, "files": files[batch], "bytes": sizes[batch]} for batch in range(number)
    ]


def _assigned(chosen: array[int], lines: range) -> Iterator[tuple[int, int]]:
    """Yield lines in their own order: written one beside the other, not scattered by size."""
    return ((seq, batch) for seq, batch in zip(lines, chosen, strict=True) if batch != NO_BATCH)
