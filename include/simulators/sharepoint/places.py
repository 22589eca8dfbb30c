"""Where the library is found: the site, its drives and its lists (Graph reference 4 and 7)."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from urllib.parse import quote

from simulators.sharepoint.errors import GraphFailure, utc
from simulators.sharepoint.items import Item
from simulators.sharepoint.library import Library
from simulators.sharepoint.urls import Target
from simulators.sharepoint.wire import Json, drive, list_item_number, pick

_COLUMNS = (
    ("FileLeafRef", "Name", "text", True),
    ("ContentType", "Content Type", "text", False),
    ("Created", "Created", "dateTime", False),
    ("Modified", "Modified", "dateTime", False),
)
_FIELDS = re.compile(r"^fields(?:\(\$?select=([^)]*)\))?$")


@dataclass(slots=True)
class Places:
    """One site with one library, which is the site's default drive, and which is a list as well."""

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
        if target.list_address is not None and not self._is_our_list(target.list_address):
            raise GraphFailure(404, "itemNotFound", "The specified list was not found")

    def _is_our_site(self, address: str) -> bool:
        ids = self.library.ids
        host, colon, path = address.partition(":")
        if colon:
            wanted = path.rstrip("/").casefold()
            return host.casefold() == ids.hostname.casefold() and wanted == self.site_path.casefold()
        return address in ("root", ids.site_id) or address.casefold() == ids.hostname.casefold()

    def _is_our_list(self, address: str) -> bool:
        # By id or by title, the title without regard to case.
        return address.casefold() in (str(self.library.ids.list), self.library_name.casefold())

    def answer(self, target: Target) -> tuple[str, Json]:
        """Return the context and the value of a site, drive or list, or of a collection of them."""
        if target.kind == "site":
            return "sites/$entity", pick(self.site(target.site or ""), target.select)
        if target.kind in ("sites", "subsites"):
            return "sites", {"value": [pick(site, target.select) for site in self._sites(target)]}
        if target.kind == "lists":
            return f"{self._address}/lists", {"value": [pick(self._list(), target.select)]}
        if target.kind == "columns":
            return f"{self.list_context}/columns", {"value": [_column(*column) for column in _COLUMNS]}
        if target.kind == "list":
            return f"{self._address}/lists/$entity", pick(self._list(), target.select)
        if target.kind == "me":
            return "users/$entity", pick(_somebody(), target.select)
        library = pick(dict(drive(self.library, self.library_name, self.library_url)), target.select)
        return ("drives", {"value": [library]}) if target.kind == "site_drives" else ("drives/$entity", library)

    @property
    def _address(self) -> str:
        return f"sites('{quote(self.library.ids.site_id)}')"

    @property
    def list_context(self) -> str:
        """What the context of an answer calls the library as a list."""
        return f"{self._address}/lists('{self.library.ids.list}')"

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

    def _list(self) -> Json:
        ids, created = self.library.ids, utc(self.library.root.created_at)
        return {
            "@odata.etag": f'"{ids.list},1"',
            "createdDateTime": created,
            "description": "",
            "eTag": f'"{ids.list},1"',
            "id": str(ids.list),
            "lastModifiedDateTime": created,
            "name": self.library_url.rsplit("/", 1)[-1],
            "webUrl": self.library_url,
            "displayName": self.library_name,
            "parentReference": {"siteId": ids.site_id},
            "list": {"contentTypesEnabled": False, "hidden": False, "template": "documentLibrary"},
        }

    def list_item(self, item: Item, expand: str) -> Json:
        """Return a file or folder as the row of the list that it is; its columns only when they are expanded."""
        number, kind = str(list_item_number(item)), "Folder" if item.is_dir else "Document"
        path = self.library.path(item)
        value: Json = {
            "@odata.etag": f'"{item.guid},{item.version}"',
            "createdDateTime": utc(item.created_at),
            "eTag": f'"{item.guid},{item.version}"',
            "id": number,
            "lastModifiedDateTime": utc(item.changed_at),
            "webUrl": f"{self.library_url}/{quote(path)}",
            "parentReference": {"siteId": self.library.ids.site_id},
            "contentType": {"id": "0x0120" if item.is_dir else "0x0101", "name": kind},
        }
        wanted = _FIELDS.match(expand)
        if wanted is not None:
            columns = {"Created": utc(item.created_at), "Modified": utc(item.changed_at)}
            fields = {"id": number, "FileLeafRef": item.name, "ContentType": kind, **columns}
            chosen = (wanted.group(1) or ",".join(fields)).split(",")
            value["fields"] = {name: fields[name] for name in chosen if name in fields}
        return value


def _column(name: str, title: str, facet: str, editable: bool) -> Json:
    shown = {"columnGroup": "Core Document Columns", "description": "", "hidden": False, "indexed": False}
    more = {"required": editable, "readOnly": not editable, "enforceUniqueValues": False, facet: {}}
    return {"id": str(uuid.uuid5(uuid.NAMESPACE_OID, name)), "name": name, "displayName": title, **shown, **more}


def _somebody() -> Json:
    return {"id": "5a0b7a52-7f7e-4c39-8a52-2f6a6f0f6c55", "displayName": "Somebody", "userPrincipalName": "somebody"}
