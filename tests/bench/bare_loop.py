"""The limit: the requests that the product needs for each file, over bare sockets, with nothing between.

What this reaches is what the simulators can serve to one client process on this machine.
"""

from __future__ import annotations

import json
import queue
import socket
import sys
import threading
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from tests.bench.libraries import Library
from tests.bench.services import Services, listing, token_of

_PIECE = 1 << 20
_CHUNK = 20 << 20
_BOUNDARY = "bare-loop"


class Link:
    """One connection that is kept open, and the few lines of HTTP that are needed."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = parts.netloc
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80), 600)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def send(self, head: str, *pieces: bytes | memoryview) -> None:
        """Send one request: its line and headers without Host, and its body."""
        first, _, headers = head.partition("\r\n")
        text = f"{first}\r\nHost: {self._host}\r\n{headers}\r\n".encode()
        if sum(map(len, pieces)) < 1 << 16:
            self._socket.sendall(b"".join((text, *pieces)))
            return
        self._socket.sendall(text)
        for piece in pieces:
            self._socket.sendall(piece)

    def head(self) -> dict[str, str]:
        """Return the headers of an answer, names in lower case, and its status as ``status``."""
        while (end := self._rest.find(b"\r\n\r\n")) < 0:
            self._rest += self._more()
        lines = self._rest[:end].decode("latin-1").split("\r\n")
        self._rest = self._rest[end + 4 :]
        found = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        return {**found, "status": lines[0].split(" ")[1]}

    def body(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        whole = bytearray(size)
        view = memoryview(whole)
        at = min(size, len(self._rest))
        view[:at] = self._rest[:at]
        self._rest = self._rest[at:]
        while at < size:
            got = self._socket.recv_into(view[at : at + _PIECE])
            if not got:
                raise ConnectionError("the connection ended early")
            at += got
        return bytes(whole) if size < _PIECE else whole  # type: ignore[return-value]

    def answer(self) -> tuple[dict[str, str], bytes]:
        """Return headers and body of an answer."""
        head = self.head()
        return head, self.body(int(head.get("content-length", "0")))

    def _more(self) -> bytes:
        data = self._socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the connection ended early")
        return data


class Loop:
    """Copies files with as many threads as it is told."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.source, self.target = options["sharepoint"], options["filecloud"]
        self.legs = options.get("legs", "both")
        services = Services(
            Library("", None, 0, 0),
            0,
            self.source,
            self.target,
            None,
            None,
            (),  # type: ignore[arg-type]
        )
        self.token = token_of(services)
        items = list(listing(services))
        names = {item["id"]: "" if "root" in item else item["name"] for item in items}
        parents = {item["id"]: item["parentReference"].get("id") for item in items}
        self.files: queue.SimpleQueue[tuple[str, str, str, int]] = queue.SimpleQueue()
        self.cookies = self._log_in()
        link = Link(self.target["url"])
        self._form(link, "/core/createfolder", {"path": self.target["root"], "name": "mirror"})
        for item in items:
            folder = self._path(item["id"], names, parents).rpartition("/")[0]
            if "folder" in item and "root" not in item:
                self._form(link, "/core/createfolder", {"path": folder, "name": item["name"]})
            elif "file" in item:
                self.files.put((item["id"], folder, item["name"], item["size"]))

    def _path(self, item_id: str, names: dict[str, str], parents: dict[str, str | None]) -> str:
        above = parents.get(item_id)
        if above is None or above not in names:
            return f"{self.target['root']}/mirror"
        return f"{self._path(above, names, parents)}/{names[item_id]}"

    def _log_in(self) -> str:
        link = Link(self.target["url"])
        form = urlencode({"userid": self.target["user"], "password": self.target["password"]}).encode()
        link.send(_form_head("/core/loginguest", len(form)), form)
        text = b""
        while b"\r\n\r\n" not in text:
            text += link._more()
        lines = text.decode("latin-1").split("\r\n")
        return "; ".join(line.split(":", 1)[1].split(";")[0].strip() for line in lines if line.startswith("Set-Cookie"))

    def _form(self, link: Link, path: str, form: dict[str, str]) -> None:
        body = urlencode(form).encode()
        link.send(_form_head(path, len(body), self.cookies), body)
        link.answer()

    def run(self, workers: int) -> None:
        """Copy everything."""
        failures: list[BaseException] = []

        def work() -> None:
            try:
                self._work()
            except (OSError, ValueError, KeyError) as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def _work(self) -> None:
        graph, cloud = Link(self.source["url"]), Link(self.target["url"])
        store: Link | None = None
        while True:
            try:
                item, folder, name, size = self.files.get_nowait()
            except queue.Empty:
                return
            if self.legs == "upload":
                self._move(None, cloud, folder, name, size)
                continue
            path = f"/v1.0/drives/{self.source['drive_id']}/items/{item}/content"
            graph.send(f"GET {path} HTTP/1.1\r\nAuthorization: Bearer {self.token}\r\n")
            location = urlsplit(graph.answer()[0]["location"])
            store = store or Link(f"http://{location.netloc}")
            store.send(f"GET {location.path}?{location.query} HTTP/1.1\r\n")
            store.head()
            self._move(store, None if self.legs == "download" else cloud, folder, name, size)

    def _move(self, store: Link | None, cloud: Link | None, folder: str, name: str, size: int) -> None:
        offset = 0
        while True:
            length = min(_CHUNK, size - offset)
            data = bytes(length) if store is None else store.body(length)
            if cloud is not None:
                self._upload(cloud, folder, name, size, offset, data)
            offset += length
            if offset >= size:
                return

    def _upload(self, cloud: Link, folder: str, name: str, size: int, offset: int, data: bytes) -> None:
        query = {
            "appname": "explorer",
            "path": folder,
            "offset": offset,
            "complete": int(offset + len(data) == size),
            "filename": name,
            "filesize": size,
            "date": "2024-07-19T19:32:00Z",
            "nofileoverwrite": 1,
        }
        first = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file_contents"; filename="{name}"\r\n\r\n'
        head, tail = first.encode(), f"\r\n--{_BOUNDARY}--\r\n".encode()
        cloud.send(
            f"POST /core/upload?{urlencode(query, quote_via=quote)} HTTP/1.1\r\n"
            f"Cookie: {self.cookies}\r\nContent-Type: multipart/form-data; boundary={_BOUNDARY}\r\n"
            f"Content-Length: {len(head) + len(data) + len(tail)}\r\n",
            head,
            data,
            tail,
        )
        said = cloud.answer()[1]
        if said.strip() != b"OK":
            raise ValueError(f"the upload was refused: {said[:200]!r}")


def _form_head(path: str, length: int, cookies: str = "") -> str:
    kind = "application/x-www-form-urlencoded"
    cookie = f"Cookie: {cookies}\r\n" if cookies else ""
    return f"POST {path} HTTP/1.1\r\n{cookie}Content-Type: {kind}\r\nContent-Length: {length}\r\n"


if __name__ == "__main__":
    chosen = json.loads(sys.argv[1])
    Loop(chosen).run(chosen["workers"])
