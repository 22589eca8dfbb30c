"""Feed catalogue: what moves within the library, out of the route's scope, and into it."""

from __future__ import annotations

from dataclasses import replace

from tests.planning.trees import file, folder
from tests.steps.feed.catalogue import AT_START, DEEP, FOUR, ONE, START, A, B, Case, check, gone, pages, table
from tests.steps.house import House

HIDDEN = {"filters": {"exclude": ["hidden"]}}
ONLY_A = {"source": {"hostname": "h", "site": "/s", "folder": "/A"}}
H = folder("h", "root", "hidden")
OTHERS = tuple(path for path in AT_START if not path.startswith("/A/"))


@table(
    Case(
        "a file moved", pages([replace(ONE, parent_id="d")]), ("done move moved /B/Deep/one.txt",),
        minus=("/A/one.txt",), plus={"/B/Deep/one.txt": b"1"},
    ),
    Case(
        "moved twice in one round", pages([replace(ONE, parent_id="b")], [replace(ONE, parent_id="d")]),
        ("done move moved /B/Deep/one.txt",), minus=("/A/one.txt",), plus={"/B/Deep/one.txt": b"1"},
    ),
    Case("moved there and back", pages([replace(ONE, parent_id="b")], [ONE]), ()),
    Case(
        "a folder moved: its children are not in the feed", pages([replace(DEEP, parent_id="a")]),
        ("done move moved /A/Deep",), minus=("/B/Deep", "/B/Deep/three.txt"),
        plus={"/A/Deep": None, "/A/Deep/three.txt": b"333"},
    ),
    Case(
        "a folder moved, then the one that it went into",
        pages([replace(DEEP, parent_id="a")], [replace(A, parent_id="b")]),
        ("done move moved /B/A", "done move moved /B/A/Deep"),
        minus=("/A", "/A/one.txt", "/A/two.txt", "/B/Deep", "/B/Deep/three.txt"),
        plus={"/B/A": None, "/B/A/one.txt": b"1", "/B/A/two.txt": b"22", "/B/A/Deep": None,
              "/B/A/Deep/three.txt": b"333"},
    ),
    Case(
        "parent and child change places",
        pages([replace(DEEP, parent_id="root"), replace(B, parent_id="d")]),
        ("done move moved /Deep", "done move moved /Deep/B"), minus=("/B", "/B/Deep", "/B/Deep/three.txt"),
        plus={"/Deep": None, "/Deep/B": None, "/Deep/three.txt": b"333"},
    ),
    Case(
        "a file moved out of a folder that is then deleted",
        pages([replace(ONE, parent_id="root")], [gone("a"), gone("2")]),
        ("done move moved /one.txt", "done remove deleted_at_source /A"),
        minus=("/A", "/A/one.txt", "/A/two.txt"), plus={"/one.txt": b"1"},
    ),
    Case(
        "moved into a folder that is new", pages([replace(ONE, parent_id="n")], [folder("n", "b", "New")]),
        ("done create_folder new /B/New", "done move moved /B/New/one.txt"),
        minus=("/A/one.txt",), plus={"/B/New": None, "/B/New/one.txt": b"1"},
    ),
    Case(
        "a file moved into an excluded folder", pages([H, replace(ONE, parent_id="h")]),
        ("done remove out_of_scope /hidden/one.txt", "skipped skip excluded /hidden"),
        minus=("/A/one.txt",), fields=HIDDEN,
    ),
    Case(
        "a file renamed to an excluded name", pages([replace(ONE, name="hidden")]),
        ("done remove out_of_scope /A/hidden",), minus=("/A/one.txt",), fields=HIDDEN,
    ),
    Case(
        "a file moved out of an excluded folder", pages([file("5", "a", "five.txt", "5")]),
        ("done upload new /A/five.txt",), plus={"/A/five.txt": b"5"}, fields=HIDDEN,
        start=(*START, H, file("5", "h", "five.txt", "5")),
    ),
    Case(
        "a folder moved into an excluded folder", pages([H, replace(A, parent_id="h")]),
        ("done remove out_of_scope /hidden/A", "skipped skip excluded /hidden"),
        minus=("/A", "/A/one.txt", "/A/two.txt"), fields=HIDDEN,
    ),
    Case(
        "a folder moved out of an excluded folder: its children are not in the feed", pages([folder("n", "b", "N")]),
        ("done create_folder new /B/N", "done upload new /B/N/five.txt"),
        plus={"/B/N": None, "/B/N/five.txt": b"5"}, fields=HIDDEN,
        start=(*START, H, folder("n", "h", "N"), file("5", "n", "five.txt", "5")),
    ),
    Case(
        "an excluded folder renamed to a wanted name", pages([replace(H, name="shown")]),
        ("done create_folder new /shown", "done upload new /shown/five.txt"),
        plus={"/shown": None, "/shown/five.txt": b"5"}, fields=HIDDEN,
        start=(*START, H, file("5", "h", "five.txt", "5")),
    ),
    Case(
        "a file moved out of the mirrored folder", pages([replace(ONE, parent_id="b")]),
        ("done remove out_of_scope /B/one.txt",), minus=tuple(AT_START), plus={"/two.txt": b"22"}, fields=ONLY_A,
    ),
    Case(
        "a file moved into the mirrored folder", pages([replace(FOUR, parent_id="a")]),
        ("done upload new /four.txt",), minus=tuple(AT_START),
        plus={"/one.txt": b"1", "/two.txt": b"22", "/four.txt": b"4444"}, fields=ONLY_A,
    ),
    Case(
        "a folder moved into the mirrored folder", pages([replace(B, parent_id="a")]),
        ("done create_folder new /B", "done create_folder new /B/Deep", "done upload new /B/Deep/three.txt"),
        minus=tuple(AT_START), fields=ONLY_A,
        plus={"/one.txt": b"1", "/two.txt": b"22", "/B": None, "/B/Deep": None, "/B/Deep/three.txt": b"333"},
    ),
    Case(
        "changes outside of the mirrored folder",
        pages([file("5", "b", "five.txt", "5"), replace(FOUR, name="vier.txt"), gone("3")]),
        (), minus=tuple(AT_START), plus={"/one.txt": b"1", "/two.txt": b"22"}, fields=ONLY_A,
    ),
    Case(
        "moved and edited, into a folder that was renamed",
        pages([file("2", "d", "two.txt", "2222"), replace(DEEP, name="D")]),
        ("done move moved /B/D/two.txt", "done move renamed /B/D", "done update content_changed /B/D/two.txt"),
        minus=("/A/two.txt", "/B/Deep", "/B/Deep/three.txt"),
        plus={"/B/D": None, "/B/D/three.txt": b"333", "/B/D/two.txt": b"2222"},
    ),
)  # fmt: skip
def test_moves(house: House, case: Case) -> None:
    check(house, case)
