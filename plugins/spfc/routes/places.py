"""Where items come from and where they go: every source and every target that a route may name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Discriminator, Field, Tag

from spfc.routes.fields import BaseFolder, Folder, Strict, base_folder

LOCAL = "file"
"""Scheme of folders of this machine, and of everything that is mounted into it."""
_STORES = {"s3": "s3", "s3a": "s3", "abfs": "abfs", "abfss": "abfs"}
"""Schemes of object stores, and how each is written from here on: a store has one name, or overlaps go unseen."""


class SharePointSource(Strict):
    """A SharePoint Online document library, or one folder of it."""

    type: Literal["sharepoint_library"] = "sharepoint_library"
    connection: str = Field("spfc_sharepoint", description="Airflow connection of type msgraph")
    hostname: str = Field(description="host of the tenant, such as contoso.sharepoint.com", min_length=1)
    site: str = Field(description="server-relative path of the site, such as /sites/legal", pattern=r"^/")
    library: str = Field("Documents", description="name of the document library", min_length=1)
    folder: Folder = Field("/", description="only what lies below this folder of the library")

    @property
    def label(self) -> str:
        """How logs and reports name this place."""
        return f"{self.hostname}{self.site}/{self.library}{'' if self.folder == '/' else self.folder}"

    @property
    def below(self) -> str:
        """The folder that is mirrored, as a path from the root that the source shows."""
        return self.folder

    @property
    def product(self) -> str:
        """What people call this kind of place."""
        return "SharePoint"


class FileCloudSource(Strict):
    """A folder on a FileCloud server, with everything below it."""

    type: Literal["filecloud_folder"]
    connection: str = Field("spfc_filecloud", description="Airflow connection of type filecloud")
    folder: BaseFolder = Field(description="absolute FileCloud path of the folder that is copied, such as /team/legal")
    change_feed: bool = Field(
        False, description="let the server's change feed say which folders to list again; it never decides deletions"
    )

    @property
    def label(self) -> str:
        """How logs and reports name this place."""
        return f"{self.connection}:{self.folder}"

    @property
    def below(self) -> str:
        """The folder that is mirrored, as a path from the root that the source shows: all of it."""
        return "/"

    @property
    def product(self) -> str:
        """What people call this kind of place."""
        return "FileCloud"


class SharePointList(Strict):
    """A SharePoint Online list."""

    type: Literal["sharepoint_list"]
    connection: str = Field("spfc_sharepoint", description="Airflow connection of type msgraph")
    hostname: str = Field(description="host of the tenant, such as contoso.sharepoint.com", min_length=1)
    site: str = Field(description="server-relative path of the site, such as /sites/legal", pattern=r"^/")
    list: str = Field(description="title, name in the address, or id of the list", min_length=1)

    @property
    def label(self) -> str:
        """How logs and reports name this place."""
        return f"{self.hostname}{self.site}/{self.list}"


class FileCloudTarget(Strict):
    """A folder on a FileCloud server."""

    type: Literal["filecloud"] = "filecloud"
    connection: str = Field("spfc_filecloud", description="Airflow connection of type filecloud")
    folder: BaseFolder = Field(description="absolute FileCloud path that mirrors the source, such as /team/legal")

    @property
    def label(self) -> str:
        """How logs and reports name this place."""
        return f"{self.connection}:{self.folder}"

    @property
    def service(self) -> str:
        """What tells one service from another: two targets of one service may overlap."""
        return f"filecloud:{self.connection}"

    @property
    def product(self) -> str:
        """What people call this kind of place."""
        return "FileCloud"


def _storage_url(value: str) -> str:
    """Normalise the address of a storage folder: an absolute path for local ones, else ``scheme://bucket/folder``.

    The only place that reads such an address. What may hold a key is refused without being repeated.
    """
    parts = urlsplit("" if value.startswith("/") else value)
    local = parts.scheme in ("", LOCAL)
    if "@" in parts.netloc or ":" in parts.netloc:
        raise ValueError("the address must not hold a user, key, account or port: name an Airflow connection instead")
    if parts.query or parts.fragment:
        raise ValueError("the address must not hold '?' or '#'")
    if not local and parts.scheme not in _STORES:
        raise ValueError(
            f"there is no target for {parts.scheme}://: use an absolute path, s3:// or abfs://; many other stores, "
            "Google's among them, speak S3 as well"
        )
    path = value if value.startswith("/") else unquote(parts.path) if local else parts.path
    if local and (parts.netloc not in ("", "localhost") or not path.startswith("/")):
        raise ValueError(f"{value!r} is no absolute path: write /srv/mirror or file:///srv/mirror")
    if not local and not parts.netloc:
        raise ValueError(f"{value!r} names no bucket or container: write s3://bucket/folder or abfs://container/folder")
    folder = base_folder(path)
    return folder if local else f"{_STORES[parts.scheme]}://{parts.netloc}{folder}"


class ObjectStorageTarget(Strict):
    """A local folder, or a folder of an object store."""

    type: Literal["object_storage"]
    url: Annotated[str, AfterValidator(_storage_url)] = Field(
        description="the folder that mirrors the source: /srv/mirror/legal, s3://bucket/legal or abfs://container/legal"
    )
    connection: str | None = Field(
        None, description="Airflow connection of the store (type aws or wasb); none for local folders"
    )
    chunk_mib: int = Field(
        16, ge=5, le=1024, description="MiB per part of an upload; S3 takes 10,000 parts, so 16 allow files of 156 GiB"
    )

    @property
    def label(self) -> str:
        """How logs and reports name this place."""
        return self.url

    @property
    def local(self) -> bool:
        """Say whether it is a folder of this machine."""
        return self.url.startswith("/")

    @property
    def folder(self) -> str:
        """The absolute path at the service: of a local file system, or with the bucket or container before it."""
        return self.url if self.local else "/" + self.url.partition("://")[2]

    @property
    def service(self) -> str:
        """What tells one service from another: two targets of one service may overlap."""
        return LOCAL if self.local else self.url.partition("://")[0]

    @property
    def product(self) -> str:
        """What people call this kind of place."""
        return "the mirror"


class SqlTableTarget(Strict):
    """A table of a SQL database."""

    type: Literal["sql_table"] = "sql_table"
    connection: str = Field(description="Airflow connection of type postgres or sqlite")
    table: str = Field(
        description="name of the table; it is made by the first run", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,54}$"
    )
    db_schema: str | None = Field(
        None,
        description="schema of the table, which must exist; default: the connection's",
        min_length=1,
        max_length=63,
    )

    @property
    def label(self) -> str:
        """How logs and reports name this place."""
        return f"{self.connection}:{self.area}"

    @property
    def area(self) -> str:
        """The table with its schema."""
        return f"{self.db_schema}.{self.table}" if self.db_schema else self.table

    @property
    def service(self) -> str:
        """What tells one service from another."""
        return f"sql:{self.connection}"


def chosen_by_type(default: str) -> Callable[[object], str]:
    """Return what tells which kind of place a mapping (or a place) is; without ``type`` it is the ``default``."""

    def kind(value: object) -> str:
        if isinstance(value, dict):
            return str(value.get("type", default))
        return str(getattr(value, "type", default))

    return kind


FileSource = Annotated[
    Annotated[SharePointSource, Tag("sharepoint_library")] | Annotated[FileCloudSource, Tag("filecloud_folder")],
    Discriminator(chosen_by_type("sharepoint_library")),
]
"""Where files come from."""

FileTarget = Annotated[
    Annotated[FileCloudTarget, Tag("filecloud")] | Annotated[ObjectStorageTarget, Tag("object_storage")],
    Discriminator(chosen_by_type("filecloud")),
]
"""Where files go."""

PLACES = ("sharepoint_library", "filecloud_folder", "filecloud", "object_storage")
"""The types that stand in the location of a validation error although nobody wrote them there."""
