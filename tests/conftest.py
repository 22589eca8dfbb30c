"""A throw-away Airflow for all tests, chosen before anything imports Airflow."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

PROJECT = Path(__file__).parents[1]
KEPT = ("SPFC_SEED", "SPFC_EXAMPLES", "SPFC_PROFILE")
"""Ours, for whoever runs the tests."""

for _name in list(os.environ):
    if _name.startswith(("AIRFLOW_", "AIRFLOW__", "SPFC_")) and _name not in KEPT:
        del os.environ[_name]  # whatever Airflow the person at this machine works with is none of our business

os.environ.setdefault("SPFC_SEED", str(secrets.randbelow(2**32)))  # here, so that all workers share it

# How long an example takes says nothing on a machine that others share; the rest is alike at home and in CI.
settings.register_profile("house", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

_HOME = Path(tempfile.mkdtemp(prefix="spfc-airflow-"))
os.environ |= {
    "AIRFLOW_HOME": str(_HOME),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
}


def pytest_report_header() -> str:
    """Tell the seed, so that a failure can be seen again."""
    return f"SPFC_SEED={os.environ['SPFC_SEED']} (set it to repeat the same random examples)"


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def _strangers() -> None:
    """Tokens that this process has of earlier services would be shown to a later one that got the same port."""
    shared = sys.modules.get("spfc.graph.shared")
    if shared is not None:
        shared.SHARED.reset()


@pytest.fixture(scope="session")
def airflow_home() -> Iterator[Path]:
    """The home of this session's Airflow, with an initialised metadata database."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow's own
        from airflow.utils.db import initdb

        initdb()
    yield _HOME


@pytest.fixture(scope="session")
def postgres() -> Iterator[URL]:
    """The address of a real PostgreSQL server. Under CI=true a missing one fails, elsewhere it skips."""
    from tests.postgres import NoPostgresError, running_postgres

    try:
        with running_postgres() as server:
            yield server
    except NoPostgresError as missing:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))
