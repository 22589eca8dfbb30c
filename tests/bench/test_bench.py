"""What the benchmark promises at any size: bounded memory, a metered service used well, tables in their place."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.bench.contestants import bare_loop, old_script, ours
from tests.bench.libraries import library, one_file, small_files
from tests.bench.metered import ten_minutes
from tests.bench.services import running
from tests.bench.table import FRAME, put_between_markers, score_table
from tests.bench.virtual_time import VirtualTime

MIB = 1 << 20


@pytest.mark.e2e
def test_memory_is_two_chunks_whatever_the_size_of_the_file(tmp_path: Path) -> None:
    peaks = []
    for size, chunk in ((20 * MIB, MIB), (120 * MIB, MIB), (120 * MIB, 20 * MIB)):
        content = library(tmp_path, f"one-{size}", one_file(size))
        with running(tmp_path, content) as services:
            score = ours(services, chunk_size=chunk)
        assert score.transfer_memory is not None
        peaks.append(score.transfer_memory)
    small, large, default = peaks
    assert large - small < 6 * MIB, "not by the size of the file"
    assert default < 2 * 20 * MIB + 24 * MIB, "two chunks of the default size, and what threads and sockets need"


@pytest.mark.e2e
def test_contestants_copy_the_same_library(tmp_path: Path) -> None:
    content = library(tmp_path, "few", small_files(12, 1000))
    scores = {}
    for name, contestant in {"spfc": ours, "bare": bare_loop, "old": old_script}.items():
        with running(tmp_path, content) as services:
            scores[name] = [contestant(services)]
    assert {(rounds[0].files, rounds[0].size) for rounds in scores.values()} == {(12, 12_000)}
    assert {name: rounds[0].counts.downloads for name, rounds in scores.items()} == {"spfc": 12, "bare": 12, "old": 12}
    assert all(rounds[0].effort.cpu > 0 and rounds[0].effort.memory > 5 * MIB for rounds in scores.values())
    table = score_table(scores)
    assert [line.split("|")[1].strip() for line in table.splitlines()[2:]] == ["spfc", "bare", "old"]


@pytest.mark.e2e
@pytest.mark.parametrize("own_limit", [None, 40])
def test_a_metered_service_is_used_in_full_and_refuses_nothing(tmp_path: Path, own_limit: int | None) -> None:
    outcome = ten_minutes(tmp_path, limit=40, own_limit=own_limit, workers=4)
    assert outcome.share >= 0.95, outcome
    assert outcome.refused_later == outcome.while_fenced == 0, outcome


def test_virtual_time_passes_only_in_sleep_and_in_one_order() -> None:
    clock = VirtualTime(100.0)
    seen: list[tuple[float, str]] = []

    def sleeper(name: str, *naps: float) -> None:
        for nap in naps:
            clock.sleep(nap)
            seen.append((clock.now(), name))

    clock.run([lambda: sleeper("a", 1, 1, 1), lambda: sleeper("b", 2.5), lambda: sleeper("c", 600)])
    assert seen == [(101.0, "a"), (102.0, "a"), (102.5, "b"), (103.0, "a"), (700.0, "c")]


def test_virtual_time_hands_on_a_failure() -> None:
    def fail() -> None:
        raise ValueError("worker")

    with pytest.raises(ValueError, match="worker"):
        VirtualTime(0.0).run([fail, lambda: None])


def test_a_section_replaces_itself_and_leaves_the_rest(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    put_between_markers(document, "transfer", r"first \1")
    assert document.read_text().startswith(FRAME.rstrip())
    document.write_text(document.read_text() + "\n## Other\n")
    put_between_markers(document, "transfer", "second")
    put_between_markers(document, "scale", "third")
    text = document.read_text()
    assert "first" not in text
    assert text.index("second") < text.index("## Other") < text.index("third")


def test_a_library_is_the_same_every_time(tmp_path: Path) -> None:
    first = library(tmp_path / "a", "one", one_file(3 * MIB + 17))
    second = library(tmp_path / "b", "one", one_file(3 * MIB + 17))
    (one,), (two,) = (sorted(each.folder.rglob("*.bin")) for each in (first, second))
    assert one.read_bytes() == two.read_bytes()
    assert (first.files, first.size) == (1, 3 * MIB + 17) == (1, one.stat().st_size)
