"""Writes the tables of the manual that the code knows better than any author: ``python docs/generate.py``.

A table stands between ``<!-- begin: NAME -->`` and ``<!-- end: NAME -->``; what is between is replaced.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from spfc.doctor.catalogue import CHECKS
from spfc.planning.model import Reason
from spfc.planning.names import target_name, to_target
from spfc.reporting.explanations import CODES, REASONS, Explanation
from spfc.routes import (
    FileCloudSource,
    FileCloudTarget,
    ListRoute,
    ListRunOptions,
    ObjectStorageTarget,
    Route,
    RunOptions,
    SharePointList,
    SharePointSource,
    SqlTableTarget,
)

DOCS = Path(__file__).parent
_BLOCK = re.compile(r"(<!-- begin: (?P<name>[a-z-]+) -->\n).*?(<!-- end: (?P=name) -->)", re.DOTALL)


@dataclass(frozen=True)
class Section:
    """A part of docs/routes.md: its heading, and the keys that it explains, with what stands before each."""

    heading: str
    model: type[BaseModel]
    above: str = ""
    only: tuple[str, ...] = ()
    """First words of the keys that belong here; all, when there are none."""

    def fields(self) -> Iterator[tuple[str, FieldInfo]]:
        """Yield every key with its dotted path, in the order of the model; the name of a route is no key."""
        for path, field in _keys(self.model, self.above, optional=True):
            if path != "name" and (not self.only or path.split(".")[0] in self.only):
                yield path, field


SECTIONS = {
    "route": Section("The route itself", Route, only=("description", "schedule", "owner", "tags")),
    "sharepoint-library": Section("Source: a SharePoint library", SharePointSource, "source."),
    "filecloud-folder": Section("Source: a FileCloud folder", FileCloudSource, "source."),
    "filecloud": Section("Target: a FileCloud folder", FileCloudTarget, "target."),
    "object-storage": Section("Target: a local folder or an object store", ObjectStorageTarget, "target."),
    "filters": Section("Filters", Route, only=("filters",)),
    "policies": Section("Policies", Route, only=("policies",)),
    "limits": Section("Limits", Route, only=("limits",)),
    "sharepoint-list": Section("Lists: source", SharePointList, "source."),
    "sql-table": Section("Lists: target", SqlTableTarget, "target."),
    "list": Section("Lists: everything else", ListRoute, only=("snapshot", "policies", "limits")),
}
"""The parts of docs/routes.md in their order; the keys are the names of their tables."""


def _keys(model: type[BaseModel], above: str, *, optional: bool = False) -> Iterator[tuple[str, FieldInfo]]:
    """Yield the keys of a model and of the models in it; with ``optional``, also of those that may be left out."""
    for name, field in model.model_fields.items():
        path = f"{above}{name}"
        kinds = get_args(field.annotation) if optional else ()
        inner = [kind for kind in kinds or (field.annotation,) if kind is not type(None)]
        if len(inner) == 1 and isinstance(inner[0], type) and issubclass(inner[0], BaseModel):
            yield from _keys(inner[0], f"{path}.", optional=optional)
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


def _section_table(section: Section) -> str:
    return key_table(section.fields())


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


TABLES: Mapping[str, Callable[[], str]] = {
    **{f"keys-{name}": partial(_section_table, section) for name, section in SECTIONS.items()},
    "list-run-parameters": lambda: key_table(_keys(ListRunOptions, "")),
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
