"""The comparison finds every planted difference, and nothing where there is none."""

import os
import shutil
from pathlib import Path

import pytest

from demo.compare import Comparison, Fault, compare, first_difference

MIB = 1 << 20


@pytest.fixture
def library(tmp_path: Path) -> Path:
    root = tmp_path / "library"
    (root / "deep" / "deeper").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "a #1.txt").write_bytes(b"one")
    (root / "deep" / "deeper" / "zero").touch()
    (root / "deep" / "large.bin").write_bytes(bytes(MIB) + b"end")
    for path in root.rglob("*"):
        os.utime(path, (1_500_000_000, 1_500_000_000))
    return root


@pytest.fixture
def store(library: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(library, tmp_path / "store"))


def faults(comparison: Comparison) -> list[tuple[Fault, str]]:
    return [(difference.fault, difference.path) for difference in comparison.differences]


def test_equal_trees_are_equal_and_counted(library: Path, store: Path) -> None:
    comparison = compare(library, store)
    assert comparison.equal
    assert (comparison.files, comparison.folders, comparison.empty_folders) == (3, 3, 1)
    assert comparison.size == 3 + MIB + 3
    assert comparison.verdict.startswith("EQUAL: 3 files")


def test_one_changed_byte_behind_the_first_mebibyte(library: Path, store: Path) -> None:
    path = store / "deep" / "large.bin"
    path.write_bytes(bytes(MIB) + b"eNd")
    os.utime(path, (1_500_000_000, 1_500_000_000))
    comparison = compare(library, store)
    assert faults(comparison) == [(Fault.CONTENT, "deep/large.bin")]
    assert f"byte {MIB + 1}" in comparison.differences[0].detail
    assert not comparison.equal
    assert comparison.verdict.startswith("NOT EQUAL: 1 difference")


def test_another_size(library: Path, store: Path) -> None:
    (store / "deep" / "deeper" / "zero").write_bytes(b"x")
    os.utime(store / "deep" / "deeper" / "zero", (1_500_000_000, 1_500_000_000))
    assert faults(compare(library, store)) == [(Fault.CONTENT, "deep/deeper/zero")]


@pytest.mark.parametrize(
    ("apart", "found"), [(-3, True), (-2, False), (0, False), (1.9, False), (2, False), (2.5, True)]
)
def test_times_may_lie_two_seconds_apart(library: Path, store: Path, apart: float, found: bool) -> None:
    os.utime(store / "a #1.txt", (0, 1_500_000_000 + apart))
    assert faults(compare(library, store)) == [(Fault.TIME, "a #1.txt")] * found


def test_missing_and_extra_things(library: Path, store: Path) -> None:
    (store / "empty").rmdir()
    (store / "a #1.txt").unlink()
    (store / "deep" / "extra").mkdir()
    (store / "b.txt").touch()
    assert faults(compare(library, store)) == [
        (Fault.MISSING, "a #1.txt"),
        (Fault.EXTRA, "deep/extra"),
        (Fault.MISSING, "empty"),
        (Fault.EXTRA, "b.txt"),
    ]


def test_a_file_in_place_of_a_folder(library: Path, store: Path) -> None:
    (store / "empty").rmdir()
    (store / "empty").touch()
    assert faults(compare(library, store)) == [(Fault.KIND, "empty")]


def test_a_target_with_nothing_at_all(library: Path, tmp_path: Path) -> None:
    comparison = compare(library, tmp_path / "nowhere")
    assert faults(comparison) == [(Fault.MISSING, ".")]


def test_names_are_expected_as_they_are_mapped(library: Path, store: Path) -> None:
    (library / "what?.txt").write_bytes(b"q")
    os.utime(library / "what?.txt", (1_500_000_000, 1_500_000_000))
    assert faults(compare(library, store)) == [(Fault.MISSING, "what?.txt")]
    shutil.copy2(library / "what?.txt", store / "what\uff1f.txt")
    comparison = compare(library, store)
    assert comparison.equal
    assert comparison.renamed == 1


@pytest.mark.parametrize(("ours", "theirs", "equal"), [
    ("A #1.TXT", "A #1 (0a1b2c).TXT", True),
    ("DEEP", "DEEP (0a1b2c)", True),
    ("A #1.TXT", "A #1 (0a1b2z).TXT", False),
    ("A #1.TXT", "A #1 (0a1b2c).txt", False),
    ("?" * 100, "\uff1f" * 80 + "~0a1b2c", True),
    ("?" * 100, "\uff1e" * 80 + "~0a1b2c", False),
])  # fmt: skip
def test_marked_names_after_a_collision_or_a_cut(
    library: Path, store: Path, ours: str, theirs: str, equal: bool
) -> None:
    (library / ours).mkdir()
    (store / theirs).mkdir()
    assert compare(library, store).equal is equal


def test_what_the_route_does_not_want_may_be_missing_but_not_there(library: Path, store: Path) -> None:
    (library / "x.tmp").write_bytes(b"t")
    assert compare(library, store, wanted=lambda path: not path.endswith(".tmp")).equal
    shutil.copy2(library / "x.tmp", store / "x.tmp")
    comparison = compare(library, store, wanted=lambda path: not path.endswith(".tmp"))
    assert faults(comparison) == [(Fault.EXTRA, "x.tmp")]


def test_links_count_as_nothing(library: Path, store: Path) -> None:
    (library / "link").symlink_to(library / "empty")
    assert compare(library, store).equal


def test_the_offset_of_the_first_difference(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"abcdef")
    other.write_bytes(b"abcxef")
    assert first_difference(one, other) == 3
    other.write_bytes(b"abc")
    assert first_difference(one, other) == 3
    assert first_difference(one, one) is None
