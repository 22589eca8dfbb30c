"""The JSON schema of ``routes.yaml`` for editors, generated from the model: ``python -m spfc.routes_schema [FILE]``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spfc.routes import ROUTE_NAME, Route

DIALECT = "http://json-schema.org/draft-07/schema#"
"""The dialect that editors for YAML understand best; the model needs nothing newer."""


def routes_schema() -> dict[str, Any]:
    """Return the schema of a whole route file.

    An editor checks with it what spfc checks of single keys. What concerns several keys at once (overlapping targets,
    a quarantine inside the target) only spfc itself checks.
    """
    route = Route.model_json_schema()
    definitions = route.pop("$defs")
    # The name of a route is its key in the file, not a field of the entry.
    del route["properties"]["name"]
    route["required"].remove("name")
    return {
        "$schema": DIALECT,
        "title": "Routes of spfc",
        "description": "One entry per route; each becomes an Airflow DAG named spfc_<route>.",
        "type": "object",
        "additionalProperties": False,
        "required": ["routes"],
        "properties": {
            "routes": {
                "type": "object",
                "propertyNames": {"pattern": f"^{ROUTE_NAME.pattern}$"},
                "additionalProperties": {"$ref": "#/$defs/Route"},
            }
        },
        "$defs": {"Route": route, **definitions},
    }


def schema_text() -> str:
    """Return the schema as the text of ``include/routes.schema.json``."""
    return json.dumps(routes_schema(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the schema to the file that is named, else to standard output; return the exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if len(given) > 1 or any(argument.startswith("-") for argument in given):
        sys.stderr.write("usage: python -m spfc.routes_schema [FILE]\n")
        return 2
    if given:
        Path(given[0]).write_text(schema_text(), encoding="utf-8")
    else:
        sys.stdout.write(schema_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
