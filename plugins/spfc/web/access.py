"""Who may read which report: Airflow's own users, and their right to see the runs of the DAG behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Gate:
    """The three questions the pages ask about a visitor.

    ``identify`` is a FastAPI dependency that returns the user or raises 401 or 403. ``may_read(user,
    dag_id)`` says whether that user may see the runs of that DAG. ``sign_in(next_url)`` is the address that
    signs a visitor in and leads back to ``next_url``.
    """

    identify: Callable[..., Any]
    may_read: Callable[[Any, str], bool]
    sign_in: Callable[[str], str]


def airflow_gate() -> Gate:
    """Return the gate that Airflow itself uses: session cookie or bearer token, and its auth manager."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
    from airflow.api_fastapi.core_api.security import get_user
    from airflow.configuration import conf
    from airflow.models.dag import DagModel

    def may_read(user: Any, dag_id: str) -> bool:
        team = DagModel.get_team_name(dag_id) if conf.getboolean("core", "multi_team") else None
        return get_auth_manager().is_authorized_dag(
            method="GET",
            access_entity=DagAccessEntity.RUN,
            details=DagDetails(id=dag_id, team_name=team),
            user=user,
        )

    def sign_in(next_url: str) -> str:
        return get_auth_manager().get_url_login(next_url=next_url)

    return Gate(identify=get_user, may_read=may_read, sign_in=sign_in)
