"""The demo writes into its own folder and removes nothing else."""

from pathlib import Path

import pytest

from demo.problems import UsageProblem
from demo.scenes import SCENES
from demo.workplace import MARKER, check_room, choose, occupy


def test_a_library_of_the_users_own_lies_outside_everything_the_demo_writes(tmp_path: Path) -> None:
    library = tmp_path / "mine"
    library.mkdir()
    place = choose(tmp_path / "demo", library)
    assert place.own
    assert place.library == library
    for ours in (
        place.home,
        place.store,
        place.simulators,
        place.trash,
        place.airflow,
        place.routes,
        place.journal,
    ):
        assert library not in ours.parents
    assert not (tmp_path / "demo").exists(), "choosing writes nothing"
    assert place.home != choose(tmp_path / "demo", None).home


@pytest.mark.parametrize("library", ["nowhere", "file", ".", "demo", "demo/inside"])
def test_impossible_libraries_are_refused(tmp_path: Path, library: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "demo" / "inside").mkdir(parents=True)
    with pytest.raises(UsageProblem):
        choose(tmp_path / "demo", tmp_path / library)


def test_an_earlier_demo_is_cleared_away_unless_it_is_kept(tmp_path: Path) -> None:
    place = choose(tmp_path / "demo", None)
    occupy(place, keep=False).close()
    (place.home / "old").touch()
    occupy(place, keep=True).close()
    assert (place.home / "old").exists()
    occupy(place, keep=False).close()
    assert not (place.home / "old").exists()


def test_things_that_no_demo_made_are_never_cleared_away(tmp_path: Path) -> None:
    precious = tmp_path / "sample" / "precious.txt"
    precious.parent.mkdir()
    precious.touch()
    with pytest.raises(UsageProblem, match="no demo made"):
        occupy(choose(tmp_path, None), keep=False)
    assert precious.exists()
    assert not (tmp_path / MARKER).exists()


def test_a_second_demo_in_the_same_place_is_refused_and_harmless(tmp_path: Path) -> None:
    place = choose(tmp_path / "demo", None)
    with occupy(place, keep=False):
        (place.home / "running").touch()
        with pytest.raises(UsageProblem, match="Another demo"):
            occupy(place, keep=False)
        assert (place.home / "running").exists()


def test_a_disk_too_small_is_noticed_before_the_copy(tmp_path: Path) -> None:
    place = choose(tmp_path / "demo", None)
    occupy(place, keep=False).close()
    check_room(place, 0)
    with pytest.raises(UsageProblem, match="GB left"):
        check_room(place, 1 << 60)


def test_every_scene_has_a_place_of_its_own(tmp_path: Path) -> None:
    places = [choose(tmp_path / "demo", None, scene) for scene in SCENES]
    assert len({place.home for place in places}) == len(SCENES)
    cloud = choose(tmp_path / "demo", None, "filecloud-local")
    assert cloud.library.parent == cloud.store
    assert cloud.published != cloud.library


def test_a_library_of_the_users_own_is_for_sharepoint(tmp_path: Path) -> None:
    library = tmp_path / "mine"
    library.mkdir()
    assert choose(tmp_path / "demo", library, "local").home != choose(tmp_path / "demo", library).home
    with pytest.raises(UsageProblem, match="own data"):
        choose(tmp_path / "demo", library, "filecloud-local")
