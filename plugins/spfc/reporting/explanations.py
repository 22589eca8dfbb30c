"""One sentence and one next step for every reason and every error code, used where a line brings none
itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from spfc.planning.model import Action, Reason
from spfc.reporting.model import LineOutcome


class Explanation(NamedTuple):
    """What it means, and what the reader can do; the step is empty when nothing needs to be done."""

    meaning: str
    step: str = ""


_NEXT_RUN = "Nothing to do: the next run tries again."

REASONS: Mapping[Reason, Explanation] = {
    Reason.NEW: Explanation("The item is new at the source."),
    Reason.CONTENT_CHANGED: Explanation("The content at the source is newer than the copy."),
    Reason.RENAMED: Explanation("The item was renamed at the source."),
    Reason.MOVED: Explanation("The item was moved to another folder at the source."),
    Reason.MAKE_ROOM: Explanation("The item steps aside for another one that takes over its name."),
    Reason.PRESENT_AT_TARGET: Explanation("The target already holds the same file: same size, same time."),
    Reason.NEWER_AT_SOURCE: Explanation("The target held an older file of that name from before the first run."),
    Reason.NEWER_AT_TARGET: Explanation(
        "The target holds a newer or different file of that name that spfc did not put there.",
        "Decide which one counts: move or remove the file at the target, or exclude the item.",
    ),
    Reason.METADATA_ONLY: Explanation("Only properties changed at the source; the bytes are the same."),
    Reason.DELETED_AT_SOURCE: Explanation("The item was deleted at the source."),
    Reason.OUT_OF_SCOPE: Explanation("The item lies no longer within the folder or filter of the route."),
    Reason.LEFT_BEHIND: Explanation(
        "This is what is left at the old place of an item that the target refused to move: it was copied instead."
    ),
    Reason.EXCLUDED: Explanation("A filter of the route excludes the item."),
    Reason.EMPTY_FOLDER: Explanation("The folder holds no file, and the route keeps empty folders."),
    Reason.EMPTY_FOLDER_UNWANTED: Explanation("The folder holds no file, and the route does not want empty folders."),
    Reason.NOT_A_FILE: Explanation(
        "The item has no content of its own: a notebook, or a shortcut into another library."
    ),
    Reason.BLOCKED_BY_SOURCE: Explanation(
        "The source does not let this file be downloaded: malware was found, or a restriction applies.",
        "Have the owner clean, replace or release the file at the source.",
    ),
    Reason.UNLISTED: Explanation(
        "The source did not list this folder to the end, so nothing in it counts as deleted; what is known is kept.",
        "Give the account of the route access to the folder, have damaged names in it renamed, or have the server "
        "repaired that breaks down on it; the log of enumerate says which. The next run lists it again.",
    ),
    Reason.PATH_TOO_LONG: Explanation(
        "The path of this item is longer than spfc can follow, so it is not brought over, nor anything below it.",
        "Shorten the names of the folders above it at the source.",
    ),
    Reason.NAME_COLLISION: Explanation(
        "Another item of the same folder has the same name for the target, which ignores case.",
        "Rename one of the two at the source.",
    ),
    Reason.PARENT_UNKNOWN: Explanation("The source has not reported the folder of this item yet.", _NEXT_RUN),
    Reason.MISSING_AT_TARGET: Explanation("The copy was not at the target any more; it is brought back."),
    Reason.CHANGED_AT_TARGET: Explanation("Somebody changed the copy at the target; the route says which one counts."),
    Reason.UNKNOWN_AT_TARGET: Explanation("Something at the target that spfc did not put there; it is left alone."),
    Reason.BACKING_OFF: Explanation("The item failed recently and is given time before it is tried again.", _NEXT_RUN),
}

CODES: Mapping[str, Explanation] = {
    "item_gone": Explanation("The item vanished between listing and reading.", _NEXT_RUN),
    "item_changed": Explanation("The item changed while it was read.", _NEXT_RUN),
    "parent_unknown": REASONS[Reason.PARENT_UNKNOWN],
    "integrity_mismatch": Explanation("The bytes received do not have the listed length or hash.", _NEXT_RUN),
    "target_locked": Explanation(
        "Somebody holds the file open at the target.", "Close or unlock it; the next run tries again."
    ),
    "move_refused": Explanation(
        "The target refused to move the item, so it is copied to its new place and removed from the old one.", _NEXT_RUN
    ),
    "item_blocked": REASONS[Reason.BLOCKED_BY_SOURCE],
    "name_refused": Explanation(
        "The target does not accept this name or extension.", "Rename the item at the source, or exclude it."
    ),
    "target_exists": Explanation(
        "Something that spfc did not put there stands at the target path.", "Move or remove it at the target."
    ),
    "target_changed": Explanation(
        "The copy was edited at the target since spfc wrote it.",
        "Nothing to do: the next run settles it as the route's policies.conflicts says.",
    ),
    "too_many_changes": Explanation(
        "One run would overwrite more copies than the route allows, so all of them wait.",
        "Look at the report; if the changes are meant, trigger the route with release_plan = the plan's id.",
    ),
    "quota_full": Explanation(
        "The target has no room left for this file.",
        "Raise the quota or free space at the target (old versions and the recycle bin count too).",
    ),
    "authentication_refused": Explanation(
        "A service does not accept the credentials.", "Correct the Airflow connection."
    ),
    "permission_missing": Explanation(
        "The credentials are good, but do not allow this.", "Grant the missing permission."
    ),
    "place_not_found": Explanation(
        "The site, library, base folder or account is not there.",
        "Compare the route with what both services show.",
    ),
    "request_refused": Explanation(
        "A service calls the request wrong.", "See the detail; report it if it looks like a bug."
    ),
    "call_refused": Explanation("The target refused a call and did not say why.", "See the detail and its own log."),
    "unreachable": Explanation(
        "No connection to a service.", "Check network, proxy and certificates; the next run tries again."
    ),
    "service_busy": Explanation("A service failed or broke off in the middle of an answer.", _NEXT_RUN),
    "answer_unreadable": Explanation("A service sent something else than it promised.", _NEXT_RUN),
    "reply_lost": Explanation(
        "A change was sent and its answer never came; the next run looks at the target first.", _NEXT_RUN
    ),
    "quiet_hours": Explanation(
        "The route begins no copies at this time of day.", "Nothing to do: a run after the quiet hours goes on."
    ),
    "throttled": Explanation("The service asked everybody to wait.", _NEXT_RUN),
    "cursor_expired": Explanation(
        "The change feed wants a fresh start.", "Nothing to do: the next run lists everything again."
    ),
    "configuration": Explanation("A setting cannot work.", "Correct it as the detail says."),
    "route_invalid": Explanation("The route file or a run parameter is wrong.", "Correct it as the detail says."),
    "connection_invalid": Explanation("An Airflow connection lacks or contradicts a field.", "Correct the connection."),
    "ledger_unavailable": Explanation(
        "The ledger cannot be reached, or is too new.", "Check the connection spfc_ledger."
    ),
    "lease_held": Explanation("Another run of the route was at work.", "Nothing to do: the other run does the work."),
    "lease_lost": Explanation("Another run took over.", "Nothing to do: the other run does the work."),
    "interrupted": Explanation(
        "The task was told to stop before this line was done.", "Nothing to do: the next try goes on."
    ),
    "source_suspicious": Explanation(
        "The source looks wrong (empty or vanished), so nothing was removed.",
        "Look at the library before the next run.",
    ),
    "target_suspicious": Explanation(
        "Nothing of what was copied is at the target, so nothing was repaired.",
        "Look at the target; if it was emptied on purpose, run the route in mode audit with 'rebuild'.",
    ),
    "missing_at_target": REASONS[Reason.MISSING_AT_TARGET],
    "not_reached": Explanation("The run ended before this line was reached.", _NEXT_RUN),
    "run": Explanation("The run could not go on.", "See the detail."),
    "service": Explanation("A service failed.", _NEXT_RUN),
    "item": Explanation("The item could not be brought over.", _NEXT_RUN),
    "totals_mismatch": Explanation("The sums of the report do not add up.", "Report this as a bug of spfc."),
    "error": Explanation("Something unexpected happened.", "See the detail and the task log."),
}

ACTIONS: Mapping[Action, str] = {
    Action.CREATE_FOLDER: "Create folder",
    Action.MOVE: "Move or rename",
    Action.UPLOAD: "Copy new file",
    Action.UPDATE: "Update file",
    Action.ADOPT: "Adopt existing copy",
    Action.RECORD: "Record properties",
    Action.REMOVE: "Remove",
    Action.SKIP: "Skip",
    Action.HOLD: "Hold",
}


def explain(line: LineOutcome) -> Explanation:
    """Return what became of a line and the next step: its own words first, then its code, then its reason."""
    known = CODES.get(line.code, CODES["error"]) if line.code else REASONS.get(line.reason, CODES["error"])
    return Explanation(line.detail or known.meaning, line.hint or known.step)
