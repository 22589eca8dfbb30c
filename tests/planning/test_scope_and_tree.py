"""Which items a route wants, and where they belong: globs, parents, cycles, depth."""

from __future__ import annotations

import warnings

import pytest
from tests.planning.trees import ROOT, by_id, file, folder, synced

from spfc.planning.difference import owed, same_content, same_place
from spfc.planning.model import Flag, Kind, SourceItem
from spfc.planning.scope import PathGlobs
from spfc.planning.tree import Place, SourceTree, Standing


@pytest.mark.parametrize(
    ("glob", "path", "matched"),
    [
        ("*.tmp", "/a/b/x.TMP", True),
        ("*.tmp", "/x.tmp/y", False),
        ("~$*", "/docs/~$report.docx", True),
        ("docs/*.txt", "/docs/a.txt", True),
        ("docs/*.txt", "/docs/b/a.txt", False),
        ("docs/**", "/docs/b/a.txt", True),
        ("**/b/*.txt", "/docs/b/a.txt", True),
        ("**/b/*.txt", "/b/a.txt", True),
        ("/docs", "/docs", True),
        ("/docs", "/a/docs", False),
        ("docs/", "/docs", True),
        ("docs/", "/a/docs", False),
        ("docs", "/a/docs", True),
        ("file?.txt", "/file1.txt", True),
        ("file?.txt", "/file10.txt", False),
        ("a?b", "/a/b", False),
        ("[a-c]x", "/bx", True),
        ("[!a-c]x", "/bx", False),
        ("[!a-c]x", "/dx", True),
        ("a[!b]/c", "/a//c", False),
        ("[z-a]", "/[z-a]", True),
        ("[", "/[", True),
        ("[[]x", "/[x", True),
        ("[&&~~||^]", "/&", True),
        ("a.b", "/axb", False),
        ("É*", "/e\u0301t\u00e9", True),
        ("**", "/a/b", True),
        ("/", "/a", True),
    ],
)
def test_globs(glob: str, path: str, matched: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert PathGlobs([glob]).matches(path) is matched


def test_a_matched_folder_covers_everything_below() -> None:
    globs = PathGlobs(["docs", " ", ""])
    assert globs.covers("/a/DOCS/b/c.txt")
    assert not globs.covers("/a/docs2/c.txt")
    assert PathGlobs(["/"]).covers("/a/b"), "'/' means everything, not nothing"


def test_no_globs_are_falsy() -> None:
    assert not PathGlobs(["", "  "])
    assert PathGlobs(["a"])


def tree(*folders: SourceItem, base: str = "root", exclude: tuple[str, ...] = ()) -> SourceTree:
    return SourceTree(by_id(folders), base, PathGlobs(exclude).matches)


def test_standings() -> None:
    known = tree(
        ROOT,
        folder("a", "root", "A"),
        folder("x", "root", "gone", deleted=True),
        folder("n", "a", "Notebook"),
        SourceItem("p", "root", "Book", Kind.PACKAGE),
        folder("t", "root", "tmp"),
        exclude=("tmp", "*.bak"),
    )
    expected = {
        file("1", "a", "f.txt"): Place(Standing.WANTED, "/A/f.txt"),
        file("2", "a", "f.bak"): Place(Standing.EXCLUDED, "/A/f.bak"),
        file("3", "t", "f.txt"): Place(Standing.EXCLUDED, "/tmp/f.txt"),
        file("4", "x", "f.txt"): Place(Standing.DELETED, "/gone/f.txt"),
        file("5", "p", "page"): Place(Standing.OPAQUE, "/Book/page"),
        SourceItem("6", "a", "link", Kind.LINK): Place(Standing.OPAQUE, "/A/link"),
        file("7", "nowhere", "f"): Place(Standing.UNKNOWN, "/?/f"),
        file("8", "a", "f", deleted=True): Place(Standing.DELETED, "/A/f"),
        ROOT: Place(Standing.WANTED, ""),
    }
    assert {item: known.place(item) for item in expected} == expected


def test_what_lies_beside_the_base_is_outside() -> None:
    known = tree(ROOT, folder("a", "root", "A"), folder("b", "root", "B"), base="a")
    assert known.place(file("1", "b", "f")).standing is Standing.OUTSIDE
    assert known.place(ROOT).standing is Standing.OUTSIDE
    assert known.place(file("2", "a", "f")) == Place(Standing.WANTED, "/f")


def test_a_folder_without_parent_is_unknown_not_outside() -> None:
    """Outside would mean that what we hold of it is to be removed."""
    known = tree(ROOT, folder("lost", None, "lost"))
    assert known.place(folder("lost", None, "lost")).standing is Standing.UNKNOWN
    assert known.place(file("1", "lost", "f")).standing is Standing.UNKNOWN


def test_cycles_end_and_are_unknown() -> None:
    known = tree(ROOT, folder("a", "b", "A"), folder("b", "c", "B"), folder("c", "a", "C"), folder("s", "s", "S"))
    for item in ("a", "b", "c", "s"):
        assert known.place(file("f", item, "f")).standing is Standing.UNKNOWN


def test_a_tree_may_be_deeper_than_the_stack() -> None:
    chain = [ROOT, *(folder(f"d{n}", f"d{n - 1}" if n else "root", "d") for n in range(5000))]
    place = tree(*chain).place(file("f", "d4999", "f"))
    assert place.standing is Standing.WANTED
    assert place.path.count("/") == 5001


def test_same_place_and_same_content() -> None:
    item = file("1", "a", "f", "abc")
    copy = synced(item)
    assert same_place(item, copy)
    assert not same_place(file("1", "b", "f"), copy)
    assert not same_place(file("1", "a", "g"), copy)
    assert same_content(item, copy)
    assert not same_content(file("1", "a", "f", "abd"), copy)
    untagged = {"hash": None, "content_version": None}
    assert same_content(file("1", "a", "f", "abc", hash=None), copy), "the content tag decides where hashes miss"
    assert same_content(file("1", "a", "f", "xyz", **untagged), copy), "else size and time"
    assert not same_content(file("1", "a", "f", "xyz", modified=1, **untagged), copy)


def test_the_base_folder_has_no_place_to_leave() -> None:
    """A route that mirrors one folder of a library must still fall quiet."""
    base = folder("a", "root", "Legal")
    assert not owed(base, synced(base, parent_id=None, target_name=""))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (file("1", "a", "f", "1"), False),
        (file("1", "a", "f", "2"), True),
        (file("1", "a", "f", "1", version="retagged"), True),
        (file("1", "a", "F", "1"), True),
        (file("1", "b", "f", "1"), True),
        (file("1", "a", "f", "1", deleted=True), True),
        (file("1", "a", "f", "1", flags=frozenset({Flag.MALWARE})), False),
    ],
)
def test_owed(source: SourceItem, expected: bool) -> None:
    assert owed(source, synced(file("1", "a", "f", "1"))) is expected
    assert owed(source, None) is not source.deleted
