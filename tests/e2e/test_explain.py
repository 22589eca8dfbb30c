"""``explain`` answers for items that are there, changed, excluded, refused or gone."""

from __future__ import annotations

import time

import pytest

from spfc.cli.explain import sections
from spfc.errors import PlaceNotFound
from spfc.planning.model import Action, Reason
from spfc.steps.enumerate import enumerate_source
from spfc.steps.explain import Explained, explain_path

pytestmark = pytest.mark.e2e


def words(found: Explained) -> dict[str, str]:
    return {title: " | ".join(sentences) for title, sentences in sections(found, time.time())}


@pytest.fixture
def filled(house):
    (house.library / "Plans").mkdir()
    (house.library / "Plans" / "Été 2025.txt").write_bytes(b"plan")
    (house.library / "draft.tmp").write_bytes(b"not wanted")
    house.run()
    return house


def test_a_synced_file_is_explained_from_both_sides(filled) -> None:
    found = explain_path(filled.context(), "/Plans/Été 2025.txt")
    assert found.source is not None and found.synced is not None
    assert found.owed is None and found.upcoming == ()
    assert found.synced_by == "run1" and found.target_path == "/Plans/Été 2025.txt"
    assert [stored.line.action for _, _, stored in found.history] == [Action.UPLOAD]
    said = words(found)
    assert "proven by hash" in said["at the target"]
    assert "nothing" in said["owed"]
    assert "Copy new file /Plans/Été 2025.txt" in said["what happened"]


def test_names_are_found_as_the_target_compares_them(filled) -> None:
    assert explain_path(filled.context(), "plans/e\u0301té 2025.TXT").synced is not None


def test_an_edit_that_is_owed_says_what_the_next_run_would_do(filled) -> None:
    (filled.library / "Plans" / "Été 2025.txt").write_bytes(b"another plan")
    run = filled.context()
    with run.task("enumerate"):
        enumerate_source(run)
    found = explain_path(filled.context(), "/Plans/Été 2025.txt")
    assert found.owed is not None
    assert [(line.action, line.reason) for line in found.upcoming] == [(Action.UPDATE, Reason.CONTENT_CHANGED)]


def test_a_renamed_folder_is_owed_as_one_move(filled) -> None:
    (filled.library / "Plans").rename(filled.library / "Old plans")
    run = filled.context()
    with run.task("enumerate"):
        enumerate_source(run)
    found = explain_path(filled.context(), "/Old plans")
    assert [(line.action, line.from_path, line.target_path) for line in found.upcoming] == [
        (Action.MOVE, "/Plans", "/Old plans")
    ]
    assert explain_path(filled.context(), "/Old plans/Été 2025.txt").upcoming == ()


def test_a_file_that_is_gone_is_still_explained(filled) -> None:
    (filled.library / "Plans" / "Été 2025.txt").unlink()
    filled.run()
    found = explain_path(filled.context(), "/Plans/Été 2025.txt")
    assert found.source is not None and found.source.deleted and found.synced is None
    actions = [stored.line.action for _, _, stored in found.history]
    assert actions == [Action.REMOVE, Action.UPLOAD]
    assert "quarantined as" in words(found)["what happened"]


def test_an_excluded_file_says_why(filled) -> None:
    found = explain_path(filled.context(), "/draft.tmp")
    assert found.synced is None and found.owed is None
    assert "excluded" in words(found)["the source says"]


def test_the_root_and_the_unknown(filled) -> None:
    assert explain_path(filled.context(), "/").target_path == "/"
    with pytest.raises(PlaceNotFound, match="never heard of"):
        explain_path(filled.context(), "/nobody.txt")
