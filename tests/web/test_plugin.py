"""What Airflow's loader makes of the plugins folder, and how the pages stand in the real web server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PLUGINS = Path(__file__).parents[2] / "plugins"

LOADER = """
import json, sys
from pathlib import Path
from airflow._shared.plugins_manager.plugins_manager import _load_plugins_from_plugin_directory as load
plugins, errors = load(sys.argv[1])
home = str(Path(sys.argv[1]).resolve())
bare = [name for name, module in list(sys.modules.items())
        if "." not in name and str(getattr(module, "__file__", None) or "").startswith(home)]
(plugin,) = plugins
print(json.dumps({
    "errors": errors, "name": plugin.name, "bare": sorted(bare), "views": plugin.external_views,
    "links": [(link.name, link.xcom_key) for link in plugin.operator_extra_links],
    "web_loaded": "spfc.web.pages" in sys.modules,
}))
"""

SERVER = """
import json, sys
from airflow.utils.db import initdb
from airflow.utils.session import create_session
with create_session() as session:
    initdb(session=session)
from airflow.api_fastapi.app import create_app, get_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from fastapi.testclient import TestClient
app = create_app("core")
with TestClient(app, follow_redirects=False) as client:
    def get(path, **headers):
        client.cookies.clear()
        answer = client.get(path, headers=headers)
        return [answer.status_code, answer.headers.get("location", ""), "chip green" in answer.text]
    def token(role):
        return get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="someone", role=role))
    page = "/spfc/reports/legal/manual__1/report.html"
    bearer = {"authorization": "Bearer " + token("VIEWER")}
    print("RESULT" + json.dumps({
        "anonymous": get(page),
        "browser": get(page, accept="text/html"),
        "forged": get(page, authorization="Bearer " + token("VIEWER")[:-6] + "AAAAAA"),
        "viewer": get(page, **bearer),
        "list": get("/spfc/reports/", **bearer),
        "session": get("/spfc/reports/", cookie="_token=" + token("VIEWER")),
        "nobody": get(page, authorization="Bearer " + token(None)),
        "menu": client.get("/api/v2/plugins", headers={"authorization": "Bearer " + token("ADMIN")}).json(),
    }))
"""


def run_python(code: str, home: Path, *arguments: str) -> str:
    """Run code in a fresh interpreter, since Airflow reads its settings once per process."""
    environment = os.environ | {
        "AIRFLOW_HOME": str(home),
        "PYTHONPATH": str(PLUGINS),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PLUGINS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__API_AUTH__JWT_SECRET": "only-for-this-test-" + "x" * 64,
        "SPFC_REPORTS": str(home / "reports"),
    }
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_the_real_loader_runs_only_the_plugin_file(tmp_path: Path) -> None:
    found: dict[str, Any] = json.loads(run_python(LOADER, tmp_path, str(PLUGINS)).splitlines()[-1])
    assert found["errors"] == {}
    assert found["bare"] == ["spfc", "spfc_plugin"]
    assert found["name"] == "spfc"
    assert found["links"] == [["Sync report", "report_link"]]
    assert found["views"][0]["href"] == "/spfc/reports/"
    assert not found["web_loaded"], "schedulers and workers must not pay for the pages"


@pytest.mark.airflow
def test_pages_inside_the_real_web_server(tmp_path: Path) -> None:
    from spfc.reporting import RunSummary, write_report

    summary = RunSummary("legal", "source", "target", "manual__1", "full", 0, 1)
    write_report(tmp_path / "reports", summary, list)
    output = run_python(SERVER, tmp_path)
    result = next(line for line in output.splitlines() if line.startswith("RESULT"))
    found: dict[str, Any] = json.loads(result.removeprefix("RESULT"))
    assert found["anonymous"][0] == 401
    assert found["browser"][0] == 303 and "/auth/login?next=" in found["browser"][1]
    assert found["forged"][0] in (401, 403)
    assert found["viewer"][0] == 200
    assert found["list"] == [200, "", True] and found["session"] == [200, "", True]
    assert found["nobody"][0] == 404
    (plugin,) = (plugin for plugin in found["menu"]["plugins"] if plugin["name"] == "spfc")
    assert plugin["external_views"][0]["url_route"] == "spfc-reports"
    assert plugin["fastapi_apps"][0]["url_prefix"] == "/spfc"
