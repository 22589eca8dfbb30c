"""Calls to a FileCloud server, written from the reference with plain `requests`."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import requests

from simulators.common import FixedClock
from simulators.filecloud import FileCloudKnobs, FileCloudSimulator

SUMMER = 1721417520  # 2024-07-19T19:32:00Z; America/Chicago is 5 hours behind
WINTER = 1705692720  # 2024-01-19T19:32:00Z; 6 hours behind
NOW = 1725000000.0


def simulator(folder: Path, *, clock: FixedClock | None = None, **options: Any) -> FileCloudSimulator:
    """Make a simulator below a temporary folder; keyword arguments that are knobs become knobs."""
    own = {k: options.pop(k) for k in list(options) if k in FileCloudKnobs.__dataclass_fields__}
    knobs = options.pop("knobs", FileCloudKnobs())
    return FileCloudSimulator(
        folder / "store",
        state_dir=folder / "state",
        clock=clock or FixedClock(NOW),
        knobs=knobs.but(**own),
        **options,
    )


class Caller:
    """One session of one user."""

    def __init__(self, sim: FileCloudSimulator, log_in: bool = True, agent: str = "tests/1") -> None:
        self.sim = sim
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["User-Agent"] = agent
        self.http.verify = str(sim.ca_file) if sim.ca_file else True
        if log_in:
            assert self.command("loginguest", userid=sim.account, password=sim.password) == 1

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *ignored: object) -> None:
        self.http.close()

    def post(self, path: str, headers: dict[str, str] | None = None, /, **form: Any) -> requests.Response:
        """POST a form; a bare operation name goes below /core/."""
        path = path if path.startswith("/") else f"/core/{path}"
        return self.http.post(self.sim.url + path, data=form, headers=headers, allow_redirects=False)

    def command(self, operation: str, /, **form: Any) -> int:
        """Run a command and return its result."""
        answer = self.post(operation, **form)
        assert answer.status_code == 200, answer.text
        return result_of(answer)

    def records(self, operation: str, name: str, /, **form: Any) -> list[dict[str, str]]:
        """Return the records of an answer."""
        return records_of(self.post(operation, **form), name)

    def listing(self, path: str, /, **form: Any) -> tuple[dict[str, str], list[dict[str, str]]]:
        """List a folder: (meta, entries); everything unless a limit is given."""
        answer = self.post("getfilelist", path=path, **{"limit": "-1", **form})
        return records_of(answer, "meta")[0], records_of(answer, "entry")

    def names(self, path: str, /, **form: Any) -> list[str]:
        """List the names in a folder."""
        return [entry["name"] for entry in self.listing(path, **form)[1]]

    def info(self, path: str) -> dict[str, str] | None:
        """Describe one item, or None when it is not there."""
        found = self.records("fileinfo", "entry", file=path, includeextrafields=1)
        return found[0] if found else None

    def chunk(self, path: str, data: bytes, **query: Any) -> requests.Response:
        """Send one chunk of a file."""
        folder, _, name = path.rpartition("/")
        headers = query.pop("headers", {})
        part = {"file_contents": (query.pop("part_name", "part"), data)}
        merged = {
            "appname": "explorer",
            "path": folder,
            "filename": name,
            "offset": 0,
            "complete": 1,
            **query,
        }
        params = {key: value for key, value in merged.items() if value is not None}
        return self.http.post(self.sim.url + "/core/upload", params=params, files=part, headers=headers)

    def put(self, path: str, data: bytes, **query: Any) -> None:
        """Send a whole file that must be accepted."""
        answer = self.chunk(path, data, **{"filesize": len(data), **query})
        assert (answer.status_code, answer.text) == (200, "OK")

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> requests.Response:
        """Download a file."""
        params = {"filepath": path, "filename": path.rpartition("/")[2], **query}
        url = self.sim.url + "/core/downloadfile"
        return self.http.get(url, params=params, headers=headers, allow_redirects=False)


def records_of(answer: requests.Response, name: str) -> list[dict[str, str]]:
    """Return the records called `name` directly below the root."""
    root = ET.fromstring(answer.content)
    return [{field.tag: field.text or "" for field in record} for record in root.findall(name)]


def result_of(answer: requests.Response) -> int:
    """Return the result of a command."""
    return int(records_of(answer, "command")[0]["result"])
