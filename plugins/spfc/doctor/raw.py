"""FileCloud's answers as they came, for what the typed client has no call for or hides on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spfc.errors import AnswerUnreadable
from spfc.filecloud import FileCloudClient, calls, xml
from spfc.filecloud.answers import looks_like_html
from spfc.filecloud.refusals import Hint, hint_of
from spfc.filecloud.wire import Reply, Request

_SHOWN = 80
"""Characters of a server's words in a finding."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer reduced to what a finding says of it. ``said`` is short and redacted."""

    done: bool
    """The server says that it did what was asked."""
    status: int
    said: str
    hint: Hint

    def __str__(self) -> str:
        if self.done:
            return "accepted"
        return f"refused with {self.said!r}" + ("" if self.status == 200 else f" (status {self.status})")


def ask(client: FileCloudClient, request: Request) -> Answer:
    """Send a call under the client's login and say how it went. Raises ServiceError for trouble on the way."""
    return answer_of(client.raw(request), client)


def answer_of(reply: Reply, client: FileCloudClient) -> Answer:
    """Reduce a reply to a command or an upload (FileCloud reference 3.1, 7.2)."""
    text, done = "", False
    if looks_like_html(reply.body):
        text = "a web page"
    elif reply.body.strip(b" \t\r\n\xef\xbb\xbf") == b"OK":
        done = reply.status == 200
    else:
        text, done = _command(reply)
    said = " ".join(client.redact(text).split())[:_SHOWN]
    return Answer(done, reply.status, said, hint_of(text))


def _command(reply: Reply) -> tuple[str, bool]:
    try:
        document = xml.parse(reply.body)
    except AnswerUnreadable:
        return reply.body[:500].decode("utf-8", "replace"), False
    command = document.command()
    if command is None:
        return f"<{document.root}>", False
    return command.message, command.done and reply.status == 200


def record_of(client: FileCloudClient, path: str, *, extra: bool = True) -> Mapping[str, Any] | None:
    """Return the fields of one entry as texts, None when nothing is there; without ``extra`` no extra fields."""
    request = calls.file_info(path)
    if not extra:
        request = Request("fileinfo", request.path, form={"file": path}, subject=path)
    found = records_in(client.raw(request), "entry")
    return found[0] if found else None


def records_in(reply: Reply, name: str) -> list[Mapping[str, Any]]:
    """Return the records of an answer, none for one that is no list of them."""
    try:
        return xml.parse(reply.body).records(name)
    except AnswerUnreadable:
        return []


def fields_with(reply: Reply, name: str) -> Mapping[str, Any]:
    """Return the innermost record that has a field ``name``: for answers whose root nobody has described."""
    try:
        waiting: list[Any] = [xml.parse(reply.body).body]
    except AnswerUnreadable:
        return {}
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(value.get(name), str):
                return value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return {}


def number(fields: Mapping[str, Any], name: str) -> int | None:
    """Return a field as a whole number, None when it is absent, empty or something else."""
    text = str(fields.get(name) or "").strip()
    return int(text) if text.lstrip("-").isdecimal() else None
