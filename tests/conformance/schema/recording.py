"""Puts answers of the simulated Graph on paper for readers that run elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.conformance.schema.answers import bodies
from tests.conformance.schema.watch import Watch


def shape(value: Any) -> Any:
    """Return what a value is made of, without what it says; of a list each shape once."""
    if isinstance(value, dict):
        return tuple((key, shape(part)) for key, part in sorted(value.items()))
    if isinstance(value, list):
        return frozenset(shape(part) for part in value)
    return type(value).__name__


def lines(watch: Watch) -> Iterator[str]:
    """Return one JSON object for each kind and shape of answer: what the driver ``msgraph_models`` reads."""
    seen = set()
    for answer in watch.answers:
        for body in bodies(answer):
            is_delta = body.is_collection and answer.operation == "delta"
            key = (body.type_name, body.is_collection, is_delta, shape(body.value))
            if key in seen:
                continue
            seen.add(key)
            yield json.dumps(
                {
                    "label": body.label, "type": body.type_name, "collection": body.is_collection,
                    "delta": is_delta, "value": body.value,
                }
            )  # fmt: skip


def write(watch: Watch, path: Path) -> int:
    """Write all lines; return how many."""
    told = list(lines(watch))
    path.write_text("\n".join(told) + "\n", encoding="utf-8")
    return len(told)
