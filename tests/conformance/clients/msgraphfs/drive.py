"""Drives msgraphfs through fsspec, as Airflow's ObjectStoragePath does: find, info, whole and partial reads."""

from __future__ import annotations

from typing import Any

import fsspec
import msgraphfs  # noqa: F401 - registers its protocols
import saying


def file_system(report: saying.Report, **more: Any) -> Any:
    config = report.config
    account = {name: config[name] for name in ("client_id", "client_secret")}
    return fsspec.filesystem("sharepoint", tenant_id=config["tenant"], **account, **more)


def main() -> None:
    report = saying.Report()
    config = report.config
    by_id = file_system(report, drive_id=config["drive_id"])
    found: dict[str, Any] = {}
    with report.trying("list"):
        walk(by_id, "", found)
        report.entries("list", {p: None if i["type"] == "directory" else i["size"] for p, i in found.items()})
    files = [path for path, info in found.items() if info["type"] == "file"]
    easy = [path for path in files if not set("#%") & set(path)]
    with report.trying("read by path"):
        for path in easy:
            save(report, "by path", path, by_id.cat_file(f"/{path}"))
        read_only(report, "by path", easy)
    with report.trying("read with # and % in names"):
        hard = sorted(set(files) - set(easy))
        for path in hard:
            save(report, "hard", path, by_id.cat_file(f"/{path}"))
        read_only(report, "hard", hard)
    with report.trying("read by id"):
        for path in files:
            save(report, "by id", path, by_id.cat_file(f"/{path}", item_id=found[path]["id"]))
        report.folder("read by id", report.scratch / "by id")
    with report.trying("part of a file"):
        part = by_id.cat_file("/big.bin", start=10_000_000, end=11_000_000)
        whole = (report.scratch / "by path" / "big.bin").read_bytes()
        report.said("part of a file", part == whole[10_000_000:11_000_000], f"{len(part):,} bytes from the middle")
        with by_id.open("/big.bin") as source:
            source.seek(11_000_000)
            report.said("seek and read", source.read(100) == whole[11_000_000:11_000_100], "by range")
    with report.trying("by names"):
        by_name = file_system(report, site_name=config["site_title"], drive_name=config["library"])
        names = [entry["name"] for entry in by_name.ls("/deep", detail=True)]
        report.said("by names", [n.rsplit("/", 1)[-1] for n in names] == ["1"], "site by search, library by name")
    with report.trying("details"):
        report.said("exists", by_id.exists("/plain.txt") and not by_id.exists("/none.txt"))
        report.said("versions", len(by_id.get_versions("/plain.txt")) == 1, "the present one")
        report.said("permissions", bool(by_id.get_permissions("/plain.txt")))


def walk(system: Any, folder: str, found: dict[str, Any]) -> None:
    """List level by level by id: msgraphfs does not escape paths."""
    for entry in system.ls(f"/{folder}", detail=True, **({"item_id": found[folder]["id"]} if folder else {})):
        path = f"{folder}/{entry['item_info']['name']}".lstrip("/")
        found[path] = entry
        if entry["type"] == "directory":
            walk(system, path, found)


def save(report: saying.Report, kind: str, path: str, content: bytes) -> None:
    goal = report.scratch / kind / path
    goal.parent.mkdir(parents=True, exist_ok=True)
    goal.write_bytes(content)


def read_only(report: saying.Report, kind: str, paths: list[str]) -> None:
    """Compare some of the files: those, and no others, were read."""
    wanted = report.scratch / f"{kind} as it should be"
    for path in paths:
        goal = wanted / path
        goal.parent.mkdir(parents=True, exist_ok=True)
        goal.symlink_to(f"{report.config['books']}/{path}")
    report.folder(f"read {kind}" if kind != "hard" else "read with # and % in names", report.scratch / kind, wanted)


if __name__ == "__main__":
    main()
