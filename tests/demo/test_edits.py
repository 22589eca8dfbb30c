"""The office: every deed does what its name says, and keeps identities as people's programs do."""

import shutil
from pathlib import Path

import pytest

from demo.edits import Change, Deed, Office
from demo.sample_library import build

SEED = 3
Tree = dict[str, tuple[int, int, int]]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template") / "library"
    build(root, seed=SEED, documents=150, big_bytes=1000, kinds=(".txt",))
    return root


@pytest.fixture
def library(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "library"))


@pytest.fixture
def office(library: Path, tmp_path: Path) -> Office:
    print(f"seed {SEED}")
    return Office(library, tmp_path / "trash", SEED)


def tree(library: Path) -> Tree:
    """Path -> inode, size, time in ns."""
    found = {}
    for path in library.rglob("*"):
        status = path.stat()
        found[str(path.relative_to(library))] = (
            status.st_ino,
            0 if path.is_dir() else status.st_size,
            status.st_mtime_ns,
        )
    return found


def test_edit_changes_the_content_in_place(library: Path, office: Office) -> None:
    before = tree(library)
    change = office.edit()
    after = tree(library)
    assert change.before == change.after
    assert after[change.after][0] == before[change.after][0]
    assert after[change.after][1] > before[change.after][1]
    assert after[change.after][2] > before[change.after][2]
    assert set(before) == set(after)


def test_edit_by_replacing_leaves_another_inode_at_the_same_place(library: Path, office: Office) -> None:
    before = tree(library)
    change = office.edit_by_replacing()
    after = tree(library)
    assert after[change.after][0] != before[change.after][0]
    assert set(before) == set(after)


@pytest.mark.parametrize("deed", ["rename_file", "rename_folder", "rename_case", "move_file", "move_folder"])
def test_renames_and_moves_keep_identity_content_and_time(library: Path, office: Office, deed: str) -> None:
    before = tree(library)
    change: Change = getattr(office, deed)()
    after = tree(library)
    assert change.before in before and change.before not in after
    assert after[change.after][0] == before[change.before][0]
    assert sorted(values for values in after.values() if values[1]) == sorted(v for v in before.values() if v[1])
    assert len(before) == len(after)
    same_folder = Path(change.before).parent == Path(change.after).parent
    assert same_folder == deed.startswith("rename")


def test_a_case_only_rename_changes_nothing_but_the_case(office: Office) -> None:
    change = office.rename_case()
    assert change.before != change.after
    assert change.before.casefold() == change.after.casefold()


def test_a_swap_exchanges_two_files(library: Path, office: Office) -> None:
    before = tree(library)
    change = office.swap()
    after = tree(library)
    assert after[change.before] == before[change.after]
    assert after[change.after] == before[change.before]
    assert set(before) == set(after)


def test_deleted_things_leave_the_library_and_come_back_the_same(library: Path, office: Office) -> None:
    before = tree(library)
    changes = [office.delete_folder(), office.delete_file(), office.delete_file()]
    without = tree(library)
    for change in changes:
        assert change.before not in without
        assert not any(path.startswith(change.before + "/") for path in without)
    restored = office.restore(files=1)
    assert [change.deed for change in restored] == [Deed.RESTORE_FOLDER, Deed.RESTORE_FILE]
    after = tree(library)
    back = {path for path in before if path not in without} & set(after)
    assert back
    for path in back:
        assert after[path][0] == before[path][0]
    assert set(before) - set(after) == {changes[2].before}


def test_the_first_round_does_every_deed_but_restores(library: Path, office: Office) -> None:
    changes = office.first_round()
    assert {change.deed for change in changes} == set(Deed) - {Deed.RESTORE_FILE, Deed.RESTORE_FOLDER}
    paths = [p for change in changes for p in {change.before, change.after} if p]
    for one in paths:
        assert not any(other != one and other.startswith(one + "/") for other in paths), "two deeds met"
    assert len(paths) == len(set(paths))
    for change in changes:
        if change.after:
            assert (library / change.after).exists(), change
    assert {c.deed for c in office.second_round()} == {Deed.RESTORE_FOLDER, Deed.RESTORE_FILE, Deed.EDIT}


def test_equal_seeds_do_equal_deeds(library: Path, template: Path, tmp_path: Path) -> None:
    one = Office(library, tmp_path / "trash", SEED).first_round()
    again = Path(shutil.copytree(template, tmp_path / "again" / "library"))
    assert Office(again, tmp_path / "again" / "trash", SEED).first_round() == one


def test_a_library_with_nothing_to_change_says_so(tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    with pytest.raises(LookupError, match="no suitable"):
        Office(tmp_path / "library", tmp_path / "trash").edit()
