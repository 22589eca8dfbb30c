"""The schema for editors: it is the model's, and it accepts and refuses what spfc accepts and refuses."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from spfc.errors import RouteInvalid
from spfc.route_file import parse_routes
from spfc.routes_schema import main, routes_schema, schema_text

INCLUDE = Path(__file__).parents[1] / "include"
GOOD: dict[str, Any] = {
    "routes": {
        "legal": {
            "source": {"hostname": "contoso.sharepoint.com", "site": "/sites/legal"},
            "target": {"folder": "/team/legal"},
            "limits": {"workers": 4},
            "policies": {"removals": "keep", "removal_guard": {"max_share": 0.5}},
        }
    }
}


def with_change(path: str, value: Any) -> dict[str, Any]:
    """Return a good route file with one key set to ``value``; ``path`` is dotted, from the route on."""
    document = copy.deepcopy(GOOD)
    *above, last = path.split(".")
    at = document["routes"]["legal"]
    for key in above:
        at = at.setdefault(key, {})
    at[last] = value
    return document


def test_the_file_is_what_the_model_generates() -> None:
    text = (INCLUDE / "routes.schema.json").read_text(encoding="utf-8")
    assert text == schema_text(), "run: make schema"


def test_the_schema_is_a_schema_and_takes_the_example() -> None:
    jsonschema.Draft7Validator.check_schema(routes_schema())
    for document in (GOOD, yaml.safe_load((INCLUDE / "routes.yaml").read_text(encoding="utf-8"))):
        jsonschema.validate(document, routes_schema())
        parse_routes(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "legal"),
        ("limits.worker", 4),
        ("limits.workers", 0),
        ("limits.workers", 65),
        ("limits.page_size", 1001),
        ("policies.removals", "purge"),
        ("policies.removal_guard.max_share", 1.5),
        ("source.site", "sites/legal"),
        ("target", {}),
        ("filters.include", ["*.docx"]),
    ],
)
def test_what_spfc_refuses_the_editor_underlines(path: str, value: Any) -> None:
    document = with_change(path, value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, routes_schema())
    if path != "name":  # the name is the key of the entry; spfc overwrites a second one
        with pytest.raises(RouteInvalid):
            parse_routes(document)


@pytest.mark.parametrize("name", ["Legal", "9lives", "a b", "", "x" * 64])
def test_names_of_routes_are_checked_too(name: str) -> None:
    document = {"routes": {name: GOOD["routes"]["legal"]}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, routes_schema())
    with pytest.raises(RouteInvalid):
        parse_routes(document)


def test_it_is_written_where_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "s.json")]) == 0
    assert (tmp_path / "s.json").read_text(encoding="utf-8") == schema_text()
    assert main([]) == 0
    assert capsys.readouterr().out == schema_text()
    assert main(["--help"]) == 2
