"""The parts that requests are made of. Whole requests: tests/conformance/golden."""

from __future__ import annotations

import email.parser
from pathlib import Path
from typing import Any

import pytest
from tests.targets.world import world

from spfc.errors import ConfigurationError
from spfc.filecloud import DateStyle, FileCloudSettings
from spfc.filecloud.dates import spell_date
from spfc.filecloud.multipart import FilePart
from spfc.filecloud.refusals import Hint, hint_of

DAY = 1721421120  # 2024-07-19 20:32:00 UTC


def test_the_room_of_the_account(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        assert made.client().usage().limit == 0


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 300_000])
def test_a_file_part_has_the_length_it_says_and_may_be_sent_twice(size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    part = FilePart('ü "x".txt', memoryview(content)[:size])
    sent = b"".join(bytes(piece) for piece in part)
    assert len(sent) == len(part)
    assert b"".join(bytes(piece) for piece in part) == sent
    message = email.parser.BytesParser().parsebytes(f"Content-Type: {part.content_type}\r\n\r\n".encode() + sent)
    assert message.is_multipart()
    assert len(message.get_payload()) == 1
    assert 'name="file_contents"; filename="ü %22x%22.txt"'.encode() in sent
    head, _, rest = sent.partition(b"\r\n\r\n")
    assert rest.rpartition(b"\r\n--")[0] == content[:size]
    assert head.startswith(b"--")


def test_a_large_chunk_is_not_copied() -> None:
    content = bytearray(1 << 20)
    part = FilePart("a", memoryview(content))
    pieces = [piece for piece in part if isinstance(piece, memoryview)]
    assert sum(len(piece) for piece in pieces) == len(content)
    assert all(piece.obj is content for piece in pieces)


@pytest.mark.parametrize(
    ("style", "summer", "winter"),
    [
        (DateStyle.ISO_Z, "2024-07-19T20:32:00Z", "2024-01-01T12:00:00Z"),
        (DateStyle.NAIVE_UTC, "2024-07-19 20:32:00", "2024-01-01 12:00:00"),
        (DateStyle.NAIVE_SERVER, "2024-07-19 15:32:00", "2024-01-01 06:00:00"),
    ],
)
def test_dates_are_spelled_as_the_server_wants_them(style: DateStyle, summer: str, winter: str) -> None:
    settings = FileCloudSettings("http://h", "u", "p", date_style=style, server_tz="America/Chicago")
    assert spell_date(DAY, settings) == summer
    assert spell_date(1704110400, settings) == winter


def test_settings_keep_the_prefix_and_hide_the_password() -> None:
    settings = FileCloudSettings("https://h:8443/fc/", "u", "s3cr3t")
    assert settings.base_url == "https://h:8443/fc"
    assert "s3cr3t" not in repr(settings)
    assert settings.agent.startswith("spfc/")
    assert FileCloudSettings("https://h", "u", "p", browser_compat=True).agent.startswith("Mozilla/")
    assert (settings.trust, FileCloudSettings("https://h", "u", "p", verify=False).trust) == (True, False)
    assert FileCloudSettings("https://h", "u", "p", ca_file="ca.pem").trust == "ca.pem"


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "ftp://h"}, {"base_url": "h"}, {"base_url": "https://u:p@h"}, {"base_url": "https://h/?a=b"},
        {"user": ""}, {"password": ""}, {"chunk_size": 0}, {"attempts": 0}, {"date_style": DateStyle.NAIVE_SERVER},
        {"date_style": DateStyle.NAIVE_SERVER, "server_tz": "Nowhere/Land"},
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        FileCloudSettings(**{"base_url": "https://h", "user": "u", "password": "p", **wrong})


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Storage quota exceeded [CLFC-5001]", Hint.QUOTA),
        ("The file is locked by another user", Hint.LOCKED),
        ("Names with leading spaces are not allowed", Hint.NAME),
        ("This type of file is not allowed", Hint.NAME),
        ("The name is too long", Hint.NAME),
        ("File does not exist", Hint.MISSING),
        ("The path was not found", Hint.MISSING),
        ("A file with this name exists", Hint.EXISTS),
        ("The file has another etag", Hint.CHANGED),
        ("Invalid or missing CSRF token", Hint.CSRF),
        ("Session expired. Please login again", Hint.SESSION),
        ("You do not have permission to change this path", Hint.PERMISSION),
        ("Ungültiger Vorgang", Hint.UNKNOWN),
        ("", Hint.UNKNOWN),
    ],
)
def test_words_are_hints(text: str, hint: Hint) -> None:
    assert hint_of(text) is hint
