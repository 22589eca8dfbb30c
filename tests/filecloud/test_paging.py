"""Listings that contradict themselves without saying so: of a scripted server, and of folders that change meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.filecloud.raw_server import ok, raw_server, scripted
from tests.targets.world import World, make_client, world

from simulators.filecloud import FileCloudKnobs
from spfc.errors import AnswerUnreadable
from spfc.filecloud import FileCloudClient, Listing, list_whole_folder


def page(*names: str, total: int) -> bytes:
    entries = "".join(
        f"<entry><path>/u/{name}</path><name>{name}</name><type>file</type><fullsize>1</fullsize></entry>"
        for name in names
    )
    return ok(f"<entries><meta><total>{total}</total><result>1</result></meta>{entries}</entries>".encode())


SHORT = [page("a", "b", total=3), page(total=3)]
TWICE = [page("a", "b", total=3), page("b", total=3)]
LONG = [page("a", "b", "c", "d", total=3)]
WHOLE = page("a", "b", "c", total=3)


@pytest.mark.parametrize("pages", [SHORT, TWICE, LONG])
def test_pages_that_do_not_add_up_are_asked_for_again_and_then_as_one(pages: list[bytes]) -> None:
    with raw_server(scripted(*pages, *pages, WHOLE)) as server:
        client = make_client(server.url)
        assert [entry.name for entry in list_whole_folder(client, "/u")] == ["a", "b", "c"]
        client.close()
        last = [request for request in server.seen if request.operation == "getfilelist"][-1]
        assert b"limit=-1" in last.body


@pytest.mark.parametrize("pages", [SHORT, TWICE, LONG])
@pytest.mark.parametrize(
    "last", [page("a", "b", total=3), page("a", "b", "b", total=3), page("a", "b", "c", "d", total=3)]
)
def test_a_folder_that_never_adds_up_is_not_returned(pages: list[bytes], last: bytes) -> None:
    with raw_server(scripted(*pages, *pages, last)) as server:
        client = make_client(server.url)
        with pytest.raises(AnswerUnreadable):
            list_whole_folder(client, "/u")
        client.close()


@pytest.mark.parametrize("name", ["", "x/y", "x\x01"])
def test_a_damaged_name_is_not_returned(name: str) -> None:
    with raw_server(scripted(page(name, total=1))) as server:
        client = make_client(server.url)
        with pytest.raises(AnswerUnreadable, match="damaged"):
            list_whole_folder(client, "/u")
        client.close()


def test_a_listing_without_a_total_is_not_believed() -> None:
    untold = ok(b"<entries><meta><result>1</result></meta></entries>")
    with raw_server(scripted(untold, untold, untold)) as server:
        client = make_client(server.url)
        with pytest.raises(AnswerUnreadable, match="how much"):
            list_whole_folder(client, "/u")
        client.close()


# -- a real folder that changes between two requests --------------------------------------------------------


class Meanwhile:
    """A client in front of a folder that somebody else changes after the first page, or after each one."""

    def __init__(self, client: FileCloudClient, change: Callable[[], None], *, always: bool = False) -> None:
        self._client, self._change, self._left = client, change, -1 if always else 1
        self.starts: list[int] = []

    def list_page(self, path: str, start: int, limit: int) -> Listing:
        page = self._client.list_page(path, start, limit)
        self.starts.append(start)
        if self._left:
            self._left -= 1
            self._change()
        return page


def listed(made: World, change: Callable[[], None]) -> tuple[list[str], list[int]]:
    """Return the names of the folder, and where each page began that was asked for."""
    client = Meanwhile(made.client(), change)
    found = list_whole_folder(client, "/spfc/u")  # type: ignore[arg-type]
    return [entry.name for entry in found], client.starts


def fill(made: World, *names: str) -> Path:
    folder = made.simulator.store / "u"
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


TWENTY = [f"{number:02}" for number in range(20)]


@pytest.mark.parametrize("removed", [1, 2, 7])
def test_entries_that_move_up_are_not_missed(tmp_path: Path, removed: int) -> None:
    """As many go in front of the position as come behind it: the total is the same and no name is shown twice."""
    with world(tmp_path, FileCloudKnobs(max_limit=7)) as made:
        folder = fill(made, *TWENTY)

        def change() -> None:
            for name in TWENTY[:removed]:
                (folder / name).unlink()
            fill(made, *(f"9{number}" for number in range(removed)))

        names, starts = listed(made, change)
        assert names == TWENTY[removed:] + [f"9{number}" for number in range(removed)]
        assert starts == [0, 6, 0, 6, 12, 18]


def test_entries_that_move_down_are_not_shown_twice(tmp_path: Path) -> None:
    with world(tmp_path, FileCloudKnobs(max_limit=7)) as made:
        folder = fill(made, *TWENTY)

        def change() -> None:
            fill(made, "!new")
            (folder / "19").unlink()

        names, starts = listed(made, change)
        assert names == ["!new", *TWENTY[:-1]]
        assert starts == [0, 6, 0, 6, 12, 18]


def test_a_name_that_two_pages_show_is_not_believed(tmp_path: Path) -> None:
    """A folder becomes a file: it goes in front of the position and comes behind it, and all around stays in place."""
    with world(tmp_path, FileCloudKnobs(max_limit=7)) as made:
        folder = fill(made, *TWENTY)
        (folder / "15x").mkdir()

        def change() -> None:
            (folder / "15x").rmdir()
            fill(made, "15x")
            (folder / "!new").mkdir()
            (folder / "19").unlink()

        names, starts = listed(made, change)
        assert names == ["!new", *TWENTY[:16], "15x", *TWENTY[16:-1]]
        assert starts == [0, 6, 12, 0, 6, 12, 18]


def test_what_changes_behind_the_position_costs_nothing(tmp_path: Path) -> None:
    with world(tmp_path, FileCloudKnobs(max_limit=7)) as made:
        folder = fill(made, *TWENTY)

        def change() -> None:
            (folder / "19").rename(folder / "18x")

        names, starts = listed(made, change)
        assert names == [*TWENTY[:-1], "18x"]
        assert starts == [0, 6, 12, 18]


def test_a_folder_that_never_stands_still_is_not_returned(tmp_path: Path) -> None:
    with world(tmp_path, FileCloudKnobs(max_limit=7)) as made:
        folder, numbers = fill(made, *TWENTY), iter(range(100))

        def change() -> None:
            min(folder.iterdir()).unlink()
            fill(made, f"x{next(numbers):02}")

        client = Meanwhile(made.client(), change, always=True)
        with pytest.raises(AnswerUnreadable, match="contradicts itself"):
            list_whole_folder(client, "/spfc/u")  # type: ignore[arg-type]
        assert client.starts == [0, 6, 0, 6, 0], "in pages, in pages again, as one"
