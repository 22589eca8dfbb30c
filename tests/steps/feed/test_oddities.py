"""Feed catalogue: notebooks, shortcuts, and files that the source itself will not hand out."""

from __future__ import annotations

from dataclasses import replace

from tests.planning.trees import file, folder
from tests.steps.feed.catalogue import FOUR, ONE, START, Case, check, gone, package, pages, shortcut, table
from tests.steps.house import House

from spfc.planning.model import Flag

NOTES = package("p", "a", "Notes")
PART = file("5", "p", "Section.one", "5")


def flagged(flag: Flag) -> frozenset[Flag]:
    return frozenset({flag})


@table(
    Case("a notebook", pages([NOTES]), ("skipped skip not_a_file /A/Notes",)),
    Case(
        "a notebook with its parts", pages([PART, NOTES]),
        ("skipped skip not_a_file /A/Notes", "skipped skip not_a_file /A/Notes/Section.one"),
    ),
    Case(
        "a part of a notebook is edited", pages([replace(PART, hash="55", size=2, version="55")]),
        ("skipped skip not_a_file /A/Notes/Section.one",), start=(*START, NOTES, PART),
    ),
    Case("a notebook deleted", pages([gone("p"), gone("5")]), (), start=(*START, NOTES, PART)),
    Case(
        "a file moved into a notebook", pages([NOTES, replace(ONE, parent_id="p")]),
        ("done remove out_of_scope /A/Notes/one.txt", "skipped skip not_a_file /A/Notes"), minus=("/A/one.txt",),
    ),
    Case(
        "a part of a notebook moved out of it", pages([replace(PART, parent_id="a")]),
        ("done upload new /A/Section.one",), plus={"/A/Section.one": b"5"}, start=(*START, NOTES, PART),
    ),
    Case("a shortcut", pages([shortcut("s", "a", "Elsewhere")]), ("skipped skip not_a_file /A/Elsewhere",)),
    Case("a shortcut deleted", pages([gone("s")]), (), start=(*START, shortcut("s", "a", "Elsewhere"))),
    Case(
        "a shortcut renamed", pages([shortcut("s", "a", "Here")]), ("skipped skip not_a_file /A/Here",),
        start=(*START, shortcut("s", "a", "Elsewhere")),
    ),
    Case(
        "malware in a new file", pages([file("5", "a", "x.exe", "5", flags=flagged(Flag.MALWARE))]),
        ("held hold blocked_by_source /A/x.exe",), debt=1,
    ),
    Case(
        "malware found in a file that was copied: its clean copy stays",
        pages([replace(ONE, flags=flagged(Flag.MALWARE), version="x")]),
        ("held hold blocked_by_source /A/one.txt",), debt=1,
    ),
    Case(
        "malware in a file that is deleted",
        pages([replace(ONE, flags=flagged(Flag.MALWARE), version="x")], [gone("1")]),
        ("done remove deleted_at_source /A/one.txt",), minus=("/A/one.txt",),
    ),
    Case(
        "restricted", pages([file("5", "a", "secret.docx", "5", flags=flagged(Flag.RESTRICTED))]),
        ("held hold blocked_by_source /A/secret.docx",), debt=1,
    ),
    Case(
        "content that is not settled yet", pages([file("5", "a", "new.docx", "5", flags=flagged(Flag.PENDING))]),
        ("held hold blocked_by_source /A/new.docx",), debt=1,
    ),
    Case(
        "flagged, and released by a later page",
        pages([replace(FOUR, flags=flagged(Flag.MALWARE))], [FOUR]), (),
    ),
    Case(
        "a flagged file in a folder that moves", pages([folder("a", "b", "A")]), ("done move moved /B/A",),
        minus=("/A", "/A/one.txt", "/A/two.txt"),
        plus={"/B/A": None, "/B/A/one.txt": b"1", "/B/A/two.txt": b"22"},
    ),
)  # fmt: skip
def test_oddities(house: House, case: Case) -> None:
    check(house, case)
