"""Drives msgraph-sdk (kiota, httpx, azure-identity): sites, lists, children, change feed, content, batch."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import saying
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential
from kiota_abstractions.api_error import APIError
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphServiceClient
from msgraph.generated.drives.item.items.item.children.children_request_builder import ChildrenRequestBuilder
from msgraph.generated.sites.sites_request_builder import SitesRequestBuilder
from msgraph_core.requests.batch_request_content import BatchRequestContent
from msgraph_core.tasks.page_iterator import PageIterator


async def all_of(page: Any, client: GraphServiceClient) -> list[Any]:
    """Follow the links of a collection with the SDK's own iterator."""
    found: list[Any] = []

    def keep(item: Any) -> bool:
        found.append(item)
        return True

    await PageIterator(page, client.request_adapter).iterate(keep)
    return found


class Session:
    """One signed-in client and the library as it saw it."""

    def __init__(self, report: saying.Report) -> None:
        self.report, self.config = report, report.config
        config = report.config
        credential = ClientSecretCredential(config["tenant"], config["client_id"], config["client_secret"])
        self.client = GraphServiceClient(credential, ["https://graph.microsoft.com/.default"])
        self.drive = self.client.drives.by_drive_id(config["drive_id"])
        self.link = ""

    async def find(self) -> None:
        config = self.config
        site = await self.client.sites.by_site_id(f"{config['host']}:{config['site_path']}").get()
        self.report.said("site by path", site.id == config["site_id"], site.web_url)
        again = await self.client.sites.by_site_id(site.id).get()
        self.report.said("site by id", again.id == site.id, again.display_name)
        query = SitesRequestBuilder.SitesRequestBuilderGetQueryParameters(search=config["site_title"])
        found = await self.client.sites.get(RequestConfiguration(query_parameters=query))
        self.report.said("site by search", [s.id for s in found.value] == [site.id], f"{len(found.value)} found")
        everywhere = await self.client.sites.get_all_sites.get()
        self.report.said("all sites", site.id in [s.id for s in everywhere.value], f"{len(everywhere.value)} sites")
        drives = await self.client.sites.by_site_id(site.id).drives.get()
        self.report.said("drives", [d.id for d in drives.value] == [config["drive_id"]], drives.value[0].name)
        lists = await self.client.sites.by_site_id(site.id).lists.get()
        self.report.said("lists", [x.id for x in lists.value] == [config["list_id"]], lists.value[0].list_.template)
        rows = self.client.sites.by_site_id(site.id).lists.by_list_id(config["list_id"]).items
        self.report.said("rows of the list", len(await all_of(await rows.get(), self.client)) > 200, "over two pages")

    async def walk(self) -> dict[str, Any]:
        """List by children, folder by folder; return items by path."""
        found: dict[str, Any] = {}
        open_folders = [("", "root")]
        query = ChildrenRequestBuilder.ChildrenRequestBuilderGetQueryParameters(top=100)
        while open_folders:
            above, item_id = open_folders.pop()
            children = self.drive.items.by_drive_item_id(item_id).children
            for item in await all_of(await children.get(RequestConfiguration(query_parameters=query)), self.client):
                path = f"{above}{item.name}"
                found[path] = item
                if item.folder:
                    open_folders.append((f"{path}/", item.id))
        self.report.entries("list by children", {p: None if i.folder else i.size for p, i in found.items()})
        self.report.hashes("hashes", {p: i.file.hashes.quick_xor_hash for p, i in found.items() if i.file})
        return found

    async def feed(self, walked: dict[str, Any]) -> None:
        """Read the change feed to its end; the last occurrence of an item is what holds."""
        feed = self.drive.items.by_drive_item_id("root").delta
        page, kept = await feed.get(), {}
        while True:
            kept.update({item.id: item for item in page.value})
            if not page.odata_next_link:
                break
            page = await feed.with_url(page.odata_next_link).get()
        living = {i for i, item in kept.items() if not item.root}
        self.report.said("list by change feed", living == {i.id for i in walked.values()}, f"{len(living)} items")
        self.link = page.odata_delta_link
        quiet = await feed.with_url(self.link).get()
        self.report.said("quiet change feed", quiet.value == [] and bool(quiet.odata_delta_link), "an empty last page")
        latest = await self.drive.items.by_drive_item_id("root").delta_with_token("latest").get()
        self.report.said("change feed from now on", not latest.value and bool(latest.odata_delta_link), "token=latest")

    async def changes(self, walked: dict[str, Any]) -> None:
        """Change the library, and read what the feed tells of it since the last look."""
        ids = {path: item.id for path, item in walked.items()}
        moved = saying.edit(Path(self.config["books"]))
        feed = self.drive.items.by_drive_item_id("root").delta
        told, link = {}, self.link
        while link:
            page = await feed.with_url(link).get()
            told.update({item.id: item for item in page.value})
            link = page.odata_next_link
        gone = {item.id for item in told.values() if item.deleted}
        wanted = {ids["it's.txt"], ids["deep/1/2"]}
        self.report.said("deleted", wanted <= gone, f"{len(gone)} markers, the file's and the folder's among them")
        good = [told[ids[old]].name == Path(new).name for old, new in moved.items()]
        self.report.said("renamed and moved", all(good), f"{len(good)} items by their old ids")
        inside = ids["Folder é #1 & 50%/a#b.txt"]
        self.report.said("what is in a renamed folder", inside not in told, "not told of")
        new = [item.name for item in told.values() if item.id not in ids.values() and not item.root]
        self.report.said("new", sorted(new) == ["new folder", "new.txt"], ", ".join(sorted(new)))
        self.report.said("changed", told[ids["plain.txt"]].size == 21, "with its new size")

    async def read(self, walked: dict[str, Any]) -> None:
        for path, item in walked.items():
            if item.file:
                goal = self.report.scratch / "read" / path
                goal.parent.mkdir(parents=True, exist_ok=True)
                goal.write_bytes(await self.drive.items.by_drive_item_id(item.id).content.get() or b"")
        self.report.folder("read", self.report.scratch / "read")

    async def details(self, walked: dict[str, Any]) -> None:
        item = self.drive.items.by_drive_item_id(walked["plain.txt"].id)
        versions = await item.versions.get()
        self.report.said("versions", [v.size for v in versions.value] == [walked["plain.txt"].size], "the present one")
        rights = await item.permissions.get()
        self.report.said("permissions", rights.value[0].roles == ["owner"], rights.value[0].granted_to_v2.site_group.id)
        by_path = await self.drive.items.by_drive_item_id("root:/Folder é #1 & 50%/a#b.txt:").get()
        self.report.said("item by path", by_path.name == "a#b.txt", "with characters that must be escaped")
        found = await self.drive.items.by_drive_item_id("root").search_with_q("two").get()
        self.report.said("search", any(i.name == "two.txt" for i in found.value), f"{len(found.value)} found")
        wanted = [self.drive.items.by_drive_item_id(i.id).to_get_request_information() for i in walked.values()][:20]
        content = BatchRequestContent({str(n): self._in_batch(r) for n, r in enumerate(wanted)})
        answer = await self.client.batch.post(content)
        states = [r.status for r in answer.responses.values()]
        self.report.said("batch of 20", states == [200] * 20, f"{len(states)} answers")

    def _in_batch(self, request: Any) -> Any:
        from msgraph_core.requests.batch_request_item import BatchRequestItem

        return BatchRequestItem(request_information=request)

    async def refusals(self) -> None:
        try:
            await self.drive.items.by_drive_item_id("01" + "A" * 32).get()
            self.report.said("item that is not there", False, "no error")
        except APIError as error:
            code = error.error.code
            self.report.said(
                "item that is not there", (error.response_status_code, code) == (404, "itemNotFound"), code
            )


async def run() -> None:
    report = saying.Report()
    session = Session(report)
    walked: dict[str, Any] = {}
    with report.trying("find"):
        await session.find()
    with report.trying("list by children"):
        walked = await session.walk()
    for check in (session.feed, session.read, session.details, session.changes):
        with report.trying(check.__name__):
            await check(walked)
    with report.trying("item that is not there"):
        await session.refusals()
    with report.trying("wrong secret"):
        try:
            credential = ClientSecretCredential(report.config["tenant"], report.config["client_id"], "wrong")
            credential.get_token("https://graph.microsoft.com/.default")
            report.said("wrong secret", False, "no error")
        except ClientAuthenticationError as error:
            report.said("wrong secret", "AADSTS7000215" in str(error), "refused with its number")


if __name__ == "__main__":
    asyncio.run(run())
