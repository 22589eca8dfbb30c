"""An audit over HTTP: edits and deletions made at FileCloud itself, under each generation of the server."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.conftest import House

from simulators.filecloud import FileCloudKnobs, FileCloudSimulator
from simulators.sharepoint.server import SharePointSimulator
from spfc.ledger.database import Database
from spfc.reporting.model import Verdict

pytestmark = pytest.mark.e2e


@pytest.fixture(params=["current", "2024"])
def edited(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A library that is in sync, then changed by people at FileCloud. The older server has no etags."""
    library, store = tmp_path / "library", tmp_path / "store"
    (library / "A" / "B").mkdir(parents=True)
    store.mkdir()
    for name in ("A/one.txt", "A/B/two.txt", "three.txt"):
        (library / name).write_text(f"body of {name}")
        os.utime(library / name, (1_700_000_000, 1_700_000_000))
    knobs = FileCloudKnobs.profile(request.param)
    with (
        SharePointSimulator(library, state_dir=tmp_path / "sp") as sharepoint,
        FileCloudSimulator(store, state_dir=tmp_path / "fc", knobs=knobs) as filecloud,
    ):
        database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
        house = House(tmp_path, sharepoint, filecloud, database)
        assert house.run().verdict is Verdict.GREEN
        yield house
        database.close()


def files(house: House) -> dict[str, str]:
    return {str(path.relative_to(house.mirror)): path.read_text() for path in house.mirror.rglob("*") if path.is_file()}


def test_drift_is_found_and_repaired(edited: House) -> None:
    (edited.mirror / "A/B/two.txt").unlink()
    (edited.mirror / "A/one.txt").write_text("what people made of it")
    os.utime(edited.mirror / "A/one.txt", (1_700_000_100, 1_700_000_100))
    (edited.mirror / "A/theirs.txt").write_text("theirs")
    assert edited.run().summary["calls"] == 0, "an ordinary run does not look"
    closed = edited.run(mode="audit")
    assert closed.verdict is Verdict.GREEN
    assert edited.manifest["audit"]["missing"] == 1
    assert edited.manifest["audit"]["changed"] == 1
    assert edited.manifest["audit"]["unknown"] == 1
    assert json.loads(closed.files.json.read_text("utf-8"))["audit"] == edited.manifest["audit"]
    assert files(edited) == {
        "A/one.txt": "body of A/one.txt",
        "A/one (2023-11-14 22.15.00 FileCloud).txt": "what people made of it",
        "A/theirs.txt": "theirs",
        "A/B/two.txt": "body of A/B/two.txt",
        "three.txt": "body of three.txt",
    }
    again = edited.run(mode="audit")
    assert edited.manifest["audit"]["changed"] == edited.manifest["audit"]["missing"] == 0
    # one listing per folder, login and logout
    assert again.summary["calls"] == 3 + 2


def test_an_update_sets_their_edit_aside(edited: House) -> None:
    (edited.mirror / "A/one.txt").write_text("what people made of it")
    os.utime(edited.mirror / "A/one.txt", (1_700_000_100, 1_700_000_100))
    (edited.library / "A/one.txt").write_text("a new version")
    edited.run()
    assert files(edited)["A/one.txt"] == "a new version"
    assert files(edited)["A/one (2023-11-14 22.15.00 FileCloud).txt"] == "what people made of it"
    assert edited.run().verdict is Verdict.GREEN
