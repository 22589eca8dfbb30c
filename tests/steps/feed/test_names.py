"""Feed catalogue: names that are renamed, swapped, taken over, or differ by a hair."""

from __future__ import annotations

from dataclasses import replace

from tests.planning.trees import file, folder
from tests.steps.feed.catalogue import AT_START, FOUR, ONE, START, TWO, A, B, Case, check, gone, pages, table
from tests.steps.house import House

BELOW_A = tuple(path for path in AT_START if path == "/A" or path.startswith("/A/"))


def moved_to(top: str) -> dict[str, bytes | None]:
    return {path.replace("/A", top, 1): AT_START[path] for path in BELOW_A}


@table(
    Case(
        "a file renamed", pages([replace(ONE, name="uno.txt")]), ("done move renamed /A/uno.txt",),
        minus=("/A/one.txt",), plus={"/A/uno.txt": b"1"},
    ),
    Case(
        "a file renamed twice in one round", pages([replace(ONE, name="x.txt")], [replace(ONE, name="uno.txt")]),
        ("done move renamed /A/uno.txt",), minus=("/A/one.txt",), plus={"/A/uno.txt": b"1"},
    ),
    Case(
        "a file renamed and edited", pages([file("1", "a", "uno.txt", "11")]),
        ("done move renamed /A/uno.txt", "done update content_changed /A/uno.txt"),
        minus=("/A/one.txt",), plus={"/A/uno.txt": b"11"},
    ),
    Case(
        "a file whose name changes in case only", pages([replace(ONE, name="ONE.txt")]),
        ("done move renamed /A/ONE.txt",), minus=("/A/one.txt",), plus={"/A/ONE.txt": b"1"},
    ),
    Case(
        "a folder renamed: its children are not in the feed", pages([replace(A, name="Z")]),
        ("done move renamed /Z",), minus=BELOW_A, plus=moved_to("/Z"),
    ),
    Case(
        "a folder whose name changes in case only", pages([replace(A, name="a")]),
        ("done move renamed /a",), minus=BELOW_A, plus=moved_to("/a"),
    ),
    Case(
        "two files that swap their names", pages([replace(ONE, name="two.txt")], [replace(TWO, name="one.txt")]),
        ("done move make_room /A/two.txt", "done move renamed /A/one.txt", "done move renamed /A/two.txt"),
        plus={"/A/one.txt": b"22", "/A/two.txt": b"1"},
    ),
    Case(
        "two files that swap their names by case only",
        pages([replace(ONE, name="TWO.txt"), replace(TWO, name="ONE.txt")]),
        ("done move make_room /A/two.txt", "done move renamed /A/ONE.txt", "done move renamed /A/TWO.txt"),
        minus=("/A/one.txt", "/A/two.txt"), plus={"/A/ONE.txt": b"22", "/A/TWO.txt": b"1"},
    ),
    Case(
        "two folders that swap their names", pages([replace(A, name="B"), replace(B, name="A")]),
        ("done move make_room /B", "done move renamed /A", "done move renamed /B"),
        minus=(*BELOW_A, "/B", "/B/Deep", "/B/Deep/three.txt"),
        plus={"/A": None, "/A/Deep": None, "/A/Deep/three.txt": b"333",
              "/B": None, "/B/one.txt": b"1", "/B/two.txt": b"22"},
    ),
    Case(
        "three names in a ring",
        pages([replace(ONE, name="two.txt"), replace(TWO, name="x.txt"), file("5", "a", "one.txt", "5")]),
        ("done move renamed /A/two.txt", "done move renamed /A/x.txt", "done upload new /A/one.txt"),
        plus={"/A/one.txt": b"5", "/A/two.txt": b"1", "/A/x.txt": b"22"},
    ),
    Case(
        "deleted and made anew under the same name", pages([gone("1")], [file("5", "a", "one.txt", "5")]),
        ("done move make_room /A/one.txt", "done remove deleted_at_source /A/one.txt", "done upload new /A/one.txt"),
        plus={"/A/one.txt": b"5"},
    ),
    Case(
        "made anew under the same name, the deletion only a round later",
        (([file("5", "a", "one.txt", "5")], []), ([gone("1")],)),
        ("done move make_room /A/one.txt", "done remove deleted_at_source /A/one.txt", "done upload new /A/one.txt"),
        plus={"/A/one.txt": b"5"},
    ),
    Case(
        "a folder deleted and made anew under the same name",
        pages([gone("a"), gone("1")], [folder("a2", "root", "A"), file("5", "a2", "one.txt", "5")]),
        ("done create_folder new /A", "done move make_room /A", "done remove deleted_at_source /A",
         "done upload new /A/one.txt"),
        minus=("/A/two.txt",), plus={"/A/one.txt": b"5"},
    ),
    Case(
        "a file replaced by a folder of its name",
        pages([gone("4")], [folder("f4", "root", "four.txt"), file("5", "f4", "in it", "5")]),
        ("done create_folder new /four.txt", "done move make_room /four.txt",
         "done remove deleted_at_source /four.txt", "done upload new /four.txt/in it"),
        plus={"/four.txt": None, "/four.txt/in it": b"5"},
    ),
    Case(
        "names that only # or % distinguish",
        pages([file("5", "a", "a#1.txt", "5"), file("6", "a", "a%231.txt", "66"), file("7", "a", "a%25231.txt", "777"),
               folder("h", "root", "100%"), folder("i", "root", "100%25"), file("8", "h", "#", "8"),
               file("9", "i", "#", "99")]),
        ("done create_folder new /100%", "done create_folder new /100%25", "done upload new /100%/#",
         "done upload new /100%25/#", "done upload new /A/a#1.txt", "done upload new /A/a%231.txt",
         "done upload new /A/a%25231.txt"),
        plus={"/A/a#1.txt": b"5", "/A/a%231.txt": b"66", "/A/a%25231.txt": b"777", "/100%": None, "/100%25": None,
              "/100%/#": b"8", "/100%25/#": b"99"},
    ),
    Case(
        "renamed from one such name to the next", pages([replace(ONE, name="a%231.txt")]),
        ("done move renamed /A/a%231.txt",), start=(*START[:-4], replace(ONE, name="a#1.txt"), *START[-3:]),
        minus=("/A/one.txt",), plus={"/A/a%231.txt": b"1"},
    ),
    Case(
        "a name that is free because its owner moved away in the same round",
        pages([replace(FOUR, parent_id="a", name="one.txt")], [replace(ONE, name="uno.txt")]),
        ("done move moved /A/one.txt", "done move renamed /A/uno.txt"),
        minus=("/four.txt",), plus={"/A/one.txt": b"4444", "/A/uno.txt": b"1"},
    ),
)  # fmt: skip
def test_names(house: House, case: Case) -> None:
    check(house, case)
