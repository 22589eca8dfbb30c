"""Every mistake that a person can make ends with a sentence, a status that is not 0, and no traceback.

(``Terminal.spfc`` itself refuses tracebacks.)
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Ended, Terminal

pytestmark = pytest.mark.airflow

WRONG = "not-the-secret-and-nobody-may-see-it"
DONE, NOT_GREEN, USAGE = 0, 1, 2


@pytest.fixture(scope="module")
def closed_port() -> int:
    with socket.socket() as once:
        once.bind(("127.0.0.1", 0))
        return int(once.getsockname()[1])


# -- before anything is asked ----------------------------------------------------------------------------


def unknown_key(routes: dict[str, Any]) -> None:
    routes["demo"]["colour"] = "red"


def empty_base(routes: dict[str, Any]) -> None:
    routes["demo"]["target"]["folder"] = "/"


def shared_target(routes: dict[str, Any]) -> None:
    routes["second"] = routes["demo"]


def bad_schedule(routes: dict[str, Any]) -> None:
    routes["demo"]["schedule"] = "every day"


def no_source(routes: dict[str, Any]) -> None:
    del routes["demo"]["source"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (unknown_key, "Route 'demo' is not valid: colour: unknown key. Correct it in routes.yaml"),
        (empty_base, "target.folder: the base folder must not be empty"),
        (shared_target, "Routes 'demo' and 'second' write into the same place"),
        (bad_schedule, "Route 'demo': Airflow does not understand the schedule 'every day'"),
        (no_source, "Route 'demo' is not valid: source: Field required"),
    ],
)
def test_a_route_that_cannot_work(terminal: Terminal, change: Any, sentence: str) -> None:
    ended = terminal.spfc("run", "demo", **terminal.routes(change))
    refused(ended, sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("routes:\n  demo: [\n", "is not valid YAML"),
        ("route: {}\n", "exactly one top-level key, 'routes'"),
        ("routes: {demo: 3}\n", "Route 'demo' must be a mapping"),
        ("", "exactly one top-level key"),
    ],
)
@pytest.mark.parametrize("command", [("run", "demo"), ("routes",)])
def test_a_route_file_that_is_none(terminal: Terminal, command: tuple[str, ...], text: str, sentence: str) -> None:
    refused(terminal.spfc(*command, **terminal.route_text(text)), sentence)


def test_a_route_file_in_another_encoding(terminal: Terminal) -> None:
    path = terminal.folder / "latin.yaml"
    path.write_bytes("routes: {büro: 1}".encode("latin-1"))
    refused(terminal.spfc("routes", SPFC_ROUTES=str(path)), "latin.yaml")


def test_a_route_file_that_is_not_there(terminal: Terminal) -> None:
    ended = terminal.spfc("run", "demo", SPFC_ROUTES="/nowhere/routes.yaml")
    refused(ended, "The route file /nowhere/routes.yaml cannot be read: No such file or directory. Set SPFC_ROUTES")


def test_a_route_that_is_not_there_names_those_that_are(terminal: Terminal) -> None:
    refused(terminal.spfc("run", "dmeo"), "There is no route 'dmeo'.", "has: demo.")


@pytest.mark.parametrize("number", ["0", "-1", "ten", "1.5", ""])
def test_a_number_of_documents_that_is_none(terminal: Terminal, number: str) -> None:
    ended = terminal.spfc("run", "demo", f"--max-documents={number}")
    refused(ended, f"argument --max-documents: {number!r} is not a whole number from 1")


@pytest.mark.parametrize("arguments", [(), ("run",), ("fly",), ("run", "demo", "--mode", "everything")])
def test_a_command_that_is_none(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    refused(terminal.spfc(*arguments), "usage: spfc")


def test_a_home_that_cannot_be_written(terminal: Terminal) -> None:
    blocked = terminal.folder / "file"
    blocked.touch()
    refused(terminal.spfc("run", "demo", AIRFLOW_HOME=str(blocked)), "No log can be written", "Set AIRFLOW_HOME")


def refused(ended: Ended, *sentences: str) -> None:
    """Nothing was run: status 2, nothing on stdout, the sentence on stderr."""
    assert ended.status == USAGE, ended
    assert ended.out == ""
    for sentence in sentences:
        assert sentence in ended.said, ended.said


# -- what only the services know -------------------------------------------------------------------------


def failed(ended: Ended, *sentences: str) -> None:
    """The run was tried: status 1, the verdict and what to do are part of the result."""
    assert ended.status == NOT_GREEN, ended
    assert "FAILED" in ended.out and "report: /" in ended.out and "log: /" in ended.out
    for sentence in sentences:
        assert sentence in ended.said, ended.said


def test_a_wrong_client_secret(terminal: Terminal) -> None:
    ended = terminal.spfc("run", "demo", **terminal.connection("spfc_sharepoint", password=WRONG))
    failed(ended, "refused the app", "The client secret is wrong: enter its value, not its id.")
    assert WRONG not in ended.said


def test_an_unknown_tenant(terminal: Terminal) -> None:
    authority = f"{terminal.pair.sharepoint.url}/nobody.example"
    extra = {"tenant_id": "nobody.example", "authority": authority}
    ended = terminal.spfc("run", "demo", **terminal.connection("spfc_sharepoint", extra=extra))
    failed(ended, "The tenant 'nobody.example' is not known", "Check the tenant id or domain")


def test_an_unknown_site(terminal: Terminal) -> None:
    ended = terminal.spfc("run", "demo", **terminal.routes(lambda r: r["demo"]["source"].update(site="/sites/gone")))
    failed(ended, "/sites/gone was not found", "Check host name and site path")


def test_an_unknown_library_names_those_that_are_there(terminal: Terminal) -> None:
    ended = terminal.spfc("run", "demo", **terminal.routes(lambda r: r["demo"]["source"].update(library="Archive")))
    failed(ended, "The site has no library 'Archive'. It has: 'Documents'")


def test_a_graph_that_does_not_answer(terminal: Terminal, closed_port: int) -> None:
    url = f"http://127.0.0.1:{closed_port}"
    extra = {"graph_root": f"{url}/v1.0", "authority": f"{url}/{terminal.pair.sharepoint.tenant_id}"}
    ended = terminal.spfc("run", "demo", **terminal.connection("spfc_sharepoint", extra=extra))
    failed(ended, "nobody answers there", "Check address, port, firewall and proxy.")


def test_a_filecloud_that_does_not_answer(terminal: Terminal, closed_port: int) -> None:
    ended = terminal.spfc("run", "demo", **terminal.connection("spfc_filecloud", port=closed_port))
    failed(ended, "cannot be reached: no connection (Connection refused). Check the FileCloud connection")


def test_a_refused_password_is_sent_once(terminal: Terminal) -> None:
    """Repeated logins lock accounts (FileCloud reference 2.1)."""
    mark = terminal.pair.journal.mark()
    ended = terminal.spfc("run", "demo", **terminal.connection("spfc_filecloud", password=WRONG))
    failed(ended, "FileCloud refused the login of spfc", "Correct user and password in the connection")
    assert WRONG not in ended.said
    assert terminal.pair.journal.count("filecloud", "loginguest", since=mark) == 1


@pytest.mark.parametrize("name", ["spfc_elsewhere", "spfc-elsewhere"])
def test_a_connection_that_is_not_there(terminal: Terminal, name: str) -> None:
    ended = terminal.spfc("run", "demo", **terminal.routes(lambda r: r["demo"]["target"].update(connection=name)))
    failed(ended, f"Airflow has no connection '{name}'", "Add it with type 'filecloud'")


def test_a_connection_without_its_secret(terminal: Terminal) -> None:
    ended = terminal.spfc("run", "demo", **terminal.connection("spfc_sharepoint", password=None))
    failed(ended, "Connection 'spfc_sharepoint': password (client secret)", "is missing")


def test_a_ledger_that_does_not_answer(terminal: Terminal, closed_port: int) -> None:
    """Without a ledger there is no report either, so the reason stands alone."""
    connection = f"postgres://ledger:{WRONG}@127.0.0.1:{closed_port}/spfc"
    ended = terminal.spfc("run", "demo", AIRFLOW_CONN_SPFC_LEDGER=connection)
    assert ended.status == USAGE
    assert "The ledger postgresql+psycopg://ledger:***@127.0.0.1" in ended.err
    assert "Check the Airflow connection spfc_ledger" in " ".join(ended.err.split())
    assert "run-" in ended.err and WRONG not in ended.said


def test_a_ledger_of_a_type_that_cannot_hold_it(terminal: Terminal) -> None:
    ended = terminal.spfc("run", "demo", AIRFLOW_CONN_SPFC_LEDGER="mysql://u:p@localhost/spfc")
    assert ended.status == USAGE
    assert "needs a connection of type postgres (production) or sqlite" in ended.said
