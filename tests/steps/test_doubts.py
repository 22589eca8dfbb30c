"""A run dies between a change of the target and its record, and the library changes before the next run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.planning.trees import folder
from tests.steps.house import FILLED, House

from spfc.errors import ReplyLost, ServiceBusy
from spfc.planning.model import TargetEntry
from spfc.targets.base import PutSpec


class Died(Exception):
    """The process is no more."""


def die(house: House, operation: str, *, before: bool = False, error: Exception | None = None) -> None:
    """Let the next run end right after (or before) its first call of ``operation`` at the target."""
    plain = getattr(house.target, operation)

    def call(*args: Any, **named: Any) -> Any:
        setattr(house.target, operation, plain)
        if not before:
            plain(*args, **named)
        raise error or Died

    setattr(house.target, operation, call)
    if error is not None:
        house.run()
        return
    with pytest.raises(Died):
        house.run()
    house.clock.now += 10_000


def busy(*_: object, **__: object) -> None:
    """Refuse whatever is asked."""
    raise ServiceBusy("The service is overloaded.")


@pytest.fixture
def filled(house: House) -> House:
    house.fields = {"limits": {"workers": 1}}
    house.fill()
    house.run()
    return house


def settled(house: House, expected: dict[str, bytes | None]) -> None:
    """Assert that one run brings the target to what is expected, and that the next one has nothing to do or ask."""
    house.run()
    assert house.target.tree() == expected
    assert house.debt() == 0
    assert all(outcome == "done" for _, _, outcome in (house.told() if house.manifest else ()))
    calls = house.target.calls
    house.run()
    assert house.manifest == {}
    assert house.target.calls == calls


def test_an_upload_whose_file_was_edited_since(filled: House) -> None:
    filled.publish([filled.file("9", "root", "nine.txt", "old")])
    die(filled, "put_chunk")
    filled.publish([filled.file("9", "root", "nine.txt", "newer body", modified=2000)])
    settled(filled, {**FILLED, "/nine.txt": b"newer body"})


def test_an_upload_whose_file_was_deleted_since(filled: House) -> None:
    filled.publish([filled.file("9", "root", "nine.txt", "old")])
    die(filled, "put_chunk")
    filled.publish([replace(filled.source.items["9"], deleted=True)])
    settled(filled, FILLED)
    assert [body for body in filled.target.retired().values() if body is not None] == [b"old"]


def test_an_upload_whose_file_was_renamed_since(filled: House) -> None:
    filled.publish([filled.file("9", "root", "nine.txt", "old")])
    die(filled, "put_chunk")
    sent = filled.target.counts["put_chunk"]
    filled.publish([filled.file("9", "a", "9.txt", "old")])
    settled(filled, {**FILLED, "/A/9.txt": b"old"})
    assert filled.target.counts["put_chunk"] == sent


def test_an_update_whose_file_was_edited_again_since(filled: House) -> None:
    filled.publish([filled.file("1", "a", "one.txt", "second", modified=2000)])
    die(filled, "put_chunk")
    filled.publish([filled.file("1", "a", "one.txt", "third body", modified=3000)])
    settled(filled, {**FILLED, "/A/one.txt": b"third body"})


def test_a_folder_that_was_renamed_since_it_was_made(filled: House) -> None:
    filled.publish([folder("n", "root", "New")])
    die(filled, "make_folder")
    filled.publish([folder("n", "root", "Newer")])
    settled(filled, {**FILLED, "/Newer": None})


def test_a_move_that_was_followed_by_another(filled: House) -> None:
    filled.publish([folder("a", "root", "B")])
    die(filled, "move")
    sent = filled.target.counts["put_chunk"]
    filled.publish([folder("a", "root", "C")])
    settled(filled, {path.replace("/A", "/C"): body for path, body in FILLED.items()})
    assert filled.target.counts["put_chunk"] == sent


def test_a_move_that_was_taken_back(filled: House) -> None:
    filled.publish([filled.file("1", "root", "one.txt", "first body")])
    die(filled, "move")
    filled.publish([filled.file("1", "a", "one.txt", "first body")])
    settled(filled, FILLED)


def test_a_removal_of_what_was_restored_since(filled: House) -> None:
    gone = filled.source.items["1"]
    filled.publish([replace(gone, deleted=True)])
    die(filled, "retire")
    filled.publish([gone])
    settled(filled, FILLED)


def test_a_move_whose_reply_was_lost(filled: House) -> None:
    filled.publish([folder("a", "root", "B")])
    die(filled, "move", error=ReplyLost("no answer"))
    filled.end_badly()
    filled.publish([folder("a", "root", "C")])
    settled(filled, {path.replace("/A", "/C"): body for path, body in FILLED.items()})


def test_the_file_of_a_stranger_is_not_taken_for_ours(filled: House) -> None:
    filled.publish([filled.file("9", "root", "nine.txt", "old")])
    die(filled, "put_chunk", before=True)
    filled.target.put_chunk(PutSpec("/nine.txt", 6, 5), 0, b"theirs", last=True)
    filled.publish([replace(filled.source.items["9"], deleted=True)])
    settled(filled, {**FILLED, "/nine.txt": b"theirs"})


def test_a_line_that_was_not_reached_is_not_taken_for_done(filled: House) -> None:
    filled.publish([filled.file("8", "root", "8.txt", "8"), filled.file("9", "root", "9.txt", "9")])
    die(filled, "put_chunk", before=True)
    filled.publish([replace(filled.source.items["9"], deleted=True)])
    settled(filled, {**FILLED, "/8.txt": b"8"})


@pytest.fixture
def ageless(house: House) -> House:
    """A target that knows neither etags nor the age of a file."""
    plain, house.target._etags = house.target.stat, False

    def stat(path: str) -> TargetEntry | None:
        found = plain(path)
        return found and replace(found, modified=None)

    house.target.stat = stat  # type: ignore[method-assign]
    house.fill()
    house.run()
    return house


def test_a_copy_of_unknown_age_is_recognised_by_its_bytes(ageless: House) -> None:
    ageless.publish([ageless.file("9", "root", "nine.txt", "nine")])
    die(ageless, "put_chunk")
    sent = ageless.target.counts["put_chunk"]
    ageless.run()
    assert ageless.manifest == {}, "found before anything was planned"
    assert ageless.target.counts["put_chunk"] == sent
    assert ageless.target.tree() == {**FILLED, "/nine.txt": b"nine"}
    assert ageless.debt() == 0


def test_a_strangers_file_of_the_same_length_and_unknown_age_is_not_ours(ageless: House) -> None:
    ageless.publish([ageless.file("9", "root", "nine.txt", "nine")])
    ageless.target.put_chunk(PutSpec("/nine.txt", 4, 5), 0, b"theirs"[:4], last=True)
    ageless.run()
    assert ageless.told() == {("/nine.txt", "upload", "held")}
    assert ageless.target.tree()["/nine.txt"] == b"thei"


def test_a_failed_upload_of_a_file_that_is_gone_is_looked_for_once(filled: House) -> None:
    """Nothing is owed any more, so no newer plan takes the place of the one with the failure."""
    filled.publish([filled.file("9", "root", "nine.txt", "old")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filled.target, "put_chunk", busy)
        filled.run()
    assert ("/nine.txt", "upload", "failed") in filled.told()
    filled.publish([replace(filled.source.items["9"], deleted=True)])
    settled(filled, FILLED)
