"""Drives O365: sites, libraries, folders, paging, downloads, versions, permissions and search."""

from __future__ import annotations

from typing import Any

import saying
from O365 import Account
from O365.utils.token import MemoryTokenBackend


def walk(folder: Any, above: str, found: dict[str, Any]) -> None:
    for item in folder.get_items(batch=100):
        path = f"{above}{item.name}"
        found[path] = item
        if item.is_folder:
            walk(item, f"{path}/", found)


def find(report: saying.Report, account: Account) -> Any:
    config = report.config
    share = account.sharepoint()
    site = share.get_site(config["host"], config["site_path"])
    report.said("site by path", site.object_id == config["site_id"], site.display_name)
    report.said("site by id", share.get_site(site.object_id).object_id == site.object_id)
    report.said("root site", share.get_root_site().web_url == f"https://{config['host']}")
    found = share.search_site(config["site_title"])
    report.said("site by search", [s.object_id for s in found] == [site.object_id], f"{len(found)} found")
    report.said("subsites", site.get_subsites() == [], "none")
    drives = site.list_document_libraries()
    report.said("libraries", [d.object_id for d in drives] == [config["drive_id"]], drives[0].name)
    default = site.get_default_document_library(request_drive=True)
    report.said("default library", default.object_id == config["drive_id"], default.drive_type)
    lists = site.get_lists()
    report.said("lists", [x.object_id for x in lists] == [config["list_id"]], lists[0].display_name)
    table = site.get_list_by_name(config["library"])
    rows = list(table.get_items(batch=100, expand_fields=True))
    names = {row.fields.get("FileLeafRef") for row in rows}
    report.said("rows of the list", "plain.txt" in names and len(rows) > 200, "over pages, with their columns")
    row = table.get_item_by_id(rows[0].object_id)
    report.said("row by id", row.object_id == rows[0].object_id)
    return drives[0]


def read(report: saying.Report, found: dict[str, Any]) -> None:
    goal = report.scratch / "read"
    for path, item in found.items():
        place = goal / path
        if item.is_file:
            place.parent.mkdir(parents=True, exist_ok=True)
            if not item.download(to_path=place.parent, name=place.name):
                report.said(f"read {path}", False, "download says no")


def details(report: saying.Report, drive: Any, found: dict[str, Any]) -> None:
    by_path = drive.get_item_by_path("/deep/1/two.txt")
    report.said("item by path", by_path.object_id == found["deep/1/two.txt"].object_id)
    by_id = drive.get_item(found["plain.txt"].object_id)
    report.said("item by id", by_id.name == "plain.txt", by_id.mime_type)
    versions = list(by_id.get_versions())
    report.said("versions", [v.size for v in versions] == [by_id.size], "the present one")
    rights = list(by_id.get_permissions())
    report.said("permissions", [r.roles for r in rights] == [["owner"]])
    hits = list(drive.search("two"))
    report.said("search", "two.txt" in [h.name for h in hits], f"{len(hits)} found")
    above = by_path.get_parent()
    report.said("parent", above.name == "1", above.name)


def main() -> None:
    report = saying.Report()
    config = report.config
    credentials = (config["client_id"], config["client_secret"])
    account = Account(
        credentials,
        auth_flow_type="credentials",
        tenant_id=config["tenant"],
        token_backend=MemoryTokenBackend(),
        requests_delay=0,  # milliseconds between requests; 200 otherwise
    )
    report.said("sign in", account.authenticate(), "client credentials")
    drive, found = None, {}
    with report.trying("find"):
        drive = find(report, account)
    with report.trying("list"):
        walk(drive.get_root_folder(), "", found)
        report.entries("list", {p: None if i.is_folder else i.size for p, i in found.items()})
        report.hashes("hashes", {p: i.hashes["quickXorHash"] for p, i in found.items() if i.is_file})
    with report.trying("read"):
        read(report, found)
        report.folder("read", report.scratch / "read")
    with report.trying("read a whole folder"):
        place = report.scratch / "whole"
        drive.get_item_by_path("/deep").download_contents(to_folder=place)
        report.folder("read a whole folder", place, report.scratch / "read" / "deep")
    with report.trying("details"):
        details(report, drive, found)


if __name__ == "__main__":
    main()
