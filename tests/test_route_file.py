"""A route file with mistakes: every mistake is told, and costs only the entries that it concerns."""

from __future__ import annotations

from pathlib import Path

import pytest

from spfc.errors import RouteInvalid
from spfc.route_file import RouteFile, load_routes, read_routes

GOOD = "source: {hostname: contoso.sharepoint.com, site: /sites/a}, target: {folder: /team/%s}"


def read(folder: Path, text: str) -> RouteFile:
    path = folder / "routes.yaml"
    path.write_text(text, encoding="utf-8")
    return read_routes(path)


def entries(*names: str, **more: str) -> str:
    lines = [f"  {name}: {{{GOOD % name}}}" for name in names] + [f"  {name}: {text}" for name, text in more.items()]
    return "routes:\n" + "\n".join(lines) + "\n"


def test_a_mistake_costs_no_other_route(tmp_path: Path) -> None:
    file = read(tmp_path, entries("legal", "works", sales="{colour: red, schedule: '@daily'}", empty="", Bad="[1]"))
    assert list(file.routes) == ["legal", "works"]
    assert list(file.broken) == ["sales", "empty", "Bad"]
    assert "colour: unknown key" in file.broken["sales"].text and "source: Field required" in file.broken["sales"].text
    assert (file.broken["sales"].position, file.broken["sales"].schedule) == (3, "@daily")
    assert (file.broken["Bad"].position, file.broken["Bad"].schedule) == (5, None)
    found = file.find("legal")
    assert found is not None and found.target.folder == "/team/legal"
    assert file.find("nothing") is None
    with pytest.raises(RouteInvalid, match="'sales' is not valid"):
        file.find("sales")


def test_all_problems_are_told_at_once_and_each_once(tmp_path: Path) -> None:
    text = entries("one", sales="3") + f"  two: {{{GOOD % 'one/below'}}}\n"
    read(tmp_path, text)
    with pytest.raises(RouteInvalid) as caught:
        load_routes(tmp_path / "routes.yaml")
    told = str(caught.value).splitlines()
    assert len(told) == 3, told
    assert "2 problems" in told[0]
    assert sum("'one' and 'two'" in line for line in told) == 1
    assert sum("'sales' must be a mapping" in line for line in told) == 1


def test_of_two_that_write_into_one_place_neither_runs(tmp_path: Path) -> None:
    file = read(tmp_path, entries("one", "other") + f"  two: {{{GOOD % 'ONE'}}}\n")
    assert list(file.routes) == ["other"]
    assert list(file.broken) == ["one", "two"]
    assert file.broken["one"].text == file.broken["two"].text


def test_a_key_that_stands_twice_is_told_with_its_lines(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        entries("legal") + "  sales:\n    source: {hostname: h, site: /s}\n    target:\n      folder: /team/a\n"
        "      connection: c\n      folder: /team/b\n",
    )
    assert list(file.routes) == ["legal"]
    assert "Route 'sales' is not valid: the key 'folder' stands there more than once: lines 6, 8." in (
        file.broken["sales"].text
    )


def test_a_route_that_stands_twice_is_not_silently_the_last_one(tmp_path: Path) -> None:
    file = read(tmp_path, entries("legal", "works", "legal"))
    assert list(file.routes) == ["works"]
    assert "Route 'legal' stands in the file more than once: lines 2, 4." in file.broken["legal"].text


@pytest.mark.parametrize("one", ["1", '"1"', "true"])
def test_names_that_only_look_different_are_one(tmp_path: Path, one: str) -> None:
    """YAML reads ``1`` as a number: as the name of a route it is the same as ``"1"``."""
    name = one.strip('"')
    file = read(tmp_path, f"routes:\n  {one}: {{}}\n  '{name}': {{}}\n")
    assert not file.routes
    assert any("more than once" in entry.text for entry in file.broken.values())


def test_the_whole_file_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RouteInvalid, match=r"the key 'routes' more than once: lines 1, 3"):
        read(tmp_path, entries("legal") + entries("works"))


def test_merging_and_sharing_are_not_repeating(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        "routes:\n  one: &one\n    source: &where {hostname: h, site: /s}\n    target: {folder: /a}\n"
        "  two:\n    <<: *one\n    source: *where\n    target: {folder: /b}\n",
    )
    assert {name: route.target.folder for name, route in file.routes.items()} == {"one": "/a", "two": "/b"}


def test_an_entry_that_holds_itself_is_a_problem_of_its_own(tmp_path: Path) -> None:
    file = read(tmp_path, entries("legal", loop="&loop {source: *loop}"))
    assert list(file.routes) == ["legal"]
    assert "'loop' is not valid" in file.broken["loop"].text
