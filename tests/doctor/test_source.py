"""A healthy installation passes; each mistake on SharePoint's side fails its own check, with its next step."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.doctor.conftest import SECRET, Clinic

from simulators.common import FaultPlan
from spfc.doctor.shape import Verdict


def test_a_healthy_installation_passes(tls_clinic: Clinic) -> None:
    result = tls_clinic.examine()
    assert {check.verdict for check in result.checks} == {Verdict.OK}, result.bad()
    assert "24 bytes of 'a.txt' in two parts, the second by Range; its hash is the listed one" in (
        result["graph.download"].found
    )
    assert "holds 924 bytes" in result["graph.folder"].found
    assert "UTC-06:00" in result["filecloud.times"].found


def test_it_costs_a_few_requests_only(clinic: Clinic) -> None:
    clinic.examine()
    asked = [entry for entry in clinic.sharepoint.journal.entries if entry.service == "graph"]
    assert sum(entry.units for entry in asked) <= 10
    assert clinic.filecloud.journal.count() <= 20
    assert clinic.filecloud.journal.count("filecloud", "loginguest") == 1


# -- signing in --------------------------------------------------------------------------------------


def test_a_wrong_client_secret(clinic: Clinic) -> None:
    clinic.graph["client_secret"] = "planted-secret-of-the-app-but-wrong"
    clinic.examine().only_fails("graph.token", "The client secret is wrong: enter its value, not its id.")


def test_an_unknown_app(clinic: Clinic) -> None:
    clinic.graph["client_id"] = "nobody"
    clinic.examine().only_fails("graph.token", "The client id is not known in this tenant")


def test_an_unknown_tenant(clinic: Clinic) -> None:
    clinic.graph |= {"tenant": "nobody.example", "authority": f"{clinic.sharepoint.url}/nobody.example"}
    clinic.examine().only_fails("graph.token", "'nobody.example' is not known", "Check the tenant id or domain")


def test_settings_that_cannot_be_read(clinic: Clinic) -> None:
    clinic.graph["tier"] = "enormous"
    result = clinic.examine()
    result.only_fails("graph.connection", "Unknown tier 'enormous'", "Known are")
    assert result["graph.download"].found == "because graph.connection failed"


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        ((), ("Nothing of SharePoint can be read", "Sites.Read.All of Microsoft Graph, with admin consent")),
        (("User.Read.All",), ("Permissions: User.Read.All", "Sites.Read.All")),
        (("Files.Read.All",), ("no site can be found with them", "Grant the app the application permission")),
    ],
)
def test_a_missing_role(clinic: Clinic, roles: tuple[str, ...], words: tuple[str, ...]) -> None:
    grant(clinic, roles=roles)
    clinic.examine().only_fails("graph.roles", *words)


def test_the_role_for_named_sites_without_a_grant(clinic: Clinic) -> None:
    grant(clinic, roles=("Sites.Selected",), site_granted=False)
    result = clinic.examine()
    result.only_fails("graph.site", "no grant for this site", "POST /sites/{site id}/permissions")
    assert "only sites that were granted" in result["graph.roles"].found


def test_the_role_for_named_sites_with_its_grant(clinic: Clinic) -> None:
    grant(clinic, roles=("Sites.Selected",))
    assert clinic.examine().bad() == []


def test_more_rights_than_needed(clinic: Clinic) -> None:
    grant(clinic, roles=("Sites.FullControl.All",))
    clinic.examine().only_warns("graph.roles", "more than spfc uses", "Take Sites.FullControl.All away")


def grant(clinic: Clinic, **knobs: Any) -> None:
    """Restart the simulated service with other permissions."""
    clinic.sharepoint.stop()
    clinic.sharepoint.knobs = replace(clinic.sharepoint.knobs, **knobs)
    clinic.sharepoint.start()


# -- the way there -----------------------------------------------------------------------------------


def test_a_sign_in_host_that_does_not_exist(clinic: Clinic) -> None:
    clinic.graph["authority"] = f"https://login.invalid/{clinic.sharepoint.tenant_id}"
    result = clinic.examine()
    result.only_fails("signin.name", "login.invalid cannot be resolved", "DNS")
    assert result["graph.site"].found == "because signin.name failed"


def test_a_graph_host_that_does_not_exist(clinic: Clinic) -> None:
    clinic.graph["graph_root"] = "https://graph.invalid/v1.0"
    result = clinic.examine()
    result.only_fails("graph.name", "graph.invalid cannot be resolved")
    assert result["graph.roles"].verdict is Verdict.OK


def test_a_graph_port_that_nobody_listens_to(clinic: Clinic, closed_port: int) -> None:
    clinic.graph["graph_root"] = f"http://127.0.0.1:{closed_port}/v1.0"
    clinic.examine().only_fails("graph.port", "Connection refused", "open the firewall")


def test_a_certificate_of_nobody_we_trust(tls_clinic: Clinic) -> None:
    tls_clinic.graph["ca_file"] = None
    result = tls_clinic.examine()
    assert set(result.fails) == {"signin.tls", "graph.tls"}
    assert "ca_file" in result["signin.tls"].next_step


def test_a_certificate_check_that_is_off(tls_clinic: Clinic) -> None:
    tls_clinic.graph |= {"ca_file": None, "verify": False}
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the HTTP library's own, about just this
        result = tls_clinic.examine()
    assert set(result.warns) == {"signin.tls", "graph.tls"} and result.fails == {}
    assert "Switch verify on" in result["graph.tls"].next_step


@pytest.mark.parametrize("ahead", [600, -600])
def test_a_clock_of_this_machine_that_is_wrong(clinic: Clinic, ahead: int) -> None:
    clinic.now = lambda: time.time() + ahead
    result = clinic.examine()
    word = "behind" if ahead > 0 else "ahead of"
    result.only_fails("graph.clock", f"{word} this machine", "time server (NTP)")
    assert "Microsoft's" in result["filecloud.clock"].found


def test_a_clock_that_is_a_minute_off(clinic: Clinic) -> None:
    clinic.now = lambda: time.time() - 60
    clinic.examine().only_warns("graph.clock", "NTP")


# -- site, library, folder, feed ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "check", "words"),
    [
        ({"site": "/sites/gone"}, "graph.site", ("/sites/gone was not found", "Check host name and site path")),
        ({"hostname": "other.sharepoint.test"}, "graph.site", ("Check host name and site path",)),
        ({"library": "Archive"}, "graph.library", ("no library 'Archive'", "It has: 'Documents'")),
        ({"folder": "/Reports/2024"}, "graph.folder", ("no folder /Reports/2024", "Correct source.folder")),
        ({"folder": "/b.txt"}, "graph.folder", ("/b.txt is not a folder", "source.folder")),
    ],
)
def test_a_place_that_is_not_there(clinic: Clinic, source: dict[str, str], check: str, words: tuple[str, ...]) -> None:
    clinic.fields["source"] = source
    clinic.examine().only_fails(check, *words)


def test_a_folder_that_is_there(clinic: Clinic) -> None:
    clinic.fields["source"] = {"folder": "/reports"}
    result = clinic.examine()
    assert result.bad() == []
    assert result["graph.folder"].found == "/reports is mirrored. It holds 24 bytes."


def faults(clinic: Clinic, operation: str, **action: Any) -> None:
    clinic.sharepoint.faults = FaultPlan([{"id": "f", "operation": operation, "times": -1, "action": action}])


def test_a_feed_that_is_refused(clinic: Clinic) -> None:
    faults(clinic, "delta", kind="status", status=403)
    clinic.examine().only_fails("graph.feed", "may not read the change feed", "Sites.FullControl.All")


def test_a_service_that_wants_a_long_rest_is_not_waited_for(clinic: Clinic) -> None:
    faults(clinic, "site", kind="status", status=429, retry_after=3600)
    clinic.examine().only_fails("graph.site", "wait 3600 s")


def test_a_library_without_files(clinic: Clinic) -> None:
    (clinic.library / "b.txt").unlink()
    (clinic.library / "Reports" / "a.txt").unlink()
    result = clinic.examine()
    assert result.bad() == []
    assert result["graph.download"].verdict is Verdict.SKIPPED


def test_a_way_that_loses_the_range(clinic: Clinic) -> None:
    clinic.sharepoint.stop()
    clinic.sharepoint.knobs = replace(clinic.sharepoint.knobs, range_mode="ignored")
    clinic.sharepoint.start()
    clinic.examine().only_warns("graph.download", "ignored Range", "proxy or filter")


def test_bytes_that_are_not_the_listed_ones(clinic: Clinic) -> None:
    clinic.sharepoint.stop()
    clinic.sharepoint.knobs = replace(clinic.sharepoint.knobs, meta_mismatch=(("*", "hash"),))
    clinic.sharepoint.start()
    clinic.examine().only_warns("graph.download", "not those that SharePoint lists")


def test_a_download_host_that_refuses(clinic: Clinic) -> None:
    faults(clinic, "download", kind="status", status=403)
    clinic.examine().only_fails("graph.download", "does not serve its content", "Look at it in SharePoint")


# -- certificates of the app -------------------------------------------------------------------------


def pem(days: float) -> str:
    from datetime import UTC, datetime, timedelta

    import trustme

    now = datetime.now(UTC)
    issued = trustme.CA().issue_cert("app.example", not_before=now - timedelta(400), not_after=now + timedelta(days))
    return issued.private_key_and_cert_chain_pem.bytes().decode()


@pytest.mark.parametrize(("days", "verdict"), [(365, Verdict.OK), (5, Verdict.WARN), (-5, Verdict.FAIL)])
def test_the_certificate_of_the_app(tls_clinic: Clinic, days: float, verdict: Verdict) -> None:
    from spfc.graph.settings import Certificate

    tls_clinic.graph |= {"client_secret": None, "certificate": Certificate(pem=pem(days))}
    check = tls_clinic.examine()["graph.connection"]
    assert check.verdict is verdict, check
    assert ("Make a new certificate" in check.next_step) == (verdict is not Verdict.OK)


def test_a_certificate_that_is_none(clinic: Clinic, tmp_path: Path) -> None:
    from spfc.graph.settings import Certificate

    clinic.graph |= {"client_secret": None, "certificate": Certificate(path=tmp_path / "nowhere.pem")}
    clinic.examine().only_fails("graph.connection", "nowhere.pem", "Check certificate_path")


def test_nothing_of_the_token_is_told(clinic: Clinic) -> None:
    result = clinic.examine()
    told = json.dumps([check.found for check in result.checks])
    assert SECRET not in told and "Bearer" not in told
