"""SharePointLibrary against the simulated SharePoint: binding, rounds, content, and the bill for each."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sources.clients import client_of

from simulators.common import FixedClock
from simulators.sharepoint import SharePointKnobs, SharePointSimulator
from spfc.errors import (
    AuthenticationRefused,
    CursorExpired,
    ItemBlocked,
    ItemGone,
    PlaceNotFound,
    Unreachable,
)
from spfc.graph.auth import TokenSource
from spfc.graph.client import GraphClient
from spfc.graph.governor import Governor
from spfc.hooks.graph import GraphHook
from spfc.planning.model import Flag, Kind, SourceItem
from spfc.quickxor import QuickXor
from spfc.sources.base import Source
from spfc.sources.sharepoint_library import SharePointLibrary

NAMES = ["plain.txt", "#1 100% & a+b 'x'.txt", "合同.pdf", "عقد.txt", "🙂.bin", "e\u0301.txt"]
Start = Callable[..., SharePointSimulator]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "library"
    (root / "A" / "B").mkdir(parents=True)
    for n, name in enumerate(NAMES):
        (root / "A" / name).write_bytes(name.encode() * (n * 100))
    (root / "A" / "B" / "deep.bin").write_bytes(os.urandom(300_000))
    return root


@pytest.fixture
def start(folder: Path, tmp_path: Path) -> Iterator[Start]:
    running: list[SharePointSimulator] = []

    def make(**options: Any) -> SharePointSimulator:
        simulator = SharePointSimulator(folder, state_dir=tmp_path / "state", **options).start()
        running.append(simulator)
        return simulator

    yield make
    for simulator in running:
        simulator.stop()


def library_of(simulator: SharePointSimulator, **changes: Any) -> SharePointLibrary:
    return SharePointLibrary(
        client_of(simulator, **changes),
        hostname=simulator.site_hostname,
        site_path=simulator.site_path,
        library=simulator.library_name,
    )


def crawl(source: Source, cursor: str | None = None) -> tuple[dict[str, SourceItem], str]:
    found: dict[str, SourceItem] = {}
    for _ in range(500):
        page = source.changes(cursor)
        found.update((item.id, item) for item in page.items)
        cursor = page.cursor
        if page.complete:
            return found, cursor
    raise AssertionError("the round does not end")


def path_of(item: SourceItem, items: dict[str, SourceItem]) -> str:
    names = []
    at = item
    while not at.is_root:
        names.append(at.name)
        at = items[at.parent_id or ""]
    return "/".join(reversed(names))


def read_all(source: Source, item: SourceItem, *, offset: int = 0) -> bytes:
    stream = source.open(item, offset=offset)
    try:
        return b"".join(iter(lambda: stream.read(65_537), b""))
    finally:
        stream.close()


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_a_whole_library_arrives_as_it_is_on_disk(start: Start, folder: Path, tls: bool) -> None:
    simulator = start(tls=tls)
    source = library_of(simulator, page_size=3)
    source.bind(None)
    items, _ = crawl(source)
    files = {path_of(item, items): item for item in items.values() if item.kind is Kind.FILE}
    on_disk = {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}
    assert set(files) == set(on_disk)
    for path, item in files.items():
        body = on_disk[path].read_bytes()
        assert (item.size, item.modified) == (len(body), int(on_disk[path].stat().st_mtime))
        assert read_all(source, item) == body
        if item.hash is not None:
            hasher = QuickXor()
            hasher.update(body)
            assert item.hash == hasher.base64()
    downloads = [entry for entry in simulator.journal.entries if entry.service == "download"]
    assert len(downloads) == len(files)
    assert not any(entry.has_authorization for entry in downloads)


def test_binding_costs_two_requests_and_nothing_the_second_time(start: Start) -> None:
    simulator = start()
    source = library_of(simulator)
    known = source.bind(None)
    assert source.usage.requests == 2
    again = library_of(simulator)
    assert again.bind(known) == known
    assert again.usage.requests == 0
    moved = SharePointLibrary(
        client_of(simulator), hostname=simulator.site_hostname, site_path="/sites/other", library="Documents"
    )
    with pytest.raises(PlaceNotFound):
        moved.bind(known)


def test_a_round_without_changes_is_one_request_of_one_unit(start: Start) -> None:
    simulator = start()
    first = library_of(simulator)
    known = first.bind(None)
    _, cursor = crawl(first)
    mark = simulator.journal.mark()
    later = library_of(simulator)
    later.bind(known)
    page = later.changes(cursor)
    assert page.complete
    assert all(item.is_root for item in page.items)
    assert (later.usage.requests, later.usage.units) == (1, 1)
    graph = [entry for entry in simulator.journal.since(mark) if entry.service == "graph"]
    assert [(entry.operation, entry.units) for entry in graph] == [("delta", 1)]
    assert all(entry.user_agent.startswith("NONISV|") for entry in graph)


def test_changes_are_told_by_id(start: Start, folder: Path) -> None:
    source = library_of(start())
    source.bind(None)
    before, cursor = crawl(source)
    by_name = {item.name: item for item in before.values()}
    (folder / "A" / "B").rename(folder / "C")
    (folder / "A" / "plain.txt").unlink()
    (folder / "A" / "合同.pdf").write_bytes(b"another content")
    changed, _ = crawl(source, cursor)
    assert changed[by_name["B"].id].name == "C"
    assert changed[by_name["B"].id].parent_id != by_name["B"].parent_id
    assert by_name["deep.bin"].id not in changed
    assert changed[by_name["plain.txt"].id].deleted
    edited = changed[by_name["合同.pdf"].id]
    assert edited.version != by_name["合同.pdf"].version
    assert source.refresh(edited.id) is not None
    assert source.refresh(by_name["plain.txt"].id) is None
    with pytest.raises(ItemGone):
        source.open(by_name["plain.txt"])


def test_a_stream_is_resumed_with_a_fresh_link(start: Start, folder: Path) -> None:
    simulator = start(
        faults=[
            {"id": "cut", "service": "download", "action": {"kind": "truncate", "bytes": 100_000}},
            {"id": "cold", "service": "download", "nth": 2, "action": {"kind": "status", "status": 401}},
        ]
    )
    source = library_of(simulator)
    source.bind(None)
    items, _ = crawl(source)
    deep = next(item for item in items.values() if item.name == "deep.bin")
    stream = source.open(deep)
    got = stream.read(50_000)
    with pytest.raises(Exception, match="broke off"):
        stream.read(200_000)
    stream.close()
    rest = source.open(deep, offset=len(got))
    assert rest.version == stream.version
    assert got + rest.read(1 << 20) == (folder / "A" / "B" / "deep.bin").read_bytes()
    rest.close()
    simulator.faults.assert_all_hit()


def test_ragged_feeds_are_read(start: Start, folder: Path) -> None:
    knobs = SharePointKnobs(
        delta_order="child-first", delta_dup_rate=0.5, delta_empty_pages=2, delete_shape="year_0001"
    )
    source = library_of(start(knobs=knobs), page_size=2)
    source.bind(None)
    items, cursor = crawl(source)
    assert {item.name for item in items.values() if item.kind is Kind.FILE} == {*NAMES, "deep.bin"}
    (folder / "A" / "plain.txt").unlink()
    changed, _ = crawl(source, cursor)
    assert [item.deleted for item in changed.values() if item.deleted] == [True]


@pytest.mark.parametrize("shape", ["403_header", "403_html", "400"])
def test_infected_files_are_blocked_one_by_one(start: Start, shape: str) -> None:
    simulator = start(knobs=SharePointKnobs(malware=("**/plain.txt", "A/plain.txt"), malware_shape=shape))
    source = library_of(simulator)
    source.bind(None)
    items, _ = crawl(source)
    infected = next(item for item in items.values() if item.name == "plain.txt")
    assert Flag.MALWARE in infected.flags
    for item in (infected, SourceItem(**{**_fields(infected), "flags": frozenset()})):
        with pytest.raises(ItemBlocked):
            source.open(item)


def _fields(item: SourceItem) -> dict[str, Any]:
    return {name: getattr(item, name) for name in SourceItem.__slots__}


def test_an_expired_cursor_can_be_restarted(start: Start) -> None:
    simulator = start(
        faults=[{"id": "gone", "service": "graph", "operation": "delta", "nth": 2, "action": {"kind": "gone"}}]
    )
    source = library_of(simulator)
    source.bind(None)
    items, cursor = crawl(source)
    with pytest.raises(CursorExpired) as caught:
        source.changes(cursor)
    again, _ = crawl(source, caught.value.restart)
    assert set(again) == set(items)


def test_an_expired_token_is_renewed(start: Start) -> None:
    fault = {
        "id": "401",
        "service": "graph",
        "operation": "delta",
        "action": {"kind": "status", "status": 401},
    }
    simulator = start(faults=[fault])
    source = library_of(simulator)
    source.bind(None)
    crawl(source)
    simulator.faults.assert_all_hit()


def test_a_wrong_secret_over_tls_is_named(start: Start) -> None:
    simulator = start(tls=True)
    with pytest.raises(AuthenticationRefused) as caught:
        library_of(simulator, client_secret="planted-wrong-secret").bind(None)
    assert "AADSTS" in str(caught.value)
    assert "planted" not in str(caught.value)


def test_an_unknown_tenant_over_tls_is_named(start: Start) -> None:
    simulator = start(tls=True)
    with pytest.raises(AuthenticationRefused, match="tenant"):
        library_of(simulator, tenant="nowhere.test", authority=simulator.url).bind(None)


def test_an_untrusted_certificate_is_named(start: Start) -> None:
    simulator = start(tls=True)
    with pytest.raises(Unreachable, match="certificate"):
        library_of(simulator, ca_file=None).bind(None)


def test_the_environments_ca_bundle_cannot_replace_ours(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "absent.pem"))
    simulator = start(tls=True)
    library_of(simulator, trust_env=True).bind(None)


def test_a_metered_service_is_used_up_without_running_into_its_wall(start: Start) -> None:
    clock = FixedClock(1_700_000_000.0)
    simulator = start(units_per_minute=100, clock=clock)
    client = client_of(simulator)
    # One clock for both sides: the service's minutes pass while the governor sleeps.
    governor = Governor(now=clock.now, sleep=clock.advance, rng=random.Random(3))
    client = GraphClient(client.settings, tokens=TokenSource(client.settings), governor=governor)
    source = SharePointLibrary(
        client,
        hostname=simulator.site_hostname,
        site_path=simulator.site_path,
        library=simulator.library_name,
    )
    source.bind(None)
    _, cursor = crawl(source)
    began = clock.now()
    for _ in range(300):
        source.changes(cursor)
    refused = [entry for entry in simulator.journal.entries if entry.status == 429]
    assert refused == []
    assert clock.now() - began <= 3 * 60 + 1


def test_the_hook_signs_in(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    simulator = start(tls=True)
    extra = {
        "tenant_id": simulator.tenant_id,
        "authority": simulator.authority,
        "graph_root": simulator.graph_root,
        "ca_file": str(simulator.ca_file),
    }
    fields = {"conn_type": "msgraph", "login": simulator.client_id, "password": simulator.client_secret}
    monkeypatch.setenv("AIRFLOW_CONN_SIM", json.dumps({**fields, "extra": extra}))
    fine, text = GraphHook("sim").test_connection()
    assert fine, text
    assert simulator.site_hostname in text
    wrong = {**fields, "password": "planted-wrong-secret", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SIM", json.dumps(wrong))
    fine, text = GraphHook("sim").test_connection()
    assert not fine
    assert "AADSTS7000215" in text
    assert "planted" not in text


def test_the_library_must_be_bound_first(start: Start) -> None:
    with pytest.raises(RuntimeError, match="bind"):
        library_of(start()).changes(None)


def test_an_unknown_library_lists_the_others(start: Start) -> None:
    simulator = start()
    source = SharePointLibrary(
        client_of(simulator), hostname=simulator.site_hostname, site_path=simulator.site_path, library="Nope"
    )
    with pytest.raises(PlaceNotFound, match=simulator.library_name):
        source.bind(None)
