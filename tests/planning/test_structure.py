"""Folders, moves and removals: what is planned, in which order, and what is left alone."""

from __future__ import annotations

from dataclasses import replace

from tests.planning.trees import ROOT, ObedientTarget, Plan, World, by_id, file, folder, synced

from spfc.planning.model import Action, Flag, Kind, Reason, SourceItem
from spfc.planning.names import mark
from spfc.planning.structure import mark_empty

BASE = [ROOT, folder("a", "root", "A"), folder("b", "root", "B")]


def world(before: list[SourceItem], after: list[SourceItem], **more: object) -> World:
    return World(by_id(after), by_id(map(synced, before)), **more)  # type: ignore[arg-type]


def settle(house: World) -> Plan:
    """Plan, execute, and prove that nothing is owed any more."""
    plan = house.plan()
    ObedientTarget(house).execute(plan.lines)
    assert {row.id for row in house.rows()} <= plan.settled
    return plan


def test_first_run_makes_parents_first() -> None:
    deep = [*BASE, folder("c", "b", "C"), folder("d", "c", "D"), file("1", "d", "f.txt")]
    plan = settle(World(by_id(deep), {}))
    made = [line.target_path for line in plan.lines]
    assert made == ["/", "/A", "/B", "/B/C", "/B/C/D", "/B/C/D/f.txt"]
    assert {line.action for line in plan.lines[:-1]} == {Action.CREATE_FOLDER}


def test_a_folder_rename_is_one_line_for_any_content() -> None:
    inside = [file(str(n), "a", f"{n}.txt") for n in range(50)]
    plan = settle(world([*BASE, *inside], [ROOT, folder("a", "root", "New"), BASE[2], *inside]))
    assert [(line.action, line.reason, line.from_path, line.target_path) for line in plan.lines] == [
        (Action.MOVE, Reason.RENAMED, "/A", "/New")
    ]
    assert plan.lines[0].evidence == {"old_name": "A", "new_name": "New", "parent_changed": False}


def test_a_swap_of_two_names_needs_one_step_aside() -> None:
    plan = settle(world(BASE, [ROOT, folder("a", "root", "B"), folder("b", "root", "A")]))
    assert [line.reason for line in plan.lines] == [Reason.MAKE_ROOM, Reason.RENAMED, Reason.RENAMED]


def test_a_ring_of_renamed_files_needs_one_step_aside() -> None:
    before = [ROOT, *(file(str(n), "root", f"{n}.txt") for n in range(5))]
    after = [ROOT, *(file(str(n), "root", f"{(n + 1) % 5}.txt") for n in range(5))]
    plan = settle(world(before, after))
    assert [line.reason for line in plan.lines].count(Reason.MAKE_ROOM) == 1


def test_a_chain_of_renames_begins_at_its_free_end() -> None:
    before = [ROOT, *(file(str(n), "root", f"{n}.txt") for n in range(5))]
    after = [ROOT, *(file(str(n), "root", f"{n + 1}.txt") for n in range(5))]
    plan = settle(world(before, after))
    assert [line.target_path for line in plan.lines] == ["/5.txt", "/4.txt", "/3.txt", "/2.txt", "/1.txt"]


def test_a_folder_moved_into_its_sibling_and_turned_inside_out() -> None:
    plan = settle(world(BASE, [ROOT, folder("a", "b", "A"), BASE[2]]))
    assert plan.told() == [("move", "moved", "/B/A")]
    nested = [ROOT, folder("a", "root", "A"), folder("b", "a", "B")]
    plan = settle(world(nested, [ROOT, folder("b", "root", "B"), folder("a", "b", "A")]))
    assert plan.told() == [("move", "moved", "/B"), ("move", "moved", "/B/A")]


def test_nothing_moves_into_a_folder_before_all_above_it_is_in_place() -> None:
    """X/Z/Y becomes Z/Y/X while the name Z is still held by one who waits himself: X may not go into its own inside."""
    before = [ROOT, folder("x", "root", "X"), folder("z", "x", "Z"), folder("y", "z", "Y"), folder("h", "root", "W"),
              folder("k", "root", "V")]  # fmt: skip
    after = [ROOT, folder("z", "root", "W"), folder("y", "z", "Y"), folder("x", "y", "X"), folder("h", "root", "V"),
             folder("k", "root", "K")]  # fmt: skip
    assert [line.item_id for line in settle(world(before, after)).lines] == ["k", "h", "z", "x"]


def test_a_move_into_a_new_folder_waits_for_it() -> None:
    after = [*BASE, folder("n", "root", "New"), file("1", "n", "f.txt")]
    plan = settle(world([*BASE, file("1", "a", "f.txt")], after))
    assert plan.told() == [("create_folder", "new", "/New"), ("move", "moved", "/New/f.txt")]


def test_a_file_deleted_and_made_anew_under_its_name() -> None:
    before = [*BASE, file("1", "a", "f.txt", "old")]
    plan = settle(world(before, [*BASE, file("1", "a", "f.txt", "old", deleted=True), file("2", "a", "f.txt", "new")]))
    assert [(line.action, line.item_id) for line in plan.lines] == [
        (Action.MOVE, "1"),
        (Action.UPLOAD, "2"),
        (Action.REMOVE, "1"),
    ]


def test_a_folder_made_anew_under_its_name_while_its_children_move_over() -> None:
    before = [*BASE, folder("old", "a", "X"), file("1", "old", "f.txt")]
    after = [*BASE, folder("old", "a", "X", deleted=True), folder("new", "a", "X"), file("1", "new", "f.txt")]
    plan = settle(world(before, after))
    assert plan.told() == [
        ("move", "make_room", f"/A/X.spfc-{mark('old')}"),
        ("create_folder", "new", "/A/X"),
        ("move", "moved", "/A/X/f.txt"),
        ("remove", "deleted_at_source", "/A/X"),
    ]


def test_a_rename_in_case_only_finds_its_own_name_free() -> None:
    plan = settle(world(BASE, [ROOT, folder("a", "root", "a"), BASE[2]]))
    assert plan.told() == [("move", "renamed", "/a")]


def test_a_twin_in_case_gets_a_stable_suffix() -> None:
    house = world([*BASE, file("1", "a", "f.txt")], [*BASE, file("1", "a", "f.txt"), file("2", "a", "F.TXT")])
    plan = settle(house)
    assert plan.told() == [("upload", "new", f"/A/F ({mark('2')}).TXT")]
    assert house.plan().lines == []
    both = settle(World(by_id([ROOT, file("1", "root", "e\u0301"), file("2", "root", "\u00e9")]), {}))
    assert len({line.target_path for line in both.lines if line.action is Action.UPLOAD}) == 2


def test_a_removal_names_only_the_top_and_settles_the_rest() -> None:
    inside = [folder("c", "a", "C"), file("1", "c", "f.txt"), file("2", "a", "g.txt")]
    gone = [replace(item, deleted=True) for item in (BASE[1], *inside)]
    plan = settle(world([*BASE, *inside], [ROOT, BASE[2], *gone]))
    assert plan.told() == [("remove", "deleted_at_source", "/A")]
    assert {"c", "1", "2"} <= plan.settled


def test_what_lives_leaves_a_doomed_folder_first() -> None:
    before = [*BASE, folder("c", "a", "C"), file("1", "c", "f.txt"), file("2", "c", "g.txt")]
    after = [ROOT, BASE[2], replace(BASE[1], deleted=True), folder("c", "b", "C"), file("1", "root", "f.txt"),
             file("2", "c", "g.txt")]  # fmt: skip
    plan = settle(world(before, after))
    assert plan.told() == [
        ("move", "moved", "/f.txt"),
        ("move", "moved", "/B/C"),
        ("remove", "deleted_at_source", "/A"),
    ]


def test_what_goes_from_a_folder_that_leaves_a_doomed_one_is_removed_by_itself() -> None:
    """A is deleted, its folder C lives on elsewhere, and a file of C is deleted: no removal of A can reach it."""
    before = [*BASE, folder("c", "a", "C"), file("1", "c", "f.txt")]
    after = [
        ROOT,
        BASE[2],
        replace(BASE[1], deleted=True),
        folder("c", "b", "C"),
        file("1", "c", "f.txt", deleted=True),
    ]
    plan = settle(world(before, after))
    assert {line.item_id for line in plan.lines if line.action is Action.REMOVE} == {"a", "1"}


def test_a_changed_filter_removes_nothing() -> None:
    before = [*BASE, file("1", "a", "f.txt"), file("2", "b", "x.bak")]
    after = [*BASE, file("1", "a", "f.txt", "changed"), file("2", "b", "x.bak", "changed")]
    plan = world(before, after, exclude=("A", "*.bak")).plan()
    assert [(line.action, line.reason) for line in plan.lines] == [(Action.SKIP, Reason.EXCLUDED)] * 2


def test_what_the_source_moves_out_of_scope_is_removed() -> None:
    before = [*BASE, file("1", "a", "f.txt")]
    plan = world(before, [*BASE, file("1", "b", "f.txt")], exclude=("B",)).plan()
    assert plan.told() == [("remove", "out_of_scope", "/A/f.txt")]
    plan = world(before, [*BASE, file("1", "a", "f.bak")], exclude=("*.bak",)).plan()
    assert plan.told() == [("remove", "out_of_scope", "/A/f.txt")]


def test_nothing_is_removed_while_a_parent_is_unknown() -> None:
    before = [*BASE, file("1", "a", "f.txt")]
    plan = world(before, [ROOT, BASE[2], folder("a", None, "A"), file("1", "a", "g.txt")]).plan()
    assert {(line.action, line.reason) for line in plan.lines} == {(Action.HOLD, Reason.PARENT_UNKNOWN)}


def test_a_held_item_steps_aside_for_the_new_owner_of_its_name() -> None:
    """An item that may not move (malware) but was renamed still stands at its old name, which another one takes."""
    bad = frozenset({Flag.MALWARE})
    before = [ROOT, file("1", "root", "a.txt"), file("2", "root", "b.txt")]
    after = [ROOT, file("1", "root", "c.txt", flags=bad), file("2", "root", "a.txt")]
    house = world(before, after)
    plan = house.plan()
    ObedientTarget(house).execute(plan.lines)
    assert plan.told() == [
        ("move", "make_room", f"/a.txt.spfc-{mark('1')}"),
        ("move", "renamed", "/a.txt"),
        ("hold", "blocked_by_source", "/c.txt"),
    ]
    house.source["1"] = file("1", "root", "c.txt")
    assert settle(house).told() == [("move", "renamed", "/c.txt")]


def test_whoever_stepped_aside_is_owed_even_when_its_old_name_returns() -> None:
    """A swap that was undone at the source after the first step: no temporary name may stay at the target."""
    house = world(BASE, [ROOT, folder("a", "root", "B"), folder("b", "root", "A")])
    ObedientTarget(house).execute(house.plan().lines[:1])
    house.source.update(by_id(BASE))
    settle(house)
    assert set(ObedientTarget(house).paths()) == {"/A", "/B"}


def test_what_was_never_copied_and_is_gone_is_owed_to_nobody() -> None:
    plan = world(BASE, [*BASE, folder("c", "a", "C", deleted=True), file("1", "c", "f.txt")]).plan()
    assert plan.lines == []
    assert plan.settled >= {"1"}


def test_packages_and_links_are_told_and_left() -> None:
    book = SourceItem("p", "root", "Notebook", Kind.PACKAGE)
    plan = world(BASE, [*BASE, book, file("1", "p", "page.one"), SourceItem("l", "a", "link", Kind.LINK)]).plan()
    assert {(line.item_id, line.action, line.reason) for line in plan.lines} == {
        (item, Action.SKIP, Reason.NOT_A_FILE) for item in ("p", "1", "l")
    }


def test_moved_and_changed_files_are_moved_then_updated() -> None:
    plan = settle(world([*BASE, file("1", "a", "f.txt", "1")], [*BASE, file("1", "b", "g.txt", "22")]))
    assert plan.told() == [("move", "moved", "/B/g.txt"), ("update", "content_changed", "/B/g.txt")]


def test_the_base_of_a_route_may_be_any_folder() -> None:
    house = World(by_id(BASE), by_id([synced(ROOT)]))
    house.source["root"] = folder("root", "library", "Legal")
    assert {line.item_id for line in settle(house).lines} == {"a", "b"}


def test_empty_folders_are_marked_or_skipped() -> None:
    lines = World(by_id([*BASE, file("1", "a", "f")]), {}).plan().structure.ordered
    wanted = mark_empty(lines, {"root", "a"}, True)
    assert [line.reason for line in wanted] == [Reason.NEW, Reason.NEW, Reason.EMPTY_FOLDER]
    unwanted = mark_empty(lines, {"root", "a"}, False)
    assert [line.action for line in unwanted] == [Action.CREATE_FOLDER, Action.CREATE_FOLDER, Action.SKIP]


def test_ten_thousand_renames_in_one_folder_are_planned_quickly() -> None:
    before = [ROOT, *(file(str(n), "root", f"{n}.txt") for n in range(10_000))]
    after = [ROOT, *(file(str(n), "root", f"new {n}.txt") for n in range(10_000))]
    assert len(world(before, after).plan().lines) == 10_000
