"""From the address that people know (host, site path, library name) to the ids that Graph works with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from spfc.errors import AnswerUnreadable, PermissionMissing, PlaceNotFound, SpfcError
from spfc.graph.paging import read_collection
from spfc.graph.replies import Refusal
from spfc.graph.wire import Call, Wire


@dataclass(frozen=True, slots=True)
class Site:
    """A SharePoint site; ``id`` has three parts: host, site collection, web (Graph reference 2)."""

    id: str
    name: str
    web_url: str


@dataclass(frozen=True, slots=True)
class Drive:
    """A document library. ``system`` marks those that SharePoint keeps for itself."""

    id: str
    name: str
    web_url: str
    system: bool

    @property
    def url_name(self) -> str:
        """The last part of its address, decoded: often differs from the title (``Shared Documents``)."""
        return unquote(urlsplit(self.web_url).path.rstrip("/").rpartition("/")[2])


def find_site(wire: Wire, hostname: str, site_path: str) -> Site:
    """Find a site by host and server-relative path (1 unit). Raises PlaceNotFound or PermissionMissing."""
    path = "/".join(quote(part, safe="") for part in site_path.split("/") if part)
    address = f"{quote(hostname, safe='')}:/{path}" if path else quote(hostname, safe="")
    where = f"https://{hostname}/{path}"

    def explain(refusal: Refusal) -> SpfcError | None:
        # An unknown host name is answered with 400, an unknown path with 404.
        if refusal.status in (400, 404):
            return PlaceNotFound(
                f"The site {where} was not found ({refusal}).",
                hint="Check host name and site path; a path looks like /sites/name.",
            )
        return may_not(refusal, f"site {where}")

    call = Call(f"/sites/{address}?$select=id,displayName,name,webUrl", "site", 1, f"the site {where}", explain)
    raw = wire.get_json(call)
    return Site(id_of(raw, "site"), str(raw.get("displayName") or raw.get("name") or ""), str(raw.get("webUrl") or ""))


def list_drives(wire: Wire, site_id: str) -> list[Drive]:
    """List all libraries of a site, also those of the system (2 units per page)."""
    # Without `system` in the select the service leaves system libraries out (Graph reference 4.1).
    url = f"/sites/{quote(site_id, safe=',')}/drives?$select=id,name,webUrl,driveType,system"
    raw = read_collection(
        wire, url, "drives", "the libraries of the site", lambda refusal: may_not(refusal, "site's libraries")
    )
    return [_drive(value) for value in raw]


def find_drive(wire: Wire, site_id: str, library: str) -> Drive:
    """Find a library by title, by the name in its address, or by its full address; case does not matter.

    Raises PlaceNotFound whose hint lists the libraries that are there.
    """
    drives = list_drives(wire, site_id)
    wanted = unquote(library).rstrip("/").casefold() if "://" in library else library.strip("/").casefold()
    for key in (_title, _url_name, _address):
        for drive in drives:
            if key(drive) == wanted:
                return drive
    raise PlaceNotFound(f"The site has no library '{library}'.", hint=_choices(drives))


def _title(drive: Drive) -> str:
    return drive.name.casefold()


def _url_name(drive: Drive) -> str:
    return drive.url_name.casefold()


def _address(drive: Drive) -> str:
    return unquote(drive.web_url).rstrip("/").casefold()


def _choices(drives: Iterable[Drive]) -> str:
    names = sorted(f"'{drive.name}'" for drive in drives if not drive.system)
    return f"It has: {', '.join(names)}." if names else "The app sees no library there."


def _drive(raw: Mapping[str, Any]) -> Drive:
    return Drive(
        id_of(raw, "library"),
        str(raw.get("name") or ""),
        str(raw.get("webUrl") or ""),
        raw.get("system") is not None,
    )


def id_of(raw: Mapping[str, Any], what: str) -> str:
    """Return the id of a site, library or list. Raises AnswerUnreadable."""
    value = raw.get("id")
    if not isinstance(value, str) or not value:
        raise AnswerUnreadable(f"Microsoft Graph sent a {what} without an id.")
    return value


def may_not(refusal: Refusal, what: str) -> SpfcError | None:
    """Return what a 403 means for something of a site, None for any other refusal."""
    if refusal.status != 403:
        return None
    return PermissionMissing(
        f"The app may not see the {what} ({refusal}).",
        hint="Grant it Sites.Read.All (application) with admin consent, or with Sites.Selected give it "
        "the role 'read' on this site.",
    )
