"""Writes the tables of the manual that the code knows better than any author: ``python docs/generate.py``.

A table stands between ``<!-- begin: NAME -->`` and ``<!-- end: NAME -->``; what is between is replaced.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from spfc.doctor.catalogue import CHECKS
from spfc.planning.model import Reason
from spfc.planning.names import target_name, to_target
from spfc.reporting.explanations import CODES, REASONS, Explanation
from spfc.routes import Route, RunOptions

DOCS = Path(__file__).parent
_BLOCK = re.compile(r"(<!-- begin: (?P<name>[a-z-]+) -->\n).*?(<!-- end: (?P=name) -->)", re.DOTALL)


def route_keys() -> Iterator[tuple[str, FieldInfo]]:
    """Yield every key of a route with its dotted path, in the order of the model; the name is no key."""
    for path, field in _keys(Route, ""):
        if path != "name":
            yield path, field


def _keys(model: type[BaseModel], above: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        path = f"{above}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation, f"{path}.")
        else:
            yield path, field


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default()
    if value is PydanticUndefined:
        return "**required**"
    if isinstance(value, tuple):
        return " ".join(f"`{part}`" for part in value) or "none"
    return f"`{_spelled(value)}`"


def _spelled(value: object) -> str:
    """Write a value as it is written in YAML."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value) or '""'


def _allowed(field: FieldInfo) -> str:
    bounds = {type(rule).__name__: rule for rule in field.metadata}
    low = getattr(bounds.get("Ge"), "ge", None)
    high = getattr(bounds.get("Le"), "le", None)
    if low is None:
        return ""
    return f"from {low}" if high is None else f"{low} to {high}"


def key_table(keys: Iterator[tuple[str, FieldInfo]]) -> str:
    """Return keys with default, range and meaning."""
    rows = [(f"`{path}`", _default(field), _allowed(field), field.description or "") for path, field in keys]
    return _table(("key", "default", "range", "meaning"), rows)


def explanation_table(head: str, explanations: Mapping[Any, Explanation]) -> str:
    """Return what each reason or code means and what to do about it."""
    rows = [(f"`{name}`", text.meaning, text.step) for name, text in explanations.items()]
    return _table((head, "means", "next step"), rows)


def character_table() -> str:
    """Return the characters of ASCII that are replaced in names, and by what."""
    tab = to_target("a\tb")[1]
    rows = [("control characters U+0000 to U+001F, U+007F", f"their symbols, such as {tab} for a tab")]
    for char in (chr(code) for code in range(0x20, 0x7F)):
        mapped = to_target(f"a{char}b")[1]
        if mapped != char:
            rows.append((f"`{char}`".replace("|", "\\|"), f"{mapped} (U+{ord(mapped):04X})"))
    for char, what in ((" ", "a blank"), (".", "a dot"), (",", "a comma")):
        first, last = to_target(f"{char}a")[0], to_target(f"a{char}")[-1]
        where = "at the beginning or the end" if first != char else "at the end"
        rows.append((f"{what} {where}", f"{last} (U+{ord(last):04X})"))
    return _table(("in SharePoint", "in FileCloud"), rows)


def name_examples() -> str:
    """Return a few names and what becomes of them; the mark belongs to the item, so it differs from item to item."""
    names = ("Budget 2026.xlsx", "50% & more #1.txt", "what?.txt", "a:b*c.txt", " leading", "trailing.", "wide＊.txt")
    rows = [(f"`{name}`", f"`{target_name(name, 'item')}`") for name in names]
    return _table(("in SharePoint", "in FileCloud"), rows)


def check_table() -> str:
    """Return the checks of ``spfc doctor``, and what each of them proves."""
    return _table(("check", "proves"), [(f"`{name}`", proves) for name, proves in CHECKS.items()])


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


TABLES: Mapping[str, Callable[[], str]] = {
    "route-keys": lambda: key_table(route_keys()),
    "run-parameters": lambda: key_table(_keys(RunOptions, "")),
    "reasons": lambda: explanation_table("reason", {reason.value: REASONS[reason] for reason in Reason}),
    "codes": lambda: explanation_table("code", CODES),
    "characters": character_table,
    "names": name_examples,
    "doctor-checks": check_table,
}


def renewed(text: str) -> str:
    """Return the text of a page with all its generated tables written anew. Raises KeyError for an unknown table."""
    return _BLOCK.sub(lambda block: f"{block[1]}{TABLES[block['name']]()}{block[3]}", text)


def main() -> int:
    """Renew all pages; name those that changed."""
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        if (fresh := renewed(text)) != text:
            page.write_text(fresh, encoding="utf-8")
            sys.stdout.write(f"{page.name} renewed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
