"""Look at the target itself: list it, compare it with what we put there, and write the difference down."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from spfc.errors import TargetSuspicious
from spfc.ledger.drift import store_findings, synced_children, synced_in_window
from spfc.ledger.observations import find_base, load_synced
from spfc.planning.audit import Drift, Finding, compare_folder
from spfc.planning.model import Action, PlanLine, Reason, SyncedItem, TargetEntry
from spfc.planning.names import fold
from spfc.routes import Window
from spfc.steps.context import RunContext
from spfc.steps.placement import Placement

log = logging.getLogger("spfc.audit")

GROUP = 64
"""Folders that are listed and compared together; their findings are committed at once."""

Folder = tuple[SyncedItem, str]
"""One of our folders, and its target path (``""`` for the root)."""


@dataclass(slots=True)
class Audit:
    """What a look at the target found. ``drift`` counts findings; ``unknown`` holds the topmost entries only."""

    folders: int = 0
    entries: int = 0
    drift: Counter[Drift] = field(default_factory=Counter)
    unknown: list[TargetEntry] = field(default_factory=list)

    def present(self) -> dict[str, TargetEntry]:
        """Return what stands at the target without being ours, by folded path."""
        return {fold(entry.path): entry for entry in self.unknown}

    def lines(self) -> Iterator[PlanLine]:
        """Yield a line for everything at the target that nobody of ours accounts for; it is left alone."""
        for entry in self.unknown:
            evidence = {"target_size": entry.size, "target_modified": entry.modified}
            yield PlanLine(
                Action.SKIP, Reason.UNKNOWN_AT_TARGET, "", entry.kind, entry.path, entry.path, evidence=evidence
            )

    def summary(self) -> dict[str, int]:
        """Return the small values that may travel through XCom."""
        counted = {drift.value: self.drift[drift] for drift in Drift}
        return {"folders": self.folders, "entries": self.entries, **counted}


def audit_target(run: RunContext) -> Audit:
    """Compare the whole target with the synced tree, one listing per folder; bring the tree in line with the truth.

    Raises :class:`~spfc.errors.TargetSuspicious` and changes nothing when none of our items is there at all.
    """
    audit = Audit()
    with run.reading() as connection:
        base = find_base(connection, run.route.name, run.route.source.below)
        root = load_synced(connection, run.route.name, [base.id]).get(base.id)
    level: list[Folder] = [(root, "")] if root else []
    while level:
        following: list[Folder] = []
        for start in range(0, len(level), GROUP):
            following += _compare(run, audit, level[start : start + GROUP])
        level = following
    log.info("The target was compared in full: %s", _sentence(audit))
    return audit


def audit_window(run: RunContext, window: Window) -> Audit:
    """Compare the copies of files whose source was last modified within ``window`` with the target itself."""
    audit = Audit()
    with run.reading() as connection:
        ours = synced_in_window(connection, run.route.name, window.start.timestamp(), window.end.timestamp())
    placement = Placement(run)
    placed = [(folder, placement.folder(folder)) for folder in ours]
    known = [(folder, path) for folder, path in placed if path is not None]
    for start in range(0, len(known), GROUP):
        some = known[start : start + GROUP]
        findings: list[Finding] = []
        for (folder_id, path), entries in zip(some, _list(run, audit, [path for _, path in some]), strict=True):
            if entries is None:
                findings.append(Finding(Drift.MISSING, _topmost_missing(run, folder_id, path)))
            else:
                findings += compare_folder(ours[folder_id], entries).findings
        _store(run, audit, findings)
    log.info("Files of the window were compared: %s", _sentence(audit))
    return audit


def _compare(run: RunContext, audit: Audit, group: list[Folder]) -> list[Folder]:
    """Compare some folders and return our folders below them."""
    with run.reading() as connection:
        ours = synced_children(connection, run.route.name, [folder.id for folder, _ in group])
    listings = _list(run, audit, [path for _, path in group])
    findings: list[Finding] = []
    below: list[Folder] = []
    for (folder, path), entries in zip(group, listings, strict=True):
        drift = compare_folder(ours[folder.id], entries or [])
        if folder.parent_id is None:
            _refuse_empty(run, ours[folder.id], drift.findings)
        if entries is None:
            findings.append(Finding(Drift.MISSING, folder))
            continue
        findings += drift.findings
        audit.unknown += drift.unknown
        audit.drift[Drift.UNKNOWN] += len(drift.unknown)
        below += [(item, f"{path}/{entry.name}") for item, entry in drift.folders]
    _store(run, audit, findings)
    return below


def _list(run: RunContext, audit: Audit, paths: list[str]) -> list[list[TargetEntry] | None]:
    """List some folders at once; None stands for a folder that is not there."""
    target = run.target
    with ThreadPoolExecutor(run.route.limits.workers) as pool:
        listings = list(pool.map(lambda path: target.list_folder(path or "/"), paths))
    audit.folders += len(paths)
    audit.entries += sum(len(entries) for entries in listings if entries is not None)
    return listings


def _refuse_empty(run: RunContext, ours: list[SyncedItem], findings: tuple[Finding, ...]) -> None:
    missing = sum(finding.drift is Drift.MISSING for finding in findings)
    if not ours or missing < len(ours) or run.options.rebuild:
        return
    raise TargetSuspicious(
        f"The target folder {run.route.target.folder} shows none of the {len(ours)} items that were copied into it.",
        hint="Check that storage and permissions at the target are what they were. If it was emptied on purpose, run "
        "the route in mode audit with 'rebuild'. Nothing was changed.",
    )


def _store(run: RunContext, audit: Audit, findings: list[Finding]) -> None:
    for finding in findings:
        audit.drift[finding.drift] += 1
        if finding.drift is not Drift.RETAGGED:
            log.warning("%s at the target: %s", finding.drift.value, finding.item.target_name)
    with run.writing() as connection:
        store_findings(connection, run.route.name, run.now(), findings)
        run.renew(connection)
    if audit.folders % (GROUP * 10) == 0:
        log.info("So far: %s", _sentence(audit))


def _topmost_missing(run: RunContext, folder_id: str, path: str) -> SyncedItem:
    """Return the highest folder at and above ``folder_id`` that is not at the target."""
    missing = _synced(run, folder_id)
    while missing.parent_id is not None:
        path = path.rpartition("/")[0]
        if run.target.list_folder(path or "/") is not None:
            return missing
        missing = _synced(run, missing.parent_id)
    raise TargetSuspicious(
        f"The target folder {run.route.target.folder} is not there any more.",
        hint="Check storage and permissions at the target. If it was removed on purpose, run the route in mode audit "
        "with 'rebuild'. Nothing was changed.",
    )


def _synced(run: RunContext, item_id: str) -> SyncedItem:
    with run.reading() as connection:
        return load_synced(connection, run.route.name, [item_id])[item_id]


def _sentence(audit: Audit) -> str:
    found = ", ".join(f"{count} {drift.value}" for drift, count in sorted(audit.drift.items()) if count)
    return f"{audit.folders} folders, {audit.entries} entries, {found or 'no drift'}"
