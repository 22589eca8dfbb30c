"""Whatever happens to a library between two runs, one plan brings the target there, and removes nothing that lives."""

from __future__ import annotations

import os
from dataclasses import replace

from hypothesis import event, example, given, note, seed, settings
from hypothesis import strategies as st
from tests.planning.trees import ROOT, ObedientTarget, World, file, folder, synced

from spfc.planning.model import Action, Kind, SourceItem
from spfc.planning.names import fold
from spfc.planning.tree import Standing

NAMES = ("a", "A", "b", "c", "c.txt", "skip.me", "d.")
"""Few names, so that they collide; one differs in case only, one is excluded, one needs a substitute."""

KINDS = ("new_file", "new_folder", "delete", "move", "rename", "edit", "retag", "swap", "recreate")
STEP = st.tuples(st.sampled_from(KINDS), *(st.integers(0, 1_000_000) for _ in range(3)))


class Library:
    """A source tree that obeys the source's own rules: no two items of one name, no folder inside itself."""

    def __init__(self) -> None:
        self.items: dict[str, SourceItem] = {"root": ROOT}
        self._serial = 0

    def step(self, kind: str, one: int, two: int, three: int) -> None:
        getattr(self, f"_{kind}")(one, two, three)

    def _alive(self, *kinds: Kind) -> list[SourceItem]:
        return [item for item in self.items.values() if not item.deleted and item.kind in kinds]

    def _pick(self, number: int, *kinds: Kind) -> SourceItem | None:
        choice = [item for item in self._alive(*(kinds or (Kind.FILE, Kind.FOLDER))) if not item.is_root]
        return choice[number % len(choice)] if choice else None

    def _place(self, number: int) -> str:
        folders = self._alive(Kind.FOLDER)
        return folders[number % len(folders)].id

    def _free(self, parent: str | None, name: str, mine: str = "") -> bool:
        return not any(
            item.parent_id == parent and item.name == name and item.id != mine
            for item in self._alive(Kind.FILE, Kind.FOLDER)
        )

    def _next(self) -> str:
        self._serial += 1
        return f"i{self._serial}"

    def _new_file(self, place: int, name: int, content: int) -> None:
        parent, named = self._place(place), NAMES[name % len(NAMES)]
        if self._free(parent, named):
            new = file(self._next(), parent, named, f"v{content % 3}")
            self.items[new.id] = new

    def _new_folder(self, place: int, name: int, _: int) -> None:
        parent, named = self._place(place), NAMES[name % len(NAMES)]
        if self._free(parent, named):
            new = folder(self._next(), parent, named)
            self.items[new.id] = new

    def _delete(self, which: int, _: int, reported: int) -> None:
        """Delete an item with all below it; the feed names all of it, or only the top."""
        if top := self._pick(which):
            for item in self._below(top.id):
                if item.id == top.id or reported % 2:
                    self.items[item.id] = replace(item, deleted=True)

    def _below(self, top: str) -> list[SourceItem]:
        found, ids = [self.items[top]], {top}
        while True:
            more = [i for i in self.items.values() if i.parent_id in ids and i.id not in ids and not i.deleted]
            if not more:
                return found
            found += more
            ids |= {item.id for item in more}

    def reachable(self) -> dict[str, SourceItem]:
        return {item.id: item for item in self._below("root")}

    def _move(self, which: int, place: int, name: int) -> None:
        item = self._pick(which)
        if item is None or item.id not in self.reachable():
            return
        parent = self._place(place)
        inside = {below.id for below in self._below(item.id)}
        named = item.name if name % 2 else NAMES[name % len(NAMES)]
        if parent not in inside and parent in self.reachable() and self._free(parent, named, item.id):
            self.items[item.id] = replace(item, parent_id=parent, name=named)

    def _rename(self, which: int, name: int, _: int) -> None:
        item = self._pick(which)
        if item and self._free(item.parent_id, NAMES[name % len(NAMES)], item.id):
            self.items[item.id] = replace(item, name=NAMES[name % len(NAMES)])

    def _edit(self, which: int, content: int, _: int) -> None:
        if item := self._pick(which, Kind.FILE):
            self.items[item.id] = file(item.id, item.parent_id, item.name, f"e{content % 4}")

    def _retag(self, which: int, version: int, _: int) -> None:
        if item := self._pick(which, Kind.FILE):
            self.items[item.id] = replace(item, version=f"t{version % 5}")

    def _swap(self, one: int, other: int, _: int) -> None:
        first, second = self._pick(one), self._pick(other)
        if first and second and first.parent_id == second.parent_id:
            self.items[first.id] = replace(first, name=second.name)
            self.items[second.id] = replace(second, name=first.name)

    def _recreate(self, which: int, keep: int, _: int) -> None:
        """Delete an item and put a new one of its name there; some of its children move over."""
        old = self._pick(which)
        if old is None or old.id not in self.reachable():
            return
        new = replace(old, id=self._next())
        children = [item for item in self._below(old.id) if item.parent_id == old.id]
        for child in children[: keep % 3]:
            self.items[child.id] = replace(child, parent_id=new.id)
        for item in self._below(old.id):
            self.items[item.id] = replace(item, deleted=True)
        self.items[new.id] = new


def check_executed(world: World) -> None:
    """Assert that the target is the source within scope, name for name and byte for byte."""
    context = world.context()
    wanted = {
        item.id: item
        for item in world.source.values()
        if not item.deleted and context.tree.place(item).standing is Standing.WANTED
    }
    assert world.at_target.keys() == wanted.keys()
    for item in wanted.values():
        copy = world.at_target[item.id]
        assert (copy.parent_id, copy.source_name, copy.hash) == (item.parent_id, item.name, item.hash)
        assert item.id == "root" or ".spfc-" not in copy.target_name
    keys = [(copy.parent_id, fold(copy.target_name)) for copy in world.at_target.values()]
    assert len(set(keys)) == len(keys)


def synchronise(world: World) -> list[Action]:
    """Plan, execute every line in order, and check the result; return what was done."""
    plan = world.plan()
    note("\n".join(f"{line.action} {line.reason} {line.item_id} {line.target_path}" for line in plan.lines))
    target = ObedientTarget(world)
    before = set(world.at_target)
    target.execute(plan.lines)
    gone = before - set(world.at_target)
    removals = {line.item_id for line in plan.lines if line.action is Action.REMOVE}
    assert gone == set(target.removed)
    assert bool(gone) == bool(removals), "nothing goes without a line that says so"
    check_executed(world)
    left = [line for line in world.plan().lines if line.action is not Action.SKIP]
    assert left == [], "a second plan has nothing to do"
    return [line.action for line in plan.lines]


@seed(int(os.environ["SPFC_SEED"]))
@settings(max_examples=1600, deadline=None, print_blob=True)
@given(first=st.lists(STEP, max_size=25), then=st.lists(STEP, max_size=15), last=st.lists(STEP, max_size=6))
@example(
    first=[("new_folder", 0, 0, 0), ("new_folder", 1, 2, 0), ("new_file", 2, 4, 0)],
    then=[("recreate", 0, 1, 0), ("swap", 0, 1, 0), ("delete", 0, 0, 0)],
    last=[("move", 1, 0, 1)],
)
@example(
    first=[],
    then=[("new_folder", 0, 0, 0), ("new_folder", 1, 0, 0), ("new_folder", 236, 0, 0)],
    last=[("new_folder", 0, 1, 0), ("new_folder", 0, 2, 0), ("recreate", 0, 1, 0), ("new_folder", 236, 0, 0)],
)
@example(
    first=[],
    then=[("new_folder", 0, 1, 0), ("new_file", 0, 0, 0), ("new_folder", 1, 0, 0), ("new_file", 0, 86, 0),
          ("recreate", 0, 1, 0), ("recreate", 1, 0, 0), ("new_file", 146, 0, 0), ("delete", 0, 0, 0)],
    last=[("recreate", 3, 0, 0), ("recreate", 1, 1, 0)],
)  # fmt: skip
def test_one_plan_brings_the_target_to_the_source(
    first: list[tuple[str, int, int, int]],
    then: list[tuple[str, int, int, int]],
    last: list[tuple[str, int, int, int]],
) -> None:
    library = Library()
    world = World(library.items, {}, exclude=("skip*",))
    for steps in (first, then, last):
        for step in steps:
            library.step(*step)
        for action in set(synchronise(world)):
            event(action.value)


def test_the_checks_can_fail() -> None:
    """The obedient target refuses a line whose name is taken, and a removal of what lives."""
    library = {item.id: item for item in (ROOT, folder("a", "root", "A"), file("1", "a", "f"))}
    world = World(dict(library), {i: synced(item) for i, item in library.items()})
    doomed = World({**library, "a": folder("a", "root", "A", deleted=True)}, world.at_target).plan().lines
    for lines in (doomed, World(library, {"root": synced(ROOT)}).plan().lines):
        try:
            ObedientTarget(world).execute(lines)
        except AssertionError:
            continue
        raise RuntimeError("a bad line was executed")
