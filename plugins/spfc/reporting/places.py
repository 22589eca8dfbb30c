"""Where reports lie, said once for those who write them and those who show them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

REPORTS_VARIABLE = "SPFC_REPORTS"


def reports_root(environment: Mapping[str, str] | None = None) -> Path:
    """Return the folder of all reports: ``SPFC_REPORTS``, else ``$AIRFLOW_HOME/spfc/reports``.

    ``AIRFLOW_HOME`` falls back to ``~/airflow``, as in Airflow. The folder need not exist.
    """
    known = os.environ if environment is None else environment
    if chosen := known.get(REPORTS_VARIABLE, "").strip():
        return Path(chosen).expanduser()
    return Path(known.get("AIRFLOW_HOME") or "~/airflow").expanduser() / "spfc" / "reports"
