"""Reads recorded answers of Graph with the models of msgraph-sdk; says what they do not know and what they lose.

Runs in the environment of msgraph-sdk: ``python drive.py ANSWERS``. ANSWERS has one JSON object per line, with
``label``, ``type`` (short name of the Graph type, or ``error``), ``collection`` (true or false), ``delta`` and
``value``. Writes one JSON object per finding: ``label``, ``place`` in the answer, ``problem`` (``unknown`` or ``lost``)
and ``value``; last one with ``version`` and ``read``, the number of answers.
"""

from __future__ import annotations

import builtins
import dataclasses
import importlib
import importlib.metadata
import json
import keyword
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

from kiota_serialization_json.json_parse_node_factory import JsonParseNodeFactory
from kiota_serialization_json.json_serialization_writer import JsonSerializationWriter

MODELS = "msgraph.generated.models"
DELTA = "msgraph.generated.drives.item.items.item.delta.delta_get_response"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def snake(name: str) -> str:
    """Spell a name as the SDK names its modules."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


@cache
def model_of(name: str, collection: bool, delta: bool) -> Any:
    """Return the class that the SDK reads such an answer with."""
    if name == "error":
        return importlib.import_module(f"{MODELS}.o_data_errors.o_data_error").ODataError
    if delta:
        return importlib.import_module(DELTA).DeltaGetResponse
    class_name = name[0].upper() + name[1:] + ("CollectionResponse" if collection else "")
    if keyword.iskeyword(snake(class_name)) or hasattr(builtins, snake(class_name)):
        class_name += "_"  # as the SDK spells what Python has a meaning for
    return getattr(importlib.import_module(f"{MODELS}.{snake(class_name)}"), class_name)


def unknown(model: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Return what the models below one put aside as additional data."""
    for key, value in model.additional_data.items():
        yield f"{place}.{key}", value
    for field in dataclasses.fields(model):
        if field.name in ("additional_data", "backing_store"):
            continue
        value = getattr(model, field.name, None)
        for index, part in enumerate(value if isinstance(value, list) else [value]):
            if hasattr(part, "additional_data"):
                where = f"{place}.{field.name}" + (f"[{index}]" if isinstance(value, list) else "")
                yield from unknown(part, where)


def written(model: Any) -> Any:
    """Return what the SDK makes of a model when it writes it again."""
    writer = JsonSerializationWriter()
    writer.write_object_value(None, model)
    return json.loads(writer.get_serialized_content())


def lost(before: Any, after: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Return the values that did not survive reading and writing."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            yield from lost(value, after.get(key), f"{place}.{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from lost(one, other, f"{place}[{index}]")
    elif before != after and not same_instant(before, after) and not (before == {} and after is None):
        yield place, before


def same_instant(one: Any, other: Any) -> bool:
    """Say whether two texts are one instant in two spellings."""
    if not (isinstance(one, str) and isinstance(other, str) and _TIME.match(one) and _TIME.match(other)):
        return False
    moments = [datetime.fromisoformat(text) for text in (one, other)]
    return moments[0].replace(tzinfo=None) == moments[1].replace(tzinfo=None) or moments[0] == moments[1]


def main() -> None:
    """Read all answers."""
    factory, count = JsonParseNodeFactory(), 0
    with open(sys.argv[1], encoding="utf-8") as lines:
        for line in lines:
            answer = json.loads(line)
            count += 1
            cls = model_of(answer["type"], answer["collection"], answer["delta"])
            node = factory.get_root_parse_node("application/json", json.dumps(answer["value"]).encode())
            model = node.get_object_value(cls)
            findings = [("unknown", *found) for found in unknown(model, "")]
            findings += [("lost", *found) for found in lost(answer["value"], written(model), "")]
            for problem, place, value in findings:
                finding = {"label": answer["label"], "place": place, "problem": problem, "value": str(value)}
                print(json.dumps(finding))
    print(json.dumps({"version": importlib.metadata.version("msgraph-sdk"), "read": count}))


if __name__ == "__main__":
    main()
