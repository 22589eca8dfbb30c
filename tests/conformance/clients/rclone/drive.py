"""Drives rclone: lists, hashes, copies, checks, streams and copies again, by children or by the change feed."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import saying


class Rclone:
    """One configured rclone; what it logs goes to the script's log."""

    def __init__(self, report: saying.Report) -> None:
        self.report = report
        binaries = Path(report.config["binaries"])
        self.binary = str(binaries / "rclone")
        self.flags = ["--retries", "1", "--low-level-retries", "1", "--stats", "0"]
        if report.config.get("delta"):
            self.flags += ["--fast-list", "--onedrive-delta"]
        self.environment = {**os.environ, **self._settings()}
        self.complaints = ""

    def _settings(self) -> dict[str, str]:
        config = self.report.config
        settings = {
            "TYPE": "onedrive",
            "DRIVE_ID": config["drive_id"],
            "DRIVE_TYPE": "documentLibrary",
            "CLIENT_ID": config["client_id"],
            "CLIENT_SECRET": config["client_secret"],
        }
        if self._knows("client_credentials"):
            settings |= {"CLIENT_CREDENTIALS": "true", "TENANT": config["tenant"]}
        else:  # an old one takes a person's sign-in only
            gone = {"access_token": "used-up", "token_type": "Bearer", "expiry": "2020-01-01T00:00:00Z"}
            settings["TOKEN"] = json.dumps({**gone, "refresh_token": config["refresh_token"]})
        if config.get("tenant_url"):
            settings["TENANT_URL"] = config["graph_address"]
        variables = {f"RCLONE_CONFIG_SP_{name}": value for name, value in settings.items()}
        return {**variables, "RCLONE_CONFIG": str(self.report.scratch / "none.conf")}

    def _knows(self, option: str) -> bool:
        said = subprocess.run([self.binary, "help", "backend", "onedrive"], capture_output=True, text=True, check=True)
        return option in said.stdout

    def run(self, *arguments: str) -> str:
        """Run a command and return what it prints; raises RuntimeError with the end of what it complained of."""
        done = subprocess.run(
            [self.binary, *self.flags, *arguments], env=self.environment, capture_output=True, text=True, check=False
        )
        self.complaints = done.stderr
        print(arguments, done.stderr, flush=True)
        if done.returncode:
            raise RuntimeError(f"status {done.returncode}: {done.stderr.strip()[-250:]}")
        return done.stdout


def listing(rclone: Rclone) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(rclone.run("lsjson", "-R", "--hash", "sp:"))
    return found


def main() -> None:
    report = saying.Report()
    rclone = Rclone(report)
    books, copy = report.config["books"], report.scratch / "copy"
    with report.trying("list"):
        found = listing(rclone)
        report.entries("list", {i["Path"]: None if i["IsDir"] else i["Size"] for i in found})
        hashed = [i for i in found if not i["IsDir"]]
        if any("quickxor" in i.get("Hashes", {}) for i in hashed):
            report.hashes("hashes", {i["Path"]: to_base64(i["Hashes"]["quickxor"]) for i in hashed})
    with report.trying("copy"):
        rclone.run("copy", "sp:", str(copy))
        report.folder("copy", report.kept(copy))
        times = [p.stat().st_mtime == (copy / p.relative_to(books)).stat().st_mtime for p in saying.files_below(books)]
        report.said("times of the copies", all(times), f"{len(times)} modification times as on disk")
    with report.trying("check by bytes"):
        rclone.run("check", "--download", "sp:", books)
        report.said("check by bytes", True, "rclone check --download finds no difference")
    with report.trying("check"):
        rclone.run("check", "sp:", books)
        report.said("check", True, "rclone check finds no difference")
    with report.trying("nothing to do the second time"):
        rclone.run("copy", "--dry-run", "-v", "sp:", str(copy))
        again = rclone.complaints.count("Skipped copy")
        report.said("nothing to do the second time", again == 0, f"{again} files would be copied again")
    with report.trying("one file"):
        text = rclone.run("cat", "sp:Folder é #1 & 50%/a#b.txt")
        report.said("one file", text == "a#b.txt", "by its path, with characters that must be escaped")
        part = rclone.run("cat", "--offset", "2", "--count", "1", "sp:deep/1/2/3/4/5/6/end.txt")
        report.said("part of a file", part == "d", "by range")
    with report.trying("sync after changes"):
        saying.edit(Path(books))
        rclone.run("sync", "sp:", str(copy))
        report.folder("sync after changes", copy, Path(books))
    with report.trying("size and space"):
        total = json.loads(rclone.run("size", "--json", "sp:"))
        report.said("size and space", total["count"] == len(saying.files_below(books)), f"{total['count']} files")
        rclone.run("about", "sp:")


def to_base64(text: str) -> str:
    """Newer ones print the hash in hexadecimal, older ones in base64."""
    return base64.b64encode(bytes.fromhex(text)).decode() if len(text) == 40 else text


if __name__ == "__main__":
    main()
