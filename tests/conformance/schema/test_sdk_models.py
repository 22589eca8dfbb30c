"""The models of msgraph-sdk know everything that the simulated Graph says, and lose nothing of it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.schema.recording import write
from tests.conformance.schema.watch import Watch

TESTS = Path(__file__).parents[1]
DRIVER = TESTS / "clients" / "msgraph_models" / "drive.py"
PYTHON = TESTS.parents[1] / ".conformance" / "environments" / "msgraph-sdk" / "bin" / "python"

LEFT_OVER = {
    r"\.@odata\.context": "of a single entity; the models keep it for collections only",
    r"(\.value\[\d+\])?\.@microsoft\.graph\.downloadUrl": "an annotation that clients read from the additional data",
    r"(\.value\[\d+\])?\.restricted": "undocumented (Graph reference 5.1, GC#442)",
    r"(\.value\[\d+\])?\.@odata\.etag": "an annotation of lists and their rows",
    r"\.value\[\d+\]\.fields\.\w+": "columns: a free-form dictionary (Graph reference 7)",
    r"\.error\.inner_error\.code": "the deeper code that SharePoint gives (Graph reference 11)",
}
"""What the models do not know, by place, and why the simulator says it nevertheless."""

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not PYTHON.exists(), reason="msgraph-sdk is not installed; `make conformance` does that"),
]


def read(path: Path) -> list[dict[str, Any]]:
    run = subprocess.run([PYTHON, DRIVER, path], check=True, capture_output=True, text=True, timeout=240)
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_nothing_is_left_over_and_nothing_is_lost(tour: Watch, tmp_path: Path) -> None:
    count = write(tour, tmp_path / "answers.jsonl")
    *findings, end = read(tmp_path / "answers.jsonl")
    assert end["read"] == count > 30
    used = set()
    for finding in findings:
        known = [place for place in LEFT_OVER if re.fullmatch(place, finding["place"])]
        assert finding["problem"] == "unknown" and known, finding
        used.update(known)
    assert used == LEFT_OVER.keys(), "an exception that does not occur any more has to go"


def test_what_the_models_do_not_know_or_lose_is_found(tmp_path: Path) -> None:
    wrong = {"id": 7, "size": 3, "colour": "red", "file": {"name": "x"}, "createdDateTime": "2024-07-19T19:32:00Z"}
    line = {"label": "x", "type": "driveItem", "collection": False, "delta": False, "value": wrong}
    (tmp_path / "answers.jsonl").write_text(json.dumps(line))
    *findings, _ = read(tmp_path / "answers.jsonl")
    assert {(f["problem"], f["place"]) for f in findings} == {
        ("unknown", ".colour"), ("unknown", ".file.name"), ("lost", ".id")
    }  # fmt: skip
