"""Drives Debian's onedrive: a library is synchronised to disk, then again with nothing to do.

It knows its hosts by name and trusts the system's authorities only. So it runs in a mount namespace of its own, which
an ordinary user may make, where the simulator's authority lies over the system's file.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import saying

SYSTEM = "/etc/ssl/certs/ca-certificates.crt"
NOT_HERE = "not available here"


def synchronise(report: saying.Report) -> str:
    config, home = report.config, report.scratch
    client = [f"{config['binaries']}/onedrive", f"--confdir={home / 'settings'}", "--synchronize", "--download-only"]
    script = f"mount --bind {shlex.quote(config['ca'])} {SYSTEM} && exec {shlex.join([*client, '--verbose'])}"
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
    variables = {**os.environ, "LD_LIBRARY_PATH": config["libraries"]}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr, flush=True)
    if done.returncode:
        raise RuntimeError(f"status {done.returncode}: {(done.stderr or done.stdout).strip()[-250:]}")
    return done.stdout


def settle(report: saying.Report) -> None:
    config, settings = report.config, report.scratch / "settings"
    settings.mkdir()
    (report.scratch / "synced").mkdir()
    lines = {
        "sync_dir": report.scratch / "synced",
        "drive_id": config["drive_id"],
        "azure_tenant_id": config["tenant"],
        "skip_file": "~*",
    }
    (settings / "config").write_text("".join(f'{name} = "{value}"\n' for name, value in lines.items()))
    (settings / "refresh_token").write_text(config["refresh_token"])


def main() -> None:
    report = saying.Report()
    probe = ["unshare", "--map-root-user", "--mount", "mount", "--bind", report.config["ca"], SYSTEM]
    try:
        subprocess.run(probe, check=True, capture_output=True)
    except (subprocess.CalledProcessError, OSError):
        why = "mount namespaces are not open to users of this machine, and it trusts no authority of ours otherwise"
        report.said("namespace", False, f"{NOT_HERE}: {why}")
        return
    settle(report)
    synced = report.scratch / "synced"
    with report.trying("synchronise"):
        synchronise(report)
        books = report.config["books"]
        report.folder("synchronise", report.kept(synced))
        pairs = [(entry, synced / os.path.relpath(entry, books)) for entry in saying.files_below(books)]
        good = [one.stat().st_mtime == other.stat().st_mtime for one, other in pairs if other.exists()]
        report.said("times of the copies", all(good) and len(good) == len(pairs), f"{len(good)} times as on disk")
        report.said("empty folder", (synced / "empty folder").is_dir(), "is there")
    with report.trying("nothing to do the second time"):
        said = synchronise(report)
        again = said.count("Downloading file")
        report.said("nothing to do the second time", again == 0, f"{again} files are downloaded again")
    with report.trying("synchronise changes"):
        moved = saying.edit(Path(report.config["books"]))
        said = synchronise(report)
        again = said.count("Downloading file")
        report.folder("synchronise changes", synced, Path(report.config["books"]))
        renamed = [new for new in moved.values() if f"{new}\n" in said]
        good = (again, len(renamed)) == (2, len(moved))
        report.said("only changes", good, f"{again} files downloaded, {len(renamed)} items renamed or moved")


if __name__ == "__main__":
    main()
