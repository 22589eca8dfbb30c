"""Identifiers in the shapes of the real service (Graph reference 2)."""

from __future__ import annotations

import base64
import hashlib
import uuid
from dataclasses import dataclass
from functools import lru_cache

ROOT_GUID = uuid.UUID("ea8cc6be-ffdb-43d7-976f-bc7da445c639")
_SPACE = uuid.UUID("6f2f3f0e-5d0c-4a5e-9a51-2f6f3d1f7a10")


@dataclass(frozen=True, slots=True)
class LibraryIds:
    """The GUIDs of one library, derived from where it lives, so they are the same after any restart."""

    hostname: str
    tenant: uuid.UUID
    site: uuid.UUID
    web: uuid.UUID
    list: uuid.UUID

    @classmethod
    def derive(cls, hostname: str, tenant: str, site_path: str, library: str) -> LibraryIds:
        """Derive all ids from the library's address."""
        where = f"{hostname}|{tenant}|{site_path}"
        return cls(
            hostname,
            uuid.uuid5(_SPACE, f"tenant|{tenant}"),
            uuid.uuid5(_SPACE, f"site|{where}"),
            uuid.uuid5(_SPACE, f"web|{where}"),
            uuid.uuid5(_SPACE, f"list|{where}|{library}"),
        )

    @property
    def site_id(self) -> str:
        """Host name, site GUID and web GUID, joined by commas."""
        return f"{self.hostname},{self.site},{self.web}"

    @property
    def drive_id(self) -> str:
        """`b!` and the unpadded base64url of the three little-endian GUIDs."""
        return _drive_id(self.site, self.web, self.list)

    def item_id(self, guid: uuid.UUID) -> str:
        """`01` and the base32 of a 4-byte prefix and the item's little-endian GUID: 34 characters."""
        return "01" + base64.b32encode(_prefix(self.site, self.web) + guid.bytes_le).decode("ascii")

    @property
    def root_id(self) -> str:
        """The id of the library's root folder."""
        return self.item_id(ROOT_GUID)


@lru_cache
def _drive_id(site: uuid.UUID, web: uuid.UUID, list_id: uuid.UUID) -> str:
    raw = site.bytes_le + web.bytes_le + list_id.bytes_le
    return "b!" + base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


@lru_cache
def _prefix(site: uuid.UUID, web: uuid.UUID) -> bytes:
    return hashlib.sha256(site.bytes_le + web.bytes_le).digest()[:4][::-1]


def guid_of(item_id: str) -> uuid.UUID:
    """Return the GUID inside an item id; raises ValueError when it is not one."""
    if len(item_id) != 34 or not item_id.startswith("01"):
        raise ValueError("not an item id")
    return uuid.UUID(bytes_le=base64.b32decode(item_id[2:])[4:])
