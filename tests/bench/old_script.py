"""The sequential script that this project replaces, written anew for the benchmark: one request after the other.

It walks the library folder by folder, asks FileCloud for each file whether it is there, downloads what is missing
into memory and uploads it in one piece. Nothing is verified, remembered or resumed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import requests


class Script:
    """One pass over a library."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.source, self.target = options["sharepoint"], options["filecloud"]
        self.ends = time.monotonic() + options["seconds"]
        self.graph, self.cloud = requests.Session(), requests.Session()
        self.copied = 0

    def run(self) -> None:
        """Copy everything that is missing, until the time is up."""
        self._sign_in()
        root = f"{self.target['root']}/mirror"
        self._call("/core/createfolder", {"path": self.target["root"], "name": "mirror"})
        self._folder("root", root)

    def _sign_in(self) -> None:
        place = self.source
        answer = requests.post(
            f"{place['url']}/{place['tenant']}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": place["client_id"],
                "client_secret": place["client_secret"],
                "scope": f"{place['url']}/.default",
            },
            timeout=60,
        )
        self.graph.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        self._call("/core/loginguest", {"userid": self.target["user"], "password": self.target["password"]})

    def _folder(self, item_id: str, path: str) -> None:
        for item in self._children(item_id):
            if time.monotonic() > self.ends:
                return
            place = f"{path}/{item['name']}"
            if "folder" in item:
                self._call("/core/createfolder", {"path": path, "name": item["name"]})
                self._folder(item["id"], place)
            elif "<fullfilename>" not in self._call("/core/fileinfo", {"file": place}):
                self._copy(item, path)

    def _children(self, item_id: str) -> Iterator[dict[str, Any]]:
        drive = f"{self.source['graph_root']}/drives/{self.source['drive_id']}"
        link = f"{drive}/items/{item_id}/children"
        while link:
            page = self.graph.get(link, timeout=600).json()
            yield from page["value"]
            link = page.get("@odata.nextLink", "")

    def _copy(self, item: dict[str, Any], folder: str) -> None:
        drive = f"{self.source['graph_root']}/drives/{self.source['drive_id']}"
        content = self.graph.get(f"{drive}/items/{item['id']}/content", timeout=600).content
        modified = datetime.fromisoformat(item["fileSystemInfo"]["lastModifiedDateTime"])
        query = {
            "appname": "explorer",
            "path": folder,
            "offset": "0",
            "complete": "1",
            "filename": item["name"],
            "filesize": str(len(content)),
            "date": modified.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        url = f"{self.target['url']}/core/upload"
        self.cloud.post(url, params=query, files={"file_contents": (item["name"], content)}, timeout=600)
        self.copied += 1

    def _call(self, path: str, form: dict[str, str]) -> str:
        return self.cloud.post(self.target["url"] + path, data=form, timeout=600).text


if __name__ == "__main__":
    script = Script(json.loads(sys.argv[1]))
    script.run()
    print(script.copied)
