"""All scenes of all houses."""

from __future__ import annotations

from tests.crash.case import Staged
from tests.crash.folder_scenes import FOLDER_SCENES
from tests.crash.list_scenes import LIST_SCENES
from tests.crash.scenes import SCENES

ALL: dict[str, Staged] = {**SCENES, **FOLDER_SCENES, **LIST_SCENES}
