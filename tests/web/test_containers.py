"""The container files: complete, without secrets, about this project; checked without an engine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
AIRFLOW = ("init", "api-server", "scheduler", "dag-processor", "triggerer")
SECRET = re.compile(r"PASSWORD(?!S_FILE)|SECRET|_KEY|_CONN|TOKEN")
LATER = {"README.md"}
"""Files that another room writes; the image needs them, this test does not."""


def test_all_services_are_there() -> None:
    assert set(SERVICES) == {"postgres", "databases", "simulators", *AIRFLOW}
    assert [name for name, service in SERVICES.items() if "profiles" in service] == ["simulators"]
    for name in ("api-server", "scheduler", "dag-processor", "triggerer"):
        assert SERVICES[name]["command"] == name


@pytest.mark.parametrize("name", SERVICES)
def test_secrets_come_from_outside_and_have_no_default(name: str) -> None:
    for key, value in SERVICES[name].get("environment", {}).items():
        if SECRET.search(key):
            assert "${" in value, f"{key} is written in the file"
        for variable, rest in re.findall(r"\$\{(\w+)([^}]*)\}", value):
            assert rest.startswith(":?"), f"{variable} must be required, without a default"
    text = yaml.safe_dump(SERVICES[name])
    assert not re.search(r"://[\w+-]+:(?!\$\{)[^@\s/]+@", text), "a password in a URL"


def test_metadata_and_ledger_have_databases_and_roles_of_their_own() -> None:
    environment = SERVICES["scheduler"]["environment"]
    metadata, ledger = (
        environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"],
        environment["AIRFLOW_CONN_SPFC_LEDGER"],
    )
    assert metadata.split("/")[-1] == "airflow" and "//airflow:${AIRFLOW_DB_PASSWORD" in metadata
    assert ledger.split("/")[-1] == "spfc" and "//spfc:${LEDGER_DB_PASSWORD" in ledger
    assert all("POSTGRES_PASSWORD" not in str(SERVICES[name]["environment"]) for name in AIRFLOW)


def test_only_the_web_interface_is_published_and_only_here() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"api-server": ["127.0.0.1:8080:8080"]}


def test_reports_are_shared_between_those_who_write_and_those_who_show() -> None:
    mounts = {name: SERVICES[name]["volumes"] for name in ("scheduler", "api-server")}
    assert "reports:/opt/airflow/spfc/reports" in mounts["scheduler"]
    assert "reports:/opt/airflow/spfc/reports:ro" in mounts["api-server"]
    named = {mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])}
    assert {name for name in named if name.isidentifier()} == set(COMPOSE["volumes"])


def test_dependencies_and_builds_lead_somewhere() -> None:
    stages = set(re.findall(r"^FROM .* AS (\S+)$", DOCKERFILE, re.M))
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        if build := service.get("build"):
            assert build["context"] == "." and build["target"] in stages
    assert SERVICES["simulators"]["network_mode"] == "service:scheduler"


def test_image_is_the_airflow_that_is_locked() -> None:
    locked = re.search(r"^apache-airflow==(\S+)", (ROOT / "requirements.txt").read_text("utf-8"), re.M)
    assert locked is not None
    assert f"FROM apache/airflow:{locked[1]}-python3.11 AS spfc" in DOCKERFILE
    installs = re.findall(r"pip install ((?:[^\n&]|\\\n)*)", DOCKERFILE)
    assert len(installs) == 3
    for command in installs:
        assert "--no-deps" in command
        assert "--require-hashes" in command or "--editable /opt/airflow" in command


def test_everything_copied_exists_and_is_let_into_the_build() -> None:
    let_in = {
        line[1:].rstrip("/") for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] == "!"
    }
    for arguments in re.findall(r"^COPY (.*)$", DOCKERFILE, re.M):
        *sources, _ = (part for part in arguments.split() if not part.startswith("--"))
        for source in sources:
            assert source in let_in
            assert source in LATER or (ROOT / source).exists()
