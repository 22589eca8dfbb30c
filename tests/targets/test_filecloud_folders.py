from __future__ import annotations

from pathlib import Path

import pytest
from tests.targets.contract import put
from tests.targets.world import world

from simulators.filecloud import FileCloudKnobs
from spfc.errors import (
    PlaceNotFound,
)
from spfc.targets.base import Made
from spfc.targets.filecloud import FileCloudTarget


def test_missing_levels_of_the_root_are_made(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        target = FileCloudTarget(made.client(), "/spfc/a/b/c/")
        assert target.list_folder("/") is None
        assert target.make_folder("/") is Made.CREATED
        assert target.list_folder("/") == []
        before = target.calls
        assert target.ensure_root() is Made.EXISTED
        assert target.calls == before + 1


def test_the_account_folder_itself_is_not_made(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        for root in ("/nobody/a", "/SHARED/nobody/a", "/nobody"):
            with pytest.raises(PlaceNotFound, match="nobody"):
                FileCloudTarget(made.client(), root).ensure_root()
        assert "createfolder" not in made.operations()
        FileCloudTarget(made.client(), "/spfc").ensure_root()
        with pytest.raises(ValueError, match="root"):
            FileCloudTarget(made.client(), "/")


def test_a_team_folder_may_hold_the_root(tmp_path: Path) -> None:
    with world(tmp_path, FileCloudKnobs(team_folders=("team",))) as made:
        (made.simulator.store / "team").mkdir()
        target = FileCloudTarget(made.client(), "/SHARED/team/a")
        target.ensure_root()
        put(target, "/x.txt", b"1")
        assert target.stat("/x.txt") is not None


def test_a_file_cannot_be_the_root(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        (made.simulator.store / "f").write_bytes(b"1")
        with pytest.raises(PlaceNotFound):
            FileCloudTarget(made.client(), "/spfc/f").ensure_root()
