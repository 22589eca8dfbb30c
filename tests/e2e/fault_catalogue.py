"""Everything that may go wrong in a stateful run, as one table: each entry names the reference rows it stands for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

GRAPH_ROWS = (
    "200/206",
    "302",
    "401/403 on download host",
    "infected",
    "404 on item",
    "OneNote parts",
    "416",
    "423",
    "429/503/509",
    "200 with text/html",
    "500/502/504, resets",
)
"""The rows of Graph reference 8.3, in its order."""

FILECLOUD_ROWS = (
    "bad credentials",
    "account locked",
    "2FA needed",
    "CSRF missing",
    "session gone",
    "not found",
    "no permission",
    "exists / case conflict",
    "name refused",
    "quota full",
    "locked file",
    "precondition failed",
    "malformed request",
    "408, 425, 429, 500, 502, 503, 504",
    "413",
    "other 4xx",
    "connect error",
    "reset or timeout before any reply",
    "HTML or unparsable body with 200",
    "body shorter than announced",
)
"""The rows of FileCloud reference 12, in its order."""

Scene = Literal["edits", "first", "present"]
SILENT = "stall"
SILENCE = 1.0
"""Seconds after which the clients of a run with a :data:`SILENT` fault give up waiting."""
CLOSED_PORT = "closed_port"
"""A kind of our own: for one run the address of the server leads nowhere."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. ``rows`` are rows of the reference of its service, empty for further trouble.

    ``scene``: in which kind of run its operation is certain to be asked for (an ordinary one with edits, the very
    first one, the first one over a filled target). ``once``: it happens only once in a run, because repeated it would
    be believed (the two-strike rule of Graph reference 8.4) or cost real time. ``nth`` is the first matching call
    it meets.
    """

    id: str
    service: str
    operation: str | None
    action: Mapping[str, Any]
    rows: tuple[str, ...] = ()
    scene: Scene = "edits"
    once: bool = False
    nth: int = 1
    policy: str = "quarantine"
    """The removal policy of the route under which the operation is asked for."""
    knobs: Mapping[str, Any] = field(default_factory=dict)
    """How the service must be set up for the fault to make sense."""

    def rule(self, times: int, later: int = 0) -> dict[str, Any]:
        """Return the line of a fault plan: ``times`` in a row (-1: for ever), skipping ``later`` calls more."""
        rule: dict[str, Any] = {"id": self.id, "service": self.service, "action": dict(self.action)}
        if self.operation is not None:
            rule["operation"] = self.operation
        return rule | {"nth": self.nth + later, "times": 1 if self.once else times}


def _status(status: int, **more: Any) -> dict[str, Any]:
    return {"kind": "status", "status": status, **more}


def _kind(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, **more}


_NO_BODY = {"body": "", "headers": {"Content-Type": "application/octet-stream"}}
_COMMAND = "<commands><command><type>loginguest</type><result>{}</result><message>{}</message></command></commands>"


def _graph_error(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": "declared fault"}}


def _login() -> Iterator[Fault]:
    refused = {"error": "invalid_client", "error_description": "AADSTS7000215: declared fault"}
    for name, action in {
        "500": _status(500),
        "503": _status(503, retry_after=30),
        "refused": _status(401, body=refused),
        "reset": _kind("reset_before"),
        "html": _kind("html_200"),
        "truncated": _kind("truncate", bytes=10),
    }.items():
        yield Fault(f"login-{name}", "login", "token", action)


def _any_graph(operation: str, scene: Scene = "edits") -> Iterator[Fault]:
    """What may happen to any request at the Graph host."""
    for name, action, row in (
        ("429", _status(429, retry_after=60), "429/503/509"),
        ("429-bare", _status(429), "429/503/509"),
        ("429-long", _status(429, retry_after=7200), "429/503/509"),
        ("503-wait", _status(503, retry_after=120), "429/503/509"),
        ("509", _status(509), "429/503/509"),
        ("500", _status(500), "500/502/504, resets"),
        ("502", _status(502, body="<html>bad gateway</html>"), "500/502/504, resets"),
        ("504", _status(504), "500/502/504, resets"),
        ("503", _status(503), "500/502/504, resets"),
        ("reset-before", _kind("reset_before"), "500/502/504, resets"),
        ("reset-after", _kind("reset_after"), "500/502/504, resets"),
        ("html", _kind("html_200"), "200 with text/html"),
        ("expired-token", _kind("expire_tokens"), ""),
        ("401", _status(401), ""),
        ("403", _status(403), ""),
    ):
        yield Fault(f"{operation}-{name}", "graph", operation, action, (row,) if row else (), scene)


def _graph() -> Iterator[Fault]:
    yield from _any_graph("delta")
    yield from _any_graph("content")
    for operation in ("site", "site_drives"):
        for name, action in (("503", _status(503, retry_after=5)), ("reset", _kind("reset_before"))):
            yield Fault(f"{operation}-{name}", "graph", operation, action, scene="first")
    for location in ("good", "bad", "none"):
        yield Fault(f"delta-gone-{location}", "graph", "delta", _kind("gone", location=location))
    yield Fault("delta-truncated", "graph", "delta", _kind("truncate", bytes=40), ("500/502/504, resets",))
    yield Fault("delta-json-error-200", "graph", "delta", _status(200, body=_graph_error("generalException")))
    yield Fault("delta-404", "graph", "delta", _status(404))
    yield Fault("content-404", "graph", "content", _status(404), ("404 on item",))
    yield Fault("content-404-empty", "graph", "content", _status(404, **_NO_BODY), ("OneNote parts",))
    yield Fault("content-423", "graph", "content", _status(423), ("423",))
    yield Fault("content-locked", "graph", "content", _status(403, body=_graph_error("notAllowed")), ("423",))
    yield Fault("content-no-link", "graph", "content", _status(302), ("302",))
    yield Fault(
        "content-malware", "graph", "content", _status(400, body=_graph_error("malwareDetected")), ("infected",)
    )


def _download() -> Iterator[Fault]:
    stale = ("401/403 on download host",)
    flaky = ("500/502/504, resets",)
    table: tuple[tuple[str, dict[str, Any], tuple[str, ...]], ...] = (
        ("expired-link", _kind("expire_links"), stale),
        ("401", _status(401), stale),
        ("403", _status(403), stale),
        ("404", _status(404), ("404 on item",)),
        ("404-empty", _status(404, **_NO_BODY), ("OneNote parts",)),
        ("503-empty", _status(503, **_NO_BODY), ("OneNote parts",)),
        ("410", _status(410), stale),
        ("infected", _status(403, headers={"X-Virus-Infected": "yes"}), ("infected",)),
        (
            "infected-page",
            _status(403, body="<html>virus</html>", headers={"Content-Type": "text/html"}),
            ("infected",),
        ),
        ("infected-400", _status(400, body=_graph_error("malwareDetected")), ("infected",)),
        ("416", _status(416, headers={"Content-Range": "bytes */7"}), ("416",)),
        ("423", _status(423), ("423",)),
        ("429", _status(429, retry_after=60), ("429/503/509",)),
        ("503-wait", _status(503, retry_after=90), ("429/503/509",)),
        ("509", _status(509), ("429/503/509",)),
        ("500", _status(500), flaky),
        ("502", _status(502), flaky),
        ("504", _status(504), flaky),
        ("reset-before", _kind("reset_before"), flaky),
        ("reset-after", _kind("reset_after"), flaky),
        ("cut-at-0", _kind("truncate", bytes=0), flaky),
        ("cut-in-chunk", _kind("truncate", bytes=700), flaky),
        ("html", _kind("html_200"), ("200 with text/html",)),
        ("302-loop", _status(302, headers={"Location": "?again"}), ("302",)),
        ("206-other-part", _status(206, body="x", headers={"Content-Range": "bytes 5-5/6"}), ("200/206",)),
    )
    for name, action, rows in table:
        yield Fault(f"download-{name}", "download", "download", action, rows)
    wrong = _status(200, body="not the bytes of the file", headers={"Content-Type": "application/octet-stream"})
    yield Fault("download-wrong-bytes", "download", "download", wrong, ("200/206",), once=True)
    yield Fault("download-xml-error", "download", "download", _kind("xml_error_200"), ("200/206",), once=True)


def _cloud_change(operation: str, policy: str = "quarantine") -> Iterator[Fault]:
    """What may happen to any request that changes something at FileCloud."""
    busy = "408, 425, 429, 500, 502, 503, 504"
    for name, action, row in (
        *((str(status), _status(status), busy) for status in (408, 425, 429, 500, 502, 503, 504)),
        ("429-wait", _status(429, retry_after=60), busy),
        ("503-wait", _status(503, retry_after=30), busy),
        ("503-long", _status(503, retry_after=3600), busy),
        ("405", _status(405), "other 4xx"),
        ("422", _status(422, body={"command": [{"result": 0, "message": "bad request"}]}), "malformed request"),
        ("reset-before", _kind("reset_before"), "reset or timeout before any reply"),
        ("reset-after", _kind("reset_after"), "reset or timeout before any reply"),
        ("html", _kind("html_200"), "HTML or unparsable body with 200"),
        ("unparsable", _status(200, body="<commands><comm"), "HTML or unparsable body with 200"),
        ("short", _kind("truncate", bytes=1), "body shorter than announced"),
        ("xml-error", _kind("xml_error_200"), "no permission"),
        ("no-permission", _kind("refuse", message="You do not have permission"), "no permission"),
        ("locked", _kind("locked_file"), "locked file"),
        ("csrf", _kind("refuse", message="Invalid or missing CSRF token"), "CSRF missing"),
        ("missing", _kind("refuse", message="The file or folder does not exist"), "not found"),
        ("exists", _kind("refuse", message="A file with this name exists"), "exists / case conflict"),
        ("name", _kind("refuse", message="The name contains a restricted character"), "name refused"),
        ("clock-jump", _kind("clock_jump", seconds=5000), ""),
        ("session", _kind("drop_session"), "session gone"),
    ):
        rows = (row,) if row else ()
        yield Fault(f"{operation}-{name}", "filecloud", operation, action, rows, policy=policy)


def _filecloud() -> Iterator[Fault]:
    for operation in ("createfolder", "upload", "renameormove"):
        yield from _cloud_change(operation)
    yield from _cloud_change("deletefile", "delete")
    for shape in ("xml_result0", "http_401", "http_403", "redirect_html", "html_200"):
        yield Fault(f"session-{shape}", "filecloud", "upload", _kind("drop_session", shape=shape), ("session gone",))
    yield Fault("upload-413", "filecloud", "upload", _status(413), ("413",))
    yield Fault("upload-quota", "filecloud", "upload", _kind("quota_full"), ("quota full",))
    changed = _kind("refuse", message="The file has another etag (precondition failed)")
    yield Fault("upload-precondition", "filecloud", "upload", changed, ("precondition failed",))
    yield Fault("upload-412", "filecloud", "upload", _status(412), ("precondition failed",))
    yield Fault("upload-409", "filecloud", "upload", _status(409), ("exists / case conflict",))
    yield Fault("upload-forgotten", "filecloud", "upload", _kind("forget_staged"), nth=2)
    yield from _cloud_reads()
    yield from _cloud_login()
    yield Fault("closed-port", "filecloud", None, _kind(CLOSED_PORT), ("connect error",))


def _cloud_reads() -> Iterator[Fault]:
    scenes: tuple[tuple[str, Scene], ...] = (("getfilelist", "present"), ("fileinfo", "first"))
    for operation, scene in scenes:
        for name, action, row in (
            ("503", _status(503), "408, 425, 429, 500, 502, 503, 504"),
            ("reset", _kind("reset_before"), "reset or timeout before any reply"),
            ("html", _kind("html_200"), "HTML or unparsable body with 200"),
            ("short", _kind("truncate", bytes=30), "body shorter than announced"),
            ("session", _kind("drop_session"), "session gone"),
            ("no-permission", _kind("refuse", message="You do not have permission"), "no permission"),
        ):
            yield Fault(f"{operation}-{name}", "filecloud", operation, action, (row,), scene)
    for name, action in (("adds", _kind("change_listing", add=2)), ("loses", _kind("change_listing", remove=1))):
        knobs = {"max_limit": 2}
        yield Fault(f"getfilelist-{name}", "filecloud", "getfilelist", action, scene="present", nth=2, knobs=knobs)


def _cloud_login() -> Iterator[Fault]:
    bad = "bad credentials"
    for name, action, row in (
        ("refused", _status(200, body=_COMMAND.format(0, "Invalid Username or Password")), bad),
        ("refused-json", _status(400, body={"command": [{"result": 0}]}), bad),
        ("locked", _status(200, body=_COMMAND.format(0, "Your account is locked")), "account locked"),
        ("2fa", _status(200, body=_COMMAND.format(3, "second-factor-token")), "2FA needed"),
        ("503", _status(503), "408, 425, 429, 500, 502, 503, 504"),
        ("reset", _kind("reset_after"), "reset or timeout before any reply"),
        ("html", _kind("html_200"), "HTML or unparsable body with 200"),
    ):
        yield Fault(f"loginguest-{name}", "filecloud", "loginguest", action, (row,))
    yield Fault("logout-500", "filecloud", "locksession", _status(500))
    yield Fault("logout-reset", "filecloud", "locksession", _kind("reset_before"))


def _silence() -> Iterator[Fault]:
    """Requests that are never answered, or not to their end: each costs :data:`SILENCE` of real time, so once only."""
    timeout = ("reset or timeout before any reply",)
    for service, operation, rows in (
        ("graph", "delta", ("500/502/504, resets",)),
        ("download", "download", ("500/502/504, resets",)),
        ("filecloud", "upload", timeout),
        ("filecloud", "renameormove", timeout),
    ):
        yield Fault(f"{operation}-silence", service, operation, _kind(SILENT), rows, once=True)
    half = _kind(SILENT, bytes=9)
    yield Fault("download-falls-silent", "download", "download", half, ("500/502/504, resets",), once=True)
    yield Fault("upload-falls-silent", "filecloud", "upload", _kind(SILENT, bytes=1), timeout, once=True)


CATALOGUE: tuple[Fault, ...] = (*_login(), *_graph(), *_download(), *_filecloud(), *_silence())
"""All of them; ids are unique."""
