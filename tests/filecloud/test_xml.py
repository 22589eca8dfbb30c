from __future__ import annotations

import pytest

from spfc.errors import AnswerUnreadable
from spfc.filecloud import EntryTypes, xml


def entry(**fields: str) -> str:
    values = {"path": "/u/a", "name": "a", "type": "file", "fullsize": "3", **fields}
    return "<entry>" + "".join(f"<{key}>{value}</{key}>" for key, value in values.items()) + "</entry>"


def listing(*entries: str, total: int = 1) -> bytes:
    meta = f"<meta><total>{total}</total><result>1</result></meta>"
    return f"<entries>{meta}{''.join(entries)}</entries>".encode()


def test_one_record_is_a_list_of_one() -> None:
    assert [e.name for e in xml.read_listing(xml.parse(listing(entry()))).entries] == ["a"]
    assert [e.name for e in xml.read_listing(xml.parse(listing(entry(), entry(name="b")))).entries] == [
        "a",
        "b",
    ]
    assert xml.read_listing(xml.parse(listing(total=0))).entries == ()


def test_only_the_true_time_is_a_time() -> None:
    wall_clock = {
        "modified": "Jul 19, 2024 2:32 PM",
        "modifiedepoch": "5",
        "modifiediso": "2024-07-19T14:32:00+0000",
    }
    (old,) = xml.read_listing(xml.parse(listing(entry(**wall_clock)))).entries
    assert old.modified is None
    (new,) = xml.read_listing(xml.parse(listing(entry(**wall_clock, modifiedepochutc="1721421120")))).entries
    assert new.modified == 1721421120


def test_defaults_of_absent_and_empty_fields() -> None:
    (found,) = xml.read_listing(xml.parse(listing(entry(type="dir", fullsize="", etag="", locked="")))).entries
    assert (found.is_folder, found.size, found.etag, found.locked) == (True, 0, None, False)
    assert (found.can_upload, found.can_download, found.can_rename) == (True, True, True)
    (found,) = xml.read_listing(xml.parse(listing(entry(etag='"e1"', locked="1", canupload="0")))).entries
    assert (found.etag, found.locked, found.can_upload) == ("e1", True, False)


def test_white_space_in_names_is_kept() -> None:
    (found,) = xml.read_listing(xml.parse(listing(entry(name=" a  b ")))).entries
    assert found.name == " a  b "


def test_pretty_printed_answers_read_the_same() -> None:
    spaced = listing(entry(name="x &amp; y")).replace(b"><", b">\n  <")
    (found,) = xml.read_listing(xml.parse(b"\xef\xbb\xbf\n" + spaced)).entries
    assert found.name == "x & y"


@pytest.mark.parametrize("fields", [{"type": "Dir"}, {"type": ""}, {"type": "link"}, {"fullsize": "4 KB"}])
def test_what_is_not_spelled_as_promised_is_unreadable(fields: dict[str, str]) -> None:
    with pytest.raises(AnswerUnreadable):
        xml.read_listing(xml.parse(listing(entry(**fields))))


@pytest.mark.parametrize(
    ("spelled", "is_folder"),
    [("dir", True), ("directory", True), ("0", True), ("file", False), ("1", False), ("", False), (None, False)],
)
def test_older_spellings_of_a_type_are_read_only_when_asked_for(spelled: str | None, is_folder: bool) -> None:
    body = listing(entry() if spelled is None else entry(type=spelled))
    if spelled is None:
        body = body.replace(b"<type>file</type>", b"")
    (found,) = xml.read_listing(xml.parse(body), EntryTypes.LEGACY).entries
    assert found.is_folder is is_folder
    if spelled not in ("dir", "file"):
        with pytest.raises(AnswerUnreadable, match="entry_types"):
            xml.read_listing(xml.parse(body))


@pytest.mark.parametrize("spelled", ["Dir", "2", "folder", "link"])
def test_no_spelling_is_guessed(spelled: str) -> None:
    with pytest.raises(AnswerUnreadable):
        xml.read_listing(xml.parse(listing(entry(type=spelled))), EntryTypes.LEGACY)


def test_the_wall_clock_is_kept_apart() -> None:
    (found,) = xml.read_listing(xml.parse(listing(entry(modifiedepoch="5", issyncable="0")))).entries
    assert (found.modified, found.wall_clock, found.can_sync) == (None, 5, False)
    (found,) = xml.read_listing(xml.parse(listing(entry(modifiedepoch="")))).entries
    assert (found.wall_clock, found.can_sync) == (None, True)


def test_an_entry_without_size_is_unreadable() -> None:
    body = listing(entry()).replace(b"<fullsize>3</fullsize>", b"")
    with pytest.raises(AnswerUnreadable):
        xml.read_listing(xml.parse(body))


@pytest.mark.parametrize("poison", [b"\x01", b"\x0c", b"&#1;", b"&#x1F;", b"&#031;", b"\xff"])
def test_forbidden_characters_mark_the_answer_damaged(poison: bytes) -> None:
    body = listing(entry()).replace(b"<name>a", b"<name>a" + poison)
    found = xml.read_listing(xml.parse(body))
    assert found.damaged
    assert found.entries[0].name.rstrip("\ufffd") == "a"


@pytest.mark.parametrize("fine", [b"&#9;", b"&#10;", b"&#13;", b"&#32;", b"&#x20;", b"&#xA9;"])
def test_allowed_references_are_no_damage(fine: bytes) -> None:
    assert not xml.parse(listing(entry()).replace(b"<name>a", b"<name>a" + fine)).damaged


@pytest.mark.parametrize(
    "body",
    [
        b"", b"OK", b"<html><body>x</body></html>", b"<!DOCTYPE html><html></html>", b"<entries><entry>",
        b'<!DOCTYPE a [<!ENTITY x "boom">]><entries>&x;</entries>', b"<a>&undefined;</a>",
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>',
    ],
)  # fmt: skip
def test_everything_else_is_unreadable(body: bytes) -> None:
    with pytest.raises(AnswerUnreadable):
        xml.parse(body)


def test_a_command_is_read_wherever_it_comes() -> None:
    body = b"<commands><command><type>x</type><result>0</result><message> no </message></command></commands>"
    command = xml.read_command(xml.parse(body))
    assert (command.type, command.result, command.message, command.done) == ("x", 0, "no", False)
    assert xml.read_listing(xml.parse(body)).result == 0
    with pytest.raises(AnswerUnreadable):
        xml.read_command(xml.parse(listing(entry())))
