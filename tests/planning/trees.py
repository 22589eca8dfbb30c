"""Short ways to write down source trees, synced trees and the plan between them; and a target that obeys lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from spfc.planning.context import PlanContext
from spfc.planning.debt import DebtRow, NameKey, Occupant
from spfc.planning.difference import owed, same_content, same_place
from spfc.planning.files import FilePlan, plan_files
from spfc.planning.model import Action, Kind, PlanLine, Reason, SourceItem, SyncedItem, TargetEntry
from spfc.planning.names import fold, target_name
from spfc.planning.scope import PathGlobs
from spfc.planning.structure import Structure, plan_structure, room_line
from spfc.planning.tree import SourceTree, Standing

ROOT = SourceItem("root", None, "root", Kind.FOLDER, is_root=True)


def folder(item_id: str, parent: str | None, name: str, **more: Any) -> SourceItem:
    return SourceItem(item_id, parent, name, Kind.FOLDER, **more)


def file(item_id: str, parent: str | None, name: str, content: str = "1", **more: Any) -> SourceItem:
    """A file whose ``content`` is its hash: what was copied can be told from the item."""
    fields: dict[str, Any] = {"size": len(content), "modified": 1000, "version": content, "content_version": content,
                              "hash": content}  # fmt: skip
    return SourceItem(item_id, parent, name, Kind.FILE, **(fields | more))


def synced(item: SourceItem, **more: Any) -> SyncedItem:
    """Return the row of ``item`` as it was copied without any trouble."""
    fields: dict[str, Any] = {
        "parent_id": item.parent_id,
        "source_name": item.name,
        "target_name": "" if item.parent_id is None else target_name(item.name, item.id),
        "size": item.size,
        "modified": item.modified,
        "version": item.version,
        "content_version": item.content_version,
        "hash": item.hash,
    }
    return SyncedItem(id=item.id, kind=item.kind, **(fields | more))


def by_id(items: Iterable[Any]) -> dict[str, Any]:
    return {item.id: item for item in items}


@dataclass
class World:
    """What the source says (``source``) and what we put at the target (``at_target``), both by id."""

    source: dict[str, SourceItem]
    at_target: dict[str, SyncedItem]
    exclude: tuple[str, ...] = ()
    attempts: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    present: Mapping[str, TargetEntry] = field(default_factory=dict)
    now: float = 5000.0
    ignore_backoff: bool = False

    def rows(self) -> list[DebtRow]:
        """Return the debt, with the folders that owed items need but that are not at the target."""
        ids = sorted(self.source.keys() | self.at_target.keys())
        rows = []
        for item_id in ids:
            source, copy = self.source.get(item_id), self.at_target.get(item_id)
            attempts, next_try = self.attempts.get(item_id, (0, 0.0))
            if (source is None and copy is not None) or (source is not None and owed(source, copy)):
                rows.append(DebtRow(source, copy, attempts, next_try))
        return rows

    def context(self) -> PlanContext:
        folders = {i: item for i, item in self.source.items() if item.kind is not Kind.FILE}
        return PlanContext(
            base_id="root",
            tree=SourceTree(folders, "root", PathGlobs(self.exclude).matches),
            folders={i: item for i, item in self.at_target.items() if item.kind is not Kind.FILE},
            source_folders=folders,
            present=self.present,
            now=self.now,
            ignore_backoff=self.ignore_backoff,
        )

    def occupants(self) -> dict[NameKey, Occupant]:
        found = {}
        for copy in self.at_target.values():
            source = self.source.get(copy.id)
            stays = source is not None and not source.deleted and same_place(source, copy)
            found[copy.parent_id, fold(copy.target_name)] = Occupant(copy, stays)
        return found

    def plan(self) -> Plan:
        """Return the whole plan, put together as the step does."""
        context, rows, standing = self.context(), self.rows(), self.occupants()
        structure = plan_structure([row for row in rows if not row.is_copy_only], context, standing)
        copies = [(row, row.source) for row in rows if row.is_copy_only and row.source]
        copies.sort(key=lambda pair: (str(pair[1].parent_id), fold(target_name(pair[1].name, pair[1].id)), pair[0].id))
        files = plan_files([row for row, _ in copies], context, standing)
        leaving = {line.item_id for line in structure.ordered if line.action is Action.MOVE}
        rooms = {item.id: room_line(item, context) for item in files.evicted if item.id not in leaving}
        return Plan(structure, files, tuple(rooms.values()))


@dataclass(frozen=True)
class Plan:
    structure: Structure
    files: FilePlan
    rooms: tuple[PlanLine, ...]

    @property
    def lines(self) -> list[PlanLine]:
        """Every line in the order in which the steps execute them."""
        parts = self.structure
        copies = (*parts.copies, *self.files.lines)
        return [*parts.ordered, *self.rooms, *copies, *parts.removals, *parts.others]

    @property
    def settled(self) -> set[str]:
        return {*self.structure.settled, *self.files.settled}

    def of(self, item_id: str) -> list[PlanLine]:
        return [line for line in self.lines if line.item_id == item_id]

    def told(self) -> list[tuple[str, str, str]]:
        return [(line.action.value, line.reason.value, line.target_path) for line in self.lines]


class ObedientTarget:
    """Executes lines one by one and refuses what a real target would refuse, or what the plan may not want."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.removed: list[str] = []

    def execute(self, lines: Iterable[PlanLine]) -> None:
        for line in lines:
            getattr(self, f"_{line.action.value}")(line)

    def paths(self) -> dict[str, tuple[str, str | None]]:
        """Return target path -> (id, hash) of everything at the target but the root."""
        rows = self.world.at_target
        return {self.path_of(copy.id): (copy.id, copy.hash) for copy in rows.values() if copy.parent_id is not None}

    def path_of(self, item_id: str | None) -> str:
        if item_id == "root":
            return ""
        copy = self.world.at_target[str(item_id)]
        return f"{self.path_of(copy.parent_id)}/{copy.target_name}"

    def _free(self, line: PlanLine) -> str:
        """Return the name of a line after making sure that its parent is there and that nobody has that name."""
        name = line.target_path.rpartition("/")[2]
        assert line.parent_id in self.world.at_target, f"no parent for {line}"
        for other in self.world.at_target.values():
            same = other.parent_id == line.parent_id and fold(other.target_name) == fold(name)
            assert not same or other.id == line.item_id, f"{other} is in the way of {line}"
        assert line.target_path == f"{self.path_of(line.parent_id)}/{name}" or line.reason is Reason.MAKE_ROOM
        return name

    def _create_folder(self, line: PlanLine) -> None:
        assert line.item_id not in self.world.at_target
        source = self.world.source[line.item_id]
        if line.target_path == "/":
            self.world.at_target[line.item_id] = synced(source, target_name="")
            return
        self.world.at_target[line.item_id] = synced(source, target_name=self._free(line))

    def _move(self, line: PlanLine) -> None:
        name = self._free(line)
        at: str | None = line.parent_id
        while at is not None:
            assert at != line.item_id, f"into itself: {line}"
            at = self.world.at_target[at].parent_id
        copy = self.world.at_target[line.item_id]
        if line.reason is Reason.MAKE_ROOM:
            self.world.at_target[line.item_id] = replace(copy, source_name=name, target_name=name)
            return
        source = self.world.source[line.item_id]
        moved = replace(copy, parent_id=line.parent_id, source_name=source.name, target_name=name)
        if source.kind is not Kind.FILE or same_content(source, copy):
            moved = replace(moved, version=source.version)
        self.world.at_target[line.item_id] = moved

    def _upload(self, line: PlanLine) -> None:
        assert line.item_id not in self.world.at_target
        self.world.at_target[line.item_id] = synced(self.world.source[line.item_id], target_name=self._free(line))

    def _update(self, line: PlanLine) -> None:
        assert self.path_of(line.item_id) == line.target_path
        copy = self.world.at_target[line.item_id]
        self.world.at_target[line.item_id] = synced(
            self.world.source[line.item_id], target_name=copy.target_name, parent_id=copy.parent_id
        )

    def _record(self, line: PlanLine) -> None:
        copy = self.world.at_target[line.item_id]
        self.world.at_target[line.item_id] = replace(copy, version=self.world.source[line.item_id].version)

    def _remove(self, line: PlanLine) -> None:
        tree = self.world.context().tree
        for copy in [each for each in self.world.at_target.values() if self._lies_in(each, line.item_id)]:
            source = self.world.source.get(copy.id)
            alive = source is not None and tree.place(source).standing is Standing.WANTED
            assert not alive, f"{line} would remove {copy}, which lives"
            del self.world.at_target[copy.id]
            self.removed.append(copy.id)

    def _lies_in(self, copy: SyncedItem, top: str) -> bool:
        at: str | None = copy.id
        while at is not None:
            if at == top:
                return True
            at = self.world.at_target[at].parent_id
        return False

    def _skip(self, line: PlanLine) -> None: ...

    def _hold(self, line: PlanLine) -> None: ...
