"""A plain reader of the simulated Graph, written from the reference, for tests only."""

from __future__ import annotations

from typing import Any

import requests

from simulators.sharepoint import SharePointSimulator

Json = dict[str, Any]
SELECT = "id,name,eTag,cTag,size,deleted,file,folder,root,parentReference,fileSystemInfo,content.downloadUrl"


class Reader:
    """Follows the feed and keeps a picture of the library by id."""

    def __init__(self, sim: SharePointSimulator, query: str = f"$select={SELECT}") -> None:
        self.sim = sim
        self.query = query
        self.http = requests.Session()
        self.http.trust_env = False
        self.login()
        self.items: dict[str, Json] = {}
        self.link: str | None = None
        self.pages: list[Json] = []

    def login(self) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.sim.client_id,
            "client_secret": self.sim.client_secret,
            "scope": f"{self.sim.graph_root}/.default",
        }
        answer = self.http.post(f"{self.sim.authority}/oauth2/v2.0/token", data=form)
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def close(self) -> None:
        self.http.close()

    @property
    def drive(self) -> str:
        return f"{self.sim.graph_root}/drives/{self.sim.drive_id}"

    def get(self, path: str, **more: Any) -> requests.Response:
        url = path if path.startswith("http") else self.sim.graph_root + path
        return self.http.get(url, allow_redirects=False, timeout=10, **more)

    def follow(self) -> dict[str, Json]:
        """Read one round; return what it told, last occurrence winning, and apply it."""
        url = self.link or f"{self.drive}/root/delta?{self.query}"
        told: dict[str, Json] = {}
        self.pages = []
        while True:
            answer = self.get(url)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            self.pages.append(page)
            for value in page["value"]:
                told[value["id"]] = value
            if "@odata.nextLink" not in page:
                break
            url = page["@odata.nextLink"]
        self.link = page["@odata.deltaLink"]
        changed = {i: v for i, v in told.items() if self.items.get(i, {}).get("eTag") != v.get("eTag")}
        for item_id, value in told.items():
            if "deleted" in value:
                self.items.pop(item_id, None)
            else:
                self.items[item_id] = value
        return changed

    def path(self, item_id: str) -> str | None:
        """Path below the root, or None for what lies in a removed folder."""
        value = self.items.get(item_id)
        if value is None:
            return None
        if "root" in value:
            return ""
        above = self.path(value["parentReference"]["id"])
        return None if above is None else f"{above}/{value['name']}".lstrip("/")

    def tree(self) -> dict[str, str | None]:
        """Path -> quickXorHash (None for folders), without the root."""
        found = {}
        for item_id, value in self.items.items():
            path = self.path(item_id)
            if path:
                found[path] = value["file"]["hashes"]["quickXorHash"] if "file" in value else None
        return found

    def id_of(self, path: str) -> str:
        [found] = [i for i in self.items if self.path(i) == path]
        return found
