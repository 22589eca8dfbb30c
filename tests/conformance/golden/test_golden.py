"""Our requests are those of the vendor's client, but for the documented differences (FileCloud reference 17.1)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.conformance.golden.differences import DIFFERENCES, Unlike, unlikes
from tests.conformance.golden.ours import NOT_OURS, REFUSED, fulfil
from tests.conformance.golden.record import Golden, read, record
from tests.conformance.golden.recorder import Flat, describe
from tests.conformance.golden.scene import scene

GOLDEN = read()


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Golden:
    with scene(tmp_path_factory.mktemp("ours")) as made:
        assert fulfil(made) == REFUSED
        return made.recorder.wishes


@pytest.fixture(scope="module")
def found(sent: Golden) -> list[Unlike]:
    return [unlike for wish, ours in sent.items() for unlike in unlikes(wish, GOLDEN[wish], ours)]


def test_every_wish_of_the_vendors_client_is_ours_or_has_a_reason(sent: Golden) -> None:
    assert GOLDEN.keys() - sent.keys() == NOT_OURS.keys()
    assert sent.keys() <= GOLDEN.keys()


def test_nothing_differs_but_what_is_documented(found: list[Unlike]) -> None:
    strange = [unlike for unlike in found if not any(d.covers(unlike) for d in DIFFERENCES)]
    assert strange == []


def test_every_documented_difference_occurs(found: list[Unlike]) -> None:
    idle = [d.title for d in DIFFERENCES if not any(d.covers(unlike) for unlike in found)]
    assert idle == []


def test_one_difference_has_one_reason(found: list[Unlike]) -> None:
    for unlike in found:
        assert sum(d.covers(unlike) for d in DIFFERENCES) == 1, unlike


def test_what_is_not_documented_is_found() -> None:
    [golden] = GOLDEN["07 stat a file"]
    for changed in (
        golden | {"form file": "/spfc/There.txt"},
        golden | {"path": "/core/FileInfo"},
        golden | {"form more": "1"},
        {name: value for name, value in golden.items() if name != "header cookie"},
    ):
        strange = list(unlikes("07 stat a file", [golden], [changed]))
        assert strange and not any(d.covers(unlike) for unlike in strange for d in DIFFERENCES)


def test_a_request_in_its_flat_form() -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="a;b.txt"\r\nX-More: 1\r\n\r\n\r\n--x\r\n--b--\r\n'
    )
    headers = {"Content-Type": 'multipart/form-data; boundary="b"', "Cookie": "a=secret; b=secret", "ACCEPT": "*/*"}
    assert describe("POST", "/core/upload?path=%2Fa+b&ifetag=abc&token=s&empty=", headers, body) == {
        "method": "POST", "path": "/core/upload", "query path": "/a b", "query empty": "", "query token": "***",
        "query ifetag": "the etag that the server gave", "header content-type": "multipart/form-data",
        "header cookie": "present", "cookie a": "***", "cookie b": "***", "header accept": "*/*", "part 0 name": "f",
        "part 0 filename": "a;b.txt", "part 0 headers": "content-disposition, x-more",
        "part 0 content": f"5 bytes, sha256 {hashlib.sha256(bytes([13, 10]) + b'--x').hexdigest()[:16]}",
    }  # fmt: skip


def vendors_python() -> Path | None:
    """Return the interpreter of the environment that `make conformance` keeps for the vendor's client."""
    rooms = Path(__file__).parents[3] / ".conformance" / "environments"
    return next((p for p in sorted(rooms.glob("filecloud*/bin/python")) if p.exists()), None)


@pytest.mark.e2e
def test_the_golden_requests_are_those_that_the_vendors_client_sends_today(tmp_path: Path) -> None:
    python = vendors_python()
    if python is None:
        pytest.skip("the vendor's client is not installed; `make conformance` does that")
    fresh = record(python, tmp_path)
    for wish, requests in GOLDEN.items():
        assert [_lasting(r) for r in fresh[wish]] == [_lasting(r) for r in requests], wish
    assert fresh.keys() == GOLDEN.keys()


def _lasting(request: Flat) -> Flat:
    """Leave out what depends on the library below the vendor's client rather than on the client."""
    return {name: value for name, value in request.items() if name != "header user-agent"}
