"""Writes the golden files: ``python -m tests.conformance.golden.record PYTHON``, the interpreter that has the vendor's
client. Everything stays on loopback.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conformance.golden.recorder import Flat
from tests.conformance.golden.scene import scene

HERE = Path(__file__).parent
FILE = HERE / "requests.json"
Golden = dict[str, list[Flat]]


def record(python: Path, folder: Path) -> Golden:
    """Let the vendor's client fulfil all wishes; return what it sent for each."""
    with scene(folder) as made:
        command = [python, HERE / "vendor.py", made.url, made.simulator.account, made.simulator.password]
        subprocess.run([str(part) for part in command], check=True, timeout=240, stdout=sys.stderr)
        return made.recorder.wishes


def read() -> Golden:
    """Return the golden requests by wish."""
    return dict(json.loads(FILE.read_text(encoding="utf-8"))["wishes"])


def client_version(python: Path) -> str:
    """Return the version of the vendor's client."""
    code = "import importlib.metadata as m; print(m.version('filecloudapi-python'))"
    return subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    """Record and write."""
    python = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        wishes = record(python, Path(folder))
    about = f"what filecloudapi-python {client_version(python)} sends for each wish; written by record.py"
    FILE.write_text(_spelled(about, wishes), encoding="utf-8")


def _spelled(about: str, wishes: Golden) -> str:
    """Spell JSON with a line for each request, so that a change of one can be seen."""
    told = [
        f" {_json(wish)}: [\n" + ",\n".join(f"  {_json(request)}" for request in requests) + "\n ]"
        for wish, requests in wishes.items()
    ]
    return f'{{"about": {_json(about)}, "wishes": {{\n' + ",\n".join(told) + "\n}}\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    main()
