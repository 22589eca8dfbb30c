"""A route file with mistakes, as Airflow reads it: good routes keep their DAGs, broken ones fail and say why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from spfc.errors import RouteInvalid

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

PROJECT = Path(__file__).parents[2]


def entry(name: str, **fields: Any) -> dict[str, Any]:
    base = {
        "source": {"hostname": "contoso.sharepoint.test", "site": f"/sites/{name}"},
        "target": {"folder": f"/team/{name}"},
    }
    return base | fields


@pytest.fixture
def bag(airflow_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Airflow's own reader of DAG files, on a route file of many mistakes."""
    from airflow.dag_processing.dagbag import DagBag

    routes = {
        "legal": entry("legal", schedule="@daily"),
        "works": entry("works", colour="red", schedule="@hourly"),
        "never": entry("never", schedule="0 0 30 2 *"),
        "always": entry("always", schedule="continuous", limits={"workers": 0}),
        "one": entry("one"),
        "two": entry("one"),
        "No name for a DAG": entry("x"),
    }
    path = tmp_path / "routes.yaml"
    path.write_text(yaml.safe_dump({"routes": routes}, sort_keys=False), encoding="utf-8")
    monkeypatch.setenv("SPFC_ROUTES", str(path))
    return DagBag(str(PROJECT / "dags"), bundle_path=PROJECT / "dags")


def test_each_entry_has_a_dag_and_the_file_no_import_error(bag: Any) -> None:
    assert bag.import_errors == {}
    broken = {name for name, dag in bag.dags.items() if "invalid" in dag.tags}
    assert set(bag.dags) - broken == {"spfc_legal"}
    assert broken == {"spfc_works", "spfc_never", "spfc_always", "spfc_one", "spfc_two", "spfc_invalid.7"}
    assert {task.task_id for task in bag.dags["spfc_works"].tasks} == {"invalid_route"}


@pytest.mark.parametrize(
    ("dag_id", "sentence"),
    [
        ("spfc_works", "Route 'works' is not valid: colour: unknown key."),
        ("spfc_never", "Airflow does not understand the schedule '0 0 30 2 *'"),
        ("spfc_two", "Routes 'one' and 'two' write into the same place"),
        ("spfc_invalid.7", "use a-z, 0-9, '_' and '-'"),
    ],
)
def test_it_says_what_is_wrong_where_people_look(bag: Any, dag_id: str, sentence: str) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    dag = bag.dags[dag_id]
    assert sentence in dag.description and sentence in dag.doc_md
    assert dag.dag_display_name.endswith("(invalid)")
    with pytest.raises(AirflowFailException) as caught:
        dag.get_task("invalid_route").python_callable()
    assert sentence in str(caught.value)


def test_it_fails_by_the_schedule_of_its_route_but_never_without_a_pause(bag: Any) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    found = {
        name: DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag)).timetable.summary
        for name, dag in bag.dags.items()
    }
    assert found["spfc_works"] == "0 * * * *"
    assert found["spfc_always"] == "0 * * * *"
    assert found["spfc_never"] == "None"


def test_an_entry_that_is_put_right_does_not_begin_by_itself(bag: Any) -> None:
    """Airflow's own rule for new DAGs stays in force: usually they are paused."""
    assert {dag.is_paused_upon_creation for dag in bag.dags.values()} == {None}


def test_the_tasks_of_a_good_route_find_it(bag: Any) -> None:
    from spfc.pipeline.settings import find_route

    assert find_route("legal").name == "legal"
    with pytest.raises(RouteInvalid, match="colour"):
        find_route("works")
    with pytest.raises(RouteInvalid, match="always, legal"):
        find_route("nothing")


@pytest.mark.parametrize("text", ["routes: [", "", "route: {}", "routes: {}\nroutes: {}\n"])
def test_a_file_that_is_none_is_an_import_error(
    airflow_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    from airflow.dag_processing.dagbag import DagBag

    (tmp_path / "routes.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("SPFC_ROUTES", str(tmp_path / "routes.yaml"))
    bag = DagBag(str(PROJECT / "dags"), bundle_path=PROJECT / "dags")
    assert bag.dags == {}
    assert "RouteInvalid" in bag.import_errors["spfc_routes.py"]
