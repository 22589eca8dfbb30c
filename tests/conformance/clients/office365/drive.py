"""Drives the Graph part of Office365-REST-Python-Client: sites, children, change feed, batch, downloads."""

from __future__ import annotations

from typing import Any

import saying
from office365.graph_client import GraphClient


def walk(folder: Any, above: str, found: dict[str, Any]) -> None:
    for item in folder.children.get_all(page_loaded=lambda _: None).execute_query():
        path = f"{above}{item.name}"
        found[path] = item
        if item.is_folder:
            walk(item, f"{path}/", found)


def find(report: saying.Report, client: GraphClient) -> Any:
    config = report.config
    site = client.sites.get_by_url(f"https://{config['host']}{config['site_path']}").get().execute_query()
    report.said("site by URL", site.id == config["site_id"], site.display_name)
    drives = site.drives.get().execute_query()
    report.said("drives", [d.id for d in drives] == [config["drive_id"]], drives[0].name)
    lists = site.lists.get().execute_query()
    report.said("lists", [x.id for x in lists] == [config["list_id"]])
    rows = lists[0].items.get_all().execute_query()
    report.said("rows of the list", len(rows) > 200, "over pages")
    default = site.drive.get().execute_query()
    report.said("default library", default.id == config["drive_id"], default.drive_type)
    return client.drives[config["drive_id"]]


def read(report: saying.Report, found: dict[str, Any]) -> None:
    for path, item in found.items():
        if item.is_file:
            goal = report.scratch / "read" / path
            goal.parent.mkdir(parents=True, exist_ok=True)
            with goal.open("wb") as local:
                item.download(local).execute_query()
    report.folder("read", report.scratch / "read")


def details(report: saying.Report, client: GraphClient, drive: Any, found: dict[str, Any]) -> None:
    plain = found["plain.txt"]
    by_path = drive.root.get_by_path("deep/1/two.txt").get().execute_query()
    report.said("item by path", by_path.id == found["deep/1/two.txt"].id)
    versions = plain.versions.get().execute_query()
    report.said("versions", len(versions) == 1, "the present one")
    rights = plain.permissions.get().execute_query()
    report.said("permissions", len(rights) == 1, "one")
    hits = drive.root.search("two").execute_query()
    report.said("search", "two.txt" in [h.name for h in hits], f"{len(hits)} found")
    wanted = [client.drives[report.config["drive_id"]].items[item.id].get() for item in list(found.values())[:20]]
    client.execute_batch()
    names = [item.name for item in wanted]
    report.said("batch of 20", names == [item.name for item in list(found.values())[:20]], f"{len(names)} answers")


def feed(report: saying.Report, drive: Any, found: dict[str, Any]) -> None:
    told = drive.root.delta.get_all(page_loaded=lambda _: None).execute_query()
    ids = {item.id for item in told if "root" not in item.properties}
    report.said("list by change feed", ids == {item.id for item in found.values()}, f"{len(ids)} items")


def main() -> None:
    report = saying.Report()
    config = report.config
    client = GraphClient(tenant=config["tenant"]).with_client_secret(config["client_id"], config["client_secret"])
    drive, found = None, {}
    with report.trying("find"):
        drive = find(report, client)
    with report.trying("list"):
        walk(drive.root, "", found)
        report.entries("list", {p: None if i.is_folder else i.size for p, i in found.items()})
        report.hashes("hashes", {p: i.file.hashes["quickXorHash"] for p, i in found.items() if i.is_file})
    with report.trying("read"):
        read(report, found)
    with report.trying("read in chunks"):
        goal = report.scratch / "chunks" / "big.bin"
        goal.parent.mkdir()
        with goal.open("wb") as local:
            found["big.bin"].download_session(local, chunk_size=1 << 20).execute_query()
        report.folder("read in chunks", goal.parent, only="big.bin")
    with report.trying("list by change feed"):
        feed(report, drive, found)
    with report.trying("details"):
        details(report, client, drive, found)


if __name__ == "__main__":
    main()
