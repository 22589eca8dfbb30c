"""Downloads of the simulated FileCloud: ranges, knobs, the way to object storage."""

from __future__ import annotations

import os

from tests.simulators.filecloud_calls import Caller, records_of, result_of

from simulators.filecloud import FileCloudSimulator

SUMMER_TEXT = "2024-07-19T19:32:00Z"


def test_ranges(sim: FileCloudSimulator, caller: Caller) -> None:
    data = os.urandom(3_000_000)
    caller.put("/spfc/a", data)
    whole = caller.get("/spfc/a")
    assert (whole.content, whole.headers["Accept-Ranges"]) == (data, "bytes")
    part = caller.get("/spfc/a", {"Range": "bytes=1000-"})
    assert (part.status_code, part.content) == (206, data[1000:])
    assert part.headers["Content-Range"] == "bytes 1000-2999999/3000000"
    assert caller.get("/spfc/a", {"Range": "bytes=5-9"}).content == data[5:10]
    assert caller.get("/spfc/a", {"Range": "bytes=-7"}).content == data[-7:]
    assert caller.get("/spfc/a", {"Range": "bytes=9-5"}).status_code == 200
    beyond = caller.get("/spfc/a", {"Range": "bytes=3000000-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, "bytes */3000000")
    right = {"Range": "bytes=1-", "If-Range": whole.headers["ETag"]}
    assert caller.get("/spfc/a", right).status_code == 206
    assert caller.get("/spfc/a", {**right, "If-Range": '"other"'}).status_code == 200
    head = caller.http.head(whole.url)
    assert (head.headers["Content-Length"], head.content) == ("3000000", b"")


def test_download_knobs(sim: FileCloudSimulator, caller: Caller) -> None:
    caller.put("/spfc/a", b"0123456789")
    ranged = {"Range": "bytes=5-"}
    sim.knobs = sim.knobs.but(range="ignore", download_etag=False)
    plain = caller.get("/spfc/a", ranged)
    assert (plain.status_code, plain.content, "ETag" in plain.headers) == (200, b"0123456789", False)
    sim.knobs = sim.knobs.but(range="error")
    assert caller.get("/spfc/a", ranged).status_code == 416
    assert caller.get("/spfc/a").status_code == 200
    sim.knobs = sim.knobs.but(content_length=False)
    chunked = caller.get("/spfc/a")
    assert (chunked.content, "Content-Length" in chunked.headers) == (b"0123456789", False)
    missing = caller.get("/spfc/none")
    assert (missing.status_code, records_of(missing, "command")[0]["type"]) == (200, "downloadfile")
    sim.knobs = sim.knobs.but(download_missing="http_404")
    assert caller.get("/spfc/none").status_code == 404
    assert result_of(caller.get("/spfc/a", checkonly=1)) == 1


def test_redirect_to_object_storage(sim: FileCloudSimulator, caller: Caller) -> None:
    caller.put("/spfc/a", b"x" * 1000)
    assert caller.get("/spfc/a", redirect=1).status_code == 200
    sim.knobs = sim.knobs.but(s3_redirect=True)
    assert caller.get("/spfc/a", redirect=0).status_code == 200
    answer = caller.get("/spfc/a", redirect=1)
    link = answer.headers["Location"]
    assert (answer.status_code, link.startswith(sim.url_of("storage"))) == (302, True)
    with Caller(sim, log_in=False) as nobody:
        assert nobody.http.get(link, headers={"Range": "bytes=990-"}).content == b"x" * 10
        assert nobody.http.get(link.partition("=")[0] + "=guess").status_code == 403
    assert sim.metrics()["cookies_at_storage"] == 0
    caller.http.get(link)
    assert sim.metrics()["cookies_at_storage"] == 1
    assert link.partition("=")[2] not in str(sim.journal.entries)
