"""Environments of clients: made once, made again when pins change, and said to be missing when they cannot be made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.conformance import environments
from tests.conformance.catalogue import Client
from tests.conformance.environments import NotAvailableError, environment, version
from tests.conformance.perform import perform
from tests.conformance.result import ABSENT


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "rooms" / "client"
    made.mkdir(parents=True)
    monkeypatch.setattr(environments, "ROOMS", made.parent)
    (made / "requirements.txt").write_text("# nothing but Python\n")
    return made


def test_made_once_and_again_when_its_pins_change(room: Path, tmp_path: Path) -> None:
    home = environment("client", tmp_path)
    assert os.access(home.python, os.X_OK)
    mark = home.binaries / "mark"
    mark.touch()
    assert environment("client", tmp_path) == home
    assert mark.exists()
    (room / "requirements.txt").write_text("# other pins\n")
    environment("client", tmp_path)
    assert not mark.exists()


def test_what_cannot_be_installed_is_not_available_and_never_green(room: Path, tmp_path: Path) -> None:
    (room / "requirements.txt").write_text("--no-index\nno-such-client==1.0\n")
    with pytest.raises(NotAvailableError, match="client cannot be installed here"):
        environment("client", tmp_path)
    assert not (tmp_path / "environments" / "client").exists()
    result = perform(Client("client", "client", "client"), tmp_path)
    assert result.verdict == ABSENT
    assert "://" not in result.why


def test_versions_are_those_of_the_pins_and_packages(room: Path, tmp_path: Path) -> None:
    (room / "requirements.txt").write_text("other==3\nSome-Client==1.2.3\n")
    assert version("client", "some-client", tmp_path) == "1.2.3"
    home = tmp_path / "environments" / "client"
    home.mkdir(parents=True)
    (home / "tool_1%3a2.0-1_amd64.deb").touch()
    assert version("client", "tool", tmp_path) == "1:2.0-1"
