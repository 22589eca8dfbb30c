"""Where the library is found: the site and its drives (Graph reference 4)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from simulators.sharepoint.errors import GraphFailure, utc
from simulators.sharepoint.library import Library
from simulators.sharepoint.urls import Target
from simulators.sharepoint.wire import Json, drive, pick

LIST_KINDS = frozenset({"lists", "list", "list_items", "list_item", "list_delta", "list_columns"})
"""What lists answer, and not the drive below the library."""


@dataclass(slots=True)
class Places:
    """One site with one library, which is the site's default drive."""

    library: Library
    site_path: str
    site_title: str
    library_name: str
    site_url: str
    library_url: str

    def check(self, target: Target) -> None:
        """Raise GraphFailure 400 or 404 for an address that is not here."""
        if target.kind == "unknown":
            raise GraphFailure(400, "invalidRequest", "The simulator does not know this resource.")
        ids = self.library.ids
        if target.site is not None and not self._is_our_site(target.site):
            raise GraphFailure(404, "itemNotFound", "Requested site could not be found")
        if target.drive is not None and target.drive != ids.drive_id:
            raise GraphFailure(404, "itemNotFound", "The resource could not be found.")
        if target.kind not in LIST_KINDS and not self.is_library(target.list_address):
            raise GraphFailure(404, "itemNotFound", "The specified list was not found")

    def _is_our_site(self, address: str) -> bool:
        ids = self.library.ids
        host, colon, path = address.partition(":")
        if colon:
            wanted = path.rstrip("/").casefold()
            return host.casefold() == ids.hostname.casefold() and wanted == self.site_path.casefold()
        return address in ("root", ids.site_id) or address.casefold() == ids.hostname.casefold()

    def is_library(self, address: str | None) -> bool:
        """Say whether an address means the library, by id or by title without regard to case, or no list at all."""
        return address is None or address.casefold() in (str(self.library.ids.list), self.library_name.casefold())

    def answer(self, target: Target) -> tuple[str, Json]:
        """Return the context and the value of a site or drive, or of a collection of them."""
        if target.kind == "site":
            return "sites/$entity", pick(self.site(target.site or ""), target.select)
        if target.kind in ("sites", "subsites"):
            return "sites", {"value": [pick(site, target.select) for site in self._sites(target)]}
        if target.kind == "me":
            return "users/$entity", pick(_somebody(), target.select)
        library = pick(dict(drive(self.library, self.library_name, self.library_url)), target.select)
        return ("drives", {"value": [library]}) if target.kind == "site_drives" else ("drives/$entity", library)

    def site(self, address: str) -> Json:
        """Return the site at an address; the tenant's root site holds nothing but its name."""
        ids = self.library.ids
        created = utc(self.library.root.created_at)
        site: Json = {
            "createdDateTime": created,
            "description": "",
            "id": ids.site_id,
            "lastModifiedDateTime": created,
            "name": self.site_path.rsplit("/", 1)[-1],
            "webUrl": self.site_url,
            "displayName": self.site_title,
            "siteCollection": {"hostname": ids.hostname},
        }
        if address in ("root", ids.hostname):
            site |= {"id": f"{ids.hostname},{ids.tenant},{ids.tenant}", "name": "", "root": {}}
            site["webUrl"] = self.site_url.removesuffix(quote(self.site_path))
        return site

    def _sites(self, target: Target) -> list[Json]:
        """Return all sites, those that a search finds, or (our site has none) the subsites of one."""
        if target.kind == "subsites":
            return []
        ours = self.site("")
        if target.part is None:
            return [self.site("root"), ours]
        wanted = target.part.strip("'\"*").casefold()
        return [ours] if any(wanted in str(ours[name]).casefold() for name in ("name", "displayName", "webUrl")) else []


def _somebody() -> Json:
    return {"id": "5a0b7a52-7f7e-4c39-8a52-2f6a6f0f6c55", "displayName": "Somebody", "userPrincipalName": "somebody"}
