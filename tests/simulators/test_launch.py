"""Both simulators together: what `spfc simulate` promises to people and scripts."""

import argparse
import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import requests
import yaml
from tests.simulators.sharepoint_reader import Reader

from simulators import launch
from simulators.launch import LaunchError, LaunchOptions, SimulatorPair
from spfc.route_file import parse_routes


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / "one.txt").write_bytes(b"1")
    return folder


@pytest.fixture
def options(library: Path, tmp_path: Path) -> LaunchOptions:
    return LaunchOptions(library, tmp_path / "store")


def item_ids(pair: SimulatorPair) -> dict[str, str]:
    """Return names and ids of the library's top level, asked as any client would."""
    source = pair.sharepoint
    verify = str(source.ca_file) if source.ca_file else True
    with requests.Session() as session:
        session.trust_env = False
        form = {
            "grant_type": "client_credentials",
            "client_id": source.client_id,
            "client_secret": source.client_secret,
            "scope": "https://graph.microsoft.com/.default",
        }
        answer = session.post(f"{source.authority}/oauth2/v2.0/token", data=form, verify=verify, timeout=10)
        bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        site = f"{source.graph_root}/sites/{source.site_hostname}:{source.site_path}"
        site_id = session.get(site, headers=bearer, verify=verify, timeout=10).json()["id"]
        children = f"{source.graph_root}/sites/{site_id}/drive/root/children"
        found = session.get(children, headers=bearer, verify=verify, timeout=10).json()["value"]
    return {item["name"]: item["id"] for item in found}


def log_in(pair: SimulatorPair) -> str:
    target = pair.filecloud
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(
            f"{target.url}/core/loginguest",
            data={"userid": target.account, "password": target.password},
            verify=str(target.ca_file) if target.ca_file else True,
            timeout=10,
        )
    return answer.text


@pytest.mark.parametrize("tls", [False, True])
def test_both_answer_and_write_one_journal(library: Path, tmp_path: Path, tls: bool) -> None:
    journal = tmp_path / "journal.jsonl"
    with SimulatorPair(LaunchOptions(library, tmp_path / "store", tls=tls, journal=journal)) as pair:
        assert set(item_ids(pair)) == {"one.txt"}
        assert "<result>1</result>" in log_in(pair)
    text = journal.read_text()
    assert {json.loads(line)["service"] for line in text.splitlines()} == {"login", "graph", "filecloud"}
    assert pair.sharepoint.client_secret not in text
    assert os.listdir(library) == ["one.txt"], "the library stays clean"


def test_state_survives_a_restart(options: LaunchOptions) -> None:
    with SimulatorPair(options) as pair:
        before = item_ids(pair)
    (options.library / "one.txt").rename(options.library / "renamed.txt")
    with SimulatorPair(options) as pair:
        after = item_ids(pair)
    assert after == {"renamed.txt": before["one.txt"]}


def test_addresses_survive_a_restart_unless_somebody_took_the_port(options: LaunchOptions) -> None:
    with SimulatorPair(options) as pair:
        before = pair.connections()
    with SimulatorPair(options) as pair:
        assert pair.connections() == before
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", before["spfc_filecloud"]["port"]))
        taken.listen()
        with SimulatorPair(options) as pair:
            after = pair.connections()
    assert after["spfc_sharepoint"] == before["spfc_sharepoint"]
    assert after["spfc_filecloud"]["port"] != before["spfc_filecloud"]["port"]


def list_titles(pair: SimulatorPair) -> list[str]:
    reader = Reader(pair.sharepoint)
    try:
        return [v["displayName"] for v in reader.get(f"/sites/{pair.sharepoint.ids.site_id}/lists").json()["value"]]
    finally:
        reader.close()


def test_lists_are_published_from_the_folder_beside_the_library_or_from_another(
    options: LaunchOptions, tmp_path: Path
) -> None:
    with SimulatorPair(options) as pair:
        assert list_titles(pair) == ["Documents"]
        assert "\n  lists " not in pair.describe()
    for folder, title in ((options.library.with_name("library.lists"), "Orders"), (tmp_path / "other", "Notes")):
        folder.mkdir()
        (folder / f"{title}.csv").write_text("id,Title\n1,one\n")
    with SimulatorPair(options) as pair:
        assert list_titles(pair) == ["Documents", "Orders"]
        assert "library.lists" in pair.describe()
    with SimulatorPair(replace(options, lists=tmp_path / "other")) as pair:
        assert list_titles(pair) == ["Documents", "Notes"]


def test_two_pairs_never_share_a_state(options: LaunchOptions) -> None:
    with SimulatorPair(options), pytest.raises(LaunchError, match="state folder"):
        SimulatorPair(options)


def test_the_env_file_can_be_sourced_by_sh(options: LaunchOptions, tmp_path: Path) -> None:
    path = tmp_path / "it's a (file) $HOME.sh"
    with SimulatorPair(options) as pair:
        pair.write_env(path)
        expected = pair.connections()
        folder, hostname = pair.target_path, pair.sharepoint.site_hostname
    script = '. "$1" && exec "$2" -c "import json, os; print(json.dumps(dict(os.environ)))"'
    environment = {"PATH": os.environ["PATH"], "NO_PROXY": "intranet.test"}
    ended = subprocess.run(
        ["sh", "-c", script, "sh", str(path), sys.executable],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    variables = json.loads(ended.stdout)
    assert json.loads(variables["AIRFLOW_CONN_SPFC_SHAREPOINT"]) == expected["spfc_sharepoint"]
    assert json.loads(variables["AIRFLOW_CONN_SPFC_FILECLOUD"]) == expected["spfc_filecloud"]
    assert json.loads(variables["AIRFLOW_CONN_SPFC_LEDGER"]) == expected["spfc_ledger"]
    assert variables["NO_PROXY"] == "127.0.0.1,localhost,intranet.test"
    assert variables["no_proxy"] == "127.0.0.1,localhost"
    assert path.stat().st_mode & 0o077 == 0
    routes = parse_routes(yaml.safe_load(Path(variables["SPFC_ROUTES"]).read_text()))
    assert set(routes) == {"demo"}
    assert routes["demo"].target.folder == folder
    assert routes["demo"].source.hostname == hostname


def test_connections_name_the_authority_only_under_tls(options: LaunchOptions, tmp_path: Path) -> None:
    with SimulatorPair(options) as pair:
        plain = pair.connections()
    assert plain["spfc_filecloud"]["schema"] == "http"
    assert all("ca_file" not in connection.get("extra", {}) for connection in plain.values())
    with SimulatorPair(LaunchOptions(options.library, tmp_path / "store", tls=True)) as pair:
        secure = pair.connections()
    assert secure["spfc_filecloud"]["schema"] == "https"
    assert secure["spfc_sharepoint"]["extra"]["graph_root"].startswith("https://")
    services = (secure["spfc_sharepoint"], secure["spfc_filecloud"])
    assert all(Path(connection["extra"]["ca_file"]).is_file() for connection in services)


def test_the_route_file_may_hold_another_entry(options: LaunchOptions) -> None:
    with SimulatorPair(options) as pair:
        routes = parse_routes(yaml.safe_load(pair.route_file({**pair.route(), "owner": "somebody"})))
    assert routes["demo"].owner == "somebody"


# -- the command line ------------------------------------------------------------------------------------


def call(*arguments: str, stop: bool = True) -> tuple[int, str, str]:
    parser = argparse.ArgumentParser()
    launch.add_arguments(parser)
    ending = threading.Event()
    if stop:
        ending.set()
    written: list[str] = []
    complaints: list[str] = []
    status = launch.run(parser.parse_args(arguments), stop=ending, write=written.append, complain=complaints.append)
    return status, "".join(written), "".join(complaints)


def test_run_tells_how_to_connect(library: Path, tmp_path: Path) -> None:
    status, said, complained = call(
        "--library", str(library), "--store", str(tmp_path / "store"), "--env", str(tmp_path / "env.sh"),
        "--units-per-minute", "1250", "--latency-ms", "1",
    )  # fmt: skip
    assert (status, complained) == (0, "")
    assert "/v1.0" in said
    assert f". {tmp_path / 'env.sh'} && spfc run demo" in said
    assert (tmp_path / "env.sh").exists()


def test_a_declared_fault_that_was_never_met_is_named(library: Path, tmp_path: Path) -> None:
    plan = tmp_path / "faults.yaml"
    plan.write_text("- {id: never-met, service: graph, action: {kind: status, status: 503}}\n")
    status, said, _ = call("--library", str(library), "--store", str(tmp_path / "store"), "--faults", str(plan))
    assert status == 0
    assert "never-met" in said


def test_a_fault_is_counted_across_both_services(options: LaunchOptions, tmp_path: Path) -> None:
    plan = tmp_path / "faults.yaml"
    plan.write_text("- {id: refused, operation: loginguest, action: {kind: refuse, message: not today}}\n")
    with SimulatorPair(LaunchOptions(options.library, options.store, faults=plan)) as pair:
        assert "not today" in log_in(pair) or pair.faults.unhit() == []


@pytest.mark.parametrize(
    "wrong",
    [
        "library",
        "file",
        "inside",
        "around",
        "state",
        "lists",
        "lists inside",
        "faults",
        "plan",
        "port",
        "port range",
        "units",
        "latency",
    ],
)
def test_mistakes_are_one_line_and_status_2(library: Path, tmp_path: Path, wrong: str) -> None:
    (tmp_path / "bad.yaml").write_text("- {id: x, action: {kind: nonsense}}\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        store = ["--store", str(tmp_path / "store")]
        arguments = {
            "library": ["--library", str(tmp_path / "nowhere"), *store],
            "file": ["--library", str(library / "one.txt"), *store],
            "lists": ["--library", str(library), *store, "--lists", str(tmp_path / "nowhere")],
            "lists inside": ["--library", str(library), *store, "--lists", str(library)],
            "inside": ["--library", str(library), "--store", str(library / "store")],
            "around": ["--library", str(library), "--store", str(tmp_path)],
            "state": ["--library", str(library), *store, "--state", str(library / "state")],
            "faults": ["--library", str(library), *store, "--faults", str(tmp_path / "nowhere.yaml")],
            "plan": ["--library", str(library), *store, "--faults", str(tmp_path / "bad.yaml")],
            "port": ["--library", str(library), *store, "--filecloud-port", port],
            "units": ["--library", str(library), *store, "--units-per-minute", "0"],
            "latency": ["--library", str(library), *store, "--latency-ms", "-1"],
            "port range": ["--library", str(library), *store, "--graph-port", "70000"],
        }[wrong]
        status, said, complained = call(*arguments)
    assert status == 2
    assert said == ""
    assert complained.startswith("spfc simulate: ") and complained.count("\n") == 1
    assert os.listdir(library) == ["one.txt"]


def test_the_process_ends_cleanly_on_a_signal(library: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "simulators.launch",
        "--library",
        str(library),
        "--store",
        str(tmp_path / "store"),
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as server:
        assert server.stdout is not None and server.stderr is not None
        for line in server.stdout:
            if line.startswith("Serving"):
                break
        server.terminate()
        assert server.wait(20) == 0
        assert server.stderr.read() == ""
