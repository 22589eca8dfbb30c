"""Where a FileCloud path lies on disk, and that it never lies outside the store (reference 4).

`/<account>/a/b` is `<store>/a/b`. A team folder `x` (knob) is `<store>/x`, also seen as `/SHARED/x`.
`/`, `/SHARED` and `/EXTERNAL` exist only as listings.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from simulators.filecloud.errors import NotFound, Refused
from simulators.filecloud.knobs import FileCloudKnobs
from simulators.filecloud.names import check_leaf, normal

INCOMING = ".spfc-incoming-"  # prefix of files being copied into the store from another file system


@dataclass(frozen=True, slots=True)
class Place:
    """A FileCloud path and its place on disk.

    `disk` is None where only a listing exists. `key` is the path below the store ("" = the store itself,
    else "/a/b"): the same for all paths that lead to the same place.
    """

    path: str
    disk: Path | None
    key: str = ""

    @property
    def name(self) -> str:
        """The last step of the path, empty at the top."""
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> str:
        """The path of the folder around it, `/` at most."""
        return self.path.rpartition("/")[0] or "/"


def steps_of(path: str, knobs: FileCloudKnobs) -> list[str]:
    """Split a path into its steps. Raises Refused for `..`, empty steps, NUL and over-long names."""
    trimmed = path.removeprefix("/").removesuffix("/")
    steps = [normal(step, knobs) for step in trimmed.split("/")] if trimmed else []
    for step in steps:
        check_leaf(step)
    return steps


def join(folder: str, name: str) -> str:
    """Append one step to a path."""
    return f"{folder.rstrip('/')}/{name}"


def find(path: str, store: Path, account: str, knobs: FileCloudKnobs) -> Place:
    """Return the place of a path, whether or not something is there.

    Raises Refused for paths that are not clean, NotFound for areas that do not exist.
    """
    steps = steps_of(path, knobs)
    clean = "/" + "/".join(steps)
    if not steps or steps in (["SHARED"], ["EXTERNAL"]):
        return Place(clean, None)
    shared = steps[0] == "SHARED" and steps[1] in knobs.team_folders
    if steps[0] == account or shared:
        below = steps[1:]
    elif steps[0] in knobs.team_folders:
        below = steps
    else:
        raise NotFound("The path does not exist or access is denied", "CLFC-2001")
    _check_links(store, below)
    return Place(clean, store.joinpath(*below), "".join([f"/{step}" for step in below]))


def _check_links(store: Path, below: list[str]) -> None:
    here = str(store)
    for step in below:
        if step.startswith(INCOMING):
            raise Refused("The name is not valid", "CLFC-1001")
        here = f"{here}/{step}"
        try:
            mode = os.lstat(here).st_mode  # several for each call: paths as objects cost ten times as much
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            raise Refused("The path is too long", "CLFC-1002") from error
        # A link could lead anywhere, so links are not part of the store at all.
        if stat.S_ISLNK(mode):
            raise NotFound("The path does not exist or access is denied", "CLFC-2001")


def under(path: str, roots: tuple[str, ...]) -> bool:
    """Say whether a path is one of `roots` or below one."""
    return any(path == root or path.startswith(root + "/") for root in roots)
