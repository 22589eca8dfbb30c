"""Items of the simulated library that are no ordinary files: how they look, and how their content is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.simulators.sharepoint_reader import Json, Reader

from simulators.sharepoint import SharePointKnobs, SharePointSimulator
from simulators.sharepoint.knobs import KnobError

EVERYTHING = ""


@pytest.fixture
def read(tmp_path: Path) -> Iterator[Callable[..., tuple[Reader, dict[str, Json]]]]:
    library = tmp_path / "library"
    for name in ("Notes/part.one", "Link/x", "secret.docx", "fresh.docx", "A/B/deep.txt", "plain.txt"):
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_text(name)
    closers: list[Callable[[], object]] = []

    def start(**knobs: Any) -> tuple[Reader, dict[str, Json]]:
        sim = SharePointSimulator(library, state_dir=tmp_path / "state", knobs=SharePointKnobs(**knobs)).start()
        reader = Reader(sim, EVERYTHING)
        closers.extend([sim.stop, reader.close])
        return reader, {value["name"]: value for value in reader.follow().values()}

    yield start
    while closers:
        closers.pop()()


@pytest.mark.parametrize("status", [404, 503])
def test_a_notebook_has_neither_facet_and_its_parts_are_not_served(read: Any, status: int) -> None:
    reader, shown = read(packages=("Notes",), package_part_status=status)
    assert shown["Notes"]["package"] == {"type": "oneNote"}
    assert not {"file", "folder"} & shown["Notes"].keys()
    part = shown["part.one"]
    assert part["parentReference"]["id"] == shown["Notes"]["id"]
    answer = reader.get(f"{reader.drive}/items/{part['id']}/content")
    assert (answer.status_code, answer.content) == (status, b"")
    assert reader.get(f"{reader.drive}/items/{shown['plain.txt']['id']}/content").status_code == 302


def test_a_shortcut_points_to_another_drive(read: Any) -> None:
    reader, shown = read(shortcuts=("Link", "plain.txt"))
    for name, facet in (("Link", "folder"), ("plain.txt", "file")):
        remote = shown[name]["remoteItem"]
        assert facet in remote
        assert remote["parentReference"]["driveId"] != reader.sim.drive_id


@pytest.mark.parametrize(("status", "code"), [(403, "accessDenied"), (404, "itemNotFound")])
def test_a_restricted_file_is_listed_but_not_served(read: Any, status: int, code: str) -> None:
    reader, shown = read(restricted=("secret.docx",), restricted_status=status)
    assert "restricted" in shown["secret.docx"]
    assert "@microsoft.graph.downloadUrl" not in shown["secret.docx"]
    assert "@microsoft.graph.downloadUrl" in shown["plain.txt"]
    address = f"{reader.drive}/items/{shown['secret.docx']['id']}"
    assert "restricted" not in reader.get(f"{address}?$select=id,name").json(), "only what is selected is shown"
    answer = reader.get(f"{address}/content")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_unsettled_content_says_so(read: Any) -> None:
    _, shown = read(pending=("fresh.docx",))
    assert "pendingContentUpdate" in shown["fresh.docx"]["pendingOperations"]
    assert "pendingOperations" not in shown["plain.txt"]


def test_what_the_feed_leaves_out_is_there_by_id(read: Any) -> None:
    reader, shown = read(unlisted=("A", "A/B"))
    assert not {"A", "B"} & shown.keys()
    missing = shown["deep.txt"]["parentReference"]["id"]
    found = reader.get(f"{reader.drive}/items/{missing}").json()
    assert (found["name"], "folder" in found) == ("B", True)


def test_a_library_that_is_renamed_keeps_its_id_and_address(read: Any) -> None:
    reader, _ = read()
    before = reader.get(f"{reader.drive}").json()
    reader.sim.rename_library("Papers")
    after = reader.get(f"{reader.drive}").json()
    assert (after["name"], before["name"]) == ("Papers", "Documents")
    assert (after["id"], after["webUrl"]) == (before["id"], before["webUrl"])


@pytest.mark.parametrize("knob", [{"restricted_status": 200}, {"package_part_status": 403}])
def test_knobs_take_what_was_seen_only(knob: dict[str, int]) -> None:
    with pytest.raises(KnobError):
        SharePointKnobs(**knob)  # type: ignore[arg-type]
