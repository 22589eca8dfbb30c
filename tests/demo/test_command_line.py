"""The demo's command line: mistakes of the person are one clear line and exit status 2."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.__main__ import main


@pytest.fixture(autouse=True)
def _signal_restored() -> Iterator[None]:
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.mark.parametrize("wrong", ["library", "overlap", "port", "home"])
def test_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "mine.txt").touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        arguments = {
            "library": ["--home", str(tmp_path / "demo"), "--library", str(tmp_path / "nowhere")],
            "overlap": ["--home", str(tmp_path / "demo"), "--library", str(tmp_path)],
            "port": ["--home", str(tmp_path / "demo"), "--port", str(taken.getsockname()[1])],
            "home": ["--home", str(home)],
        }[wrong]
        assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out.startswith("demo: ")
    assert "Traceback" not in said.out + said.err
    assert [path.name for path in tmp_path.rglob("*")] == ["home", "mine.txt"], "nothing was written"


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "CI": "true"}
    command = [
        sys.executable,
        "-m",
        "demo",
        "--home",
        str(tmp_path / "demo"),
        "--library",
        str(tmp_path / "nowhere"),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (ended.returncode, ended.stderr) == (2, "")
    assert "is not a folder" in ended.stdout
