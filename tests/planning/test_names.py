"""Names at the target: reversible, never dangerous, never too long, and the key under which they collide."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spfc.planning.names import (
    MAX_NAME_BYTES,
    aside,
    distinguish,
    fold,
    mark,
    not_aside,
    shorten,
    target_name,
    to_source,
    to_target,
)

TRICKY = '\u201b\u2420\uff0e\uff0c\uff0f\u2400 .,/\\:*?"<>|\x00\x1f\x7fAé\u0301'
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.text(st.sampled_from(TRICKY), max_size=12)


@given(ANY_TEXT)
@example("")
@example(".")
@example("..")
@example("\u201b")
@example(" \u2420 ")
def test_every_name_comes_back(name: str) -> None:
    assert to_source(to_target(name)) == name


@given(ANY_TEXT)
@example("...")
@example(" . ")
def test_a_target_name_is_never_dangerous(name: str) -> None:
    mapped = to_target(name)
    assert mapped not in ("", ".", "..")
    assert not set(mapped) & set('/\\:*?"<>|')
    assert not any(ord(char) < 32 or ord(char) == 127 for char in mapped)
    assert mapped[0] != " "
    assert mapped[-1] not in " .,"


@pytest.mark.parametrize("name", ["report.docx", "Q1 & Q2 50%.xlsx", "日本語 — ñ.txt", ".gitignore", "a,b", "e\u0301"])
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert to_target(name) == name


@given(ANY_TEXT, st.text(min_size=1, max_size=40))
def test_no_name_is_longer_than_the_target_stores(name: str, item_id: str) -> None:
    for made in (target_name(name * 40, item_id), distinguish(target_name(name * 9, item_id), item_id)):
        assert len(made.encode()) <= MAX_NAME_BYTES
    assert len(aside("é" * 127, item_id).encode()) <= MAX_NAME_BYTES


def test_a_long_name_keeps_its_extension_and_tells_items_apart() -> None:
    one, other = shorten("ü" * 200 + ".docx", "1"), shorten("ü" * 200 + ".docx", "2")
    assert one.endswith(f"~{mark('1')}.docx")
    assert one != other
    assert shorten("x" * 255, "1") == "x" * 255
    assert len(shorten("x" * 256, "1")) == 255
    assert shorten("a." + "x" * 300, "1").endswith(f"~{mark('1')}"), "an endless extension is none"


def test_suffixes_are_stable_and_before_the_extension() -> None:
    assert distinguish("a.tar.gz", "7") == f"a.tar ({mark('7')}).gz"
    assert distinguish(".env", "7") == f".env ({mark('7')})"
    assert distinguish("plain", "7") == distinguish("plain", "7") != distinguish("plain", "8")
    assert aside("a.txt", "7") == f"a.txt.spfc-{mark('7')}"
    assert not_aside(aside("a.txt", "7"), "7") == not_aside("a.txt", "7") == "a.txt"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Report.TXT", "report.txt"),
        ("e\u0301clair", "\u00e9clair"),
        ("STRASSE", "straße"),
        ("\u1e9e", "ss"),
        ("Å", "Å"),
    ],
)
def test_names_that_collide(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("a", "b"), ("a ", "a"), ("é", "e"), ("ﬁ x", "fi  x")])
def test_names_that_do_not_collide(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text(), st.text())
def test_fold_is_a_key(one: str, other: str) -> None:
    assert fold(fold(one)) == fold(one)
    assert fold(unicodedata.normalize("NFD", one)) == fold(one)
    assert fold(f"{one}/{other}") == f"{fold(one)}/{fold(other)}", "paths fold name by name"
