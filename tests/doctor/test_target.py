"""Each mistake on FileCloud's side fails its own check, with its next step."""

from __future__ import annotations

from typing import Any

import pytest
from tests.doctor.conftest import Clinic

from simulators.common import FaultPlan
from spfc.doctor.shape import Verdict


def test_a_wrong_password_is_sent_once(clinic: Clinic) -> None:
    clinic.cloud["password"] = "planted-pass-of-filecloud-but-wrong"
    result = clinic.examine(write_probe=True)
    result.only_fails("filecloud.login", "refused the login of spfc", "Correct user and password")
    assert clinic.filecloud.journal.count("filecloud", "loginguest") == 1
    assert result["probe.P4"].found == "because filecloud.login failed"
    assert result["probe.cleanup"].found == "nothing was made"


def test_an_account_with_a_second_factor(clinic: Clinic) -> None:
    clinic.set_up(two_factor_code="123456")
    clinic.examine().only_fails("filecloud.login", "second factor", "without two-factor authentication")


def test_a_login_that_is_none(clinic: Clinic) -> None:
    clinic.set_up(login_without_session=True)
    clinic.examine().only_fails("filecloud.login", "does not treat us as logged in", "browser_compat")


def test_an_address_that_is_not_filecloud(clinic: Clinic) -> None:
    clinic.cloud["base_url"] = f"{clinic.filecloud.url}/elsewhere"
    clinic.examine().only_fails("filecloud.login", "status 404", "with its path prefix")


def test_a_host_that_does_not_exist(clinic: Clinic) -> None:
    clinic.cloud["base_url"] = "https://files.invalid"
    clinic.examine().only_fails("filecloud.name", "files.invalid cannot be resolved")


def test_a_port_that_nobody_listens_to(clinic: Clinic, closed_port: int) -> None:
    clinic.cloud["base_url"] = f"http://127.0.0.1:{closed_port}"
    clinic.examine().only_fails("filecloud.port", f"port {closed_port}: Connection refused", "start the server")


def test_a_certificate_of_nobody_we_trust(tls_clinic: Clinic) -> None:
    tls_clinic.cloud["ca_file"] = None
    tls_clinic.examine().only_fails("filecloud.tls", "certificate of 127.0.0.1 is refused", "as ca_file")


@pytest.mark.parametrize(
    ("text", "check", "words"),
    [
        (None, "filecloud.connection", ("ca.pem is not there", "Correct ca_file")),
        ("no certificate", "filecloud.tls", ("ca.pem cannot be used", "Correct ca_file")),
    ],
)
def test_a_ca_file_that_is_none(tls_clinic: Clinic, text: str | None, check: str, words: tuple[str, ...]) -> None:
    path = tls_clinic.tmp / "ca.pem"
    if text is not None:
        path.write_text(text)
    tls_clinic.cloud["ca_file"] = str(path)
    tls_clinic.examine().only_fails(check, *words)


def test_a_server_in_the_past(clinic: Clinic) -> None:
    clinic.filecloud.date_skew_s = -3600
    clinic.examine().only_fails("filecloud.clock", "1 h behind", "Let the FileCloud server follow a time server")


def test_a_server_that_wants_browsers(clinic: Clinic) -> None:
    clinic.set_up(csrf="strict")
    clinic.examine().only_fails("filecloud.target", "Switch browser_compat on")


@pytest.mark.parametrize("folder", ["/nobody/mirror", "/SHARED/nobody/mirror"])
def test_an_account_folder_that_is_not_there(clinic: Clinic, folder: str) -> None:
    clinic.fields["target"] = {"folder": folder}
    where = folder.removesuffix("/mirror")
    clinic.examine().only_fails("filecloud.target", f"{where} is not there", "share it with the account")


def test_a_team_folder(clinic: Clinic) -> None:
    clinic.set_up(team_folders=("legal",), quota_bytes=100)
    (clinic.store / "legal").mkdir()
    (clinic.store / "full").write_bytes(b"x" * 200)
    clinic.fields["target"] = {"folder": "/SHARED/legal/mirror"}
    result = clinic.examine()
    assert result.bad() == []
    assert "do not count against it" in result["filecloud.quota"].found


def test_a_file_in_the_way(clinic: Clinic) -> None:
    (clinic.store / "mirror").write_text("in the way")
    clinic.examine().only_fails("filecloud.target", "A file is at /spfc/mirror", "Move it away")


def test_a_target_that_is_there(clinic: Clinic) -> None:
    (clinic.store / "mirror").mkdir()
    result = clinic.examine()
    assert result.bad() == []
    assert result["filecloud.target"].found == "/spfc/mirror is there."


def test_no_right_on_the_target_folder(clinic: Clinic) -> None:
    (clinic.store / "mirror").mkdir()
    clinic.set_up(read_only_paths=("/spfc/mirror",))
    result = clinic.examine(write_probe=True)
    result.only_fails("filecloud.rights", "may not write, create, update, delete in /spfc/mirror", "Give spfc")
    assert result["probe.scratch"].found == "because filecloud.rights failed"


def test_no_right_on_the_quarantine(clinic: Clinic) -> None:
    (clinic.store / "bin").mkdir()
    clinic.fields["policies"] = {"quarantine_folder": "/spfc/bin"}
    clinic.set_up(read_only_paths=("/spfc/bin",))
    clinic.examine().only_fails("filecloud.quarantine", "in /spfc/bin", "Give spfc")


def test_no_quarantine_is_wanted(clinic: Clinic) -> None:
    clinic.fields["policies"] = {"removals": "keep"}
    assert clinic.examine()["filecloud.quarantine"].verdict is Verdict.SKIPPED


@pytest.mark.parametrize(
    ("held", "quota", "words"),
    [(2000, 1000, ("there is no room left", "Raise the quota of spfc")), (1000, 1000, ("no room left",))],
)
def test_a_full_account(clinic: Clinic, held: int, quota: int, words: tuple[str, ...]) -> None:
    (clinic.store / "old.bin").write_bytes(b"x" * held)
    clinic.set_up(quota_bytes=quota)
    result = clinic.examine(write_probe=True)
    result.only_fails("filecloud.quota", *words)
    assert result["probe.P2"].found == "because filecloud.quota failed"


@pytest.mark.parametrize(
    ("held", "quota", "words"),
    [
        (0, 500, ("the first run would bring 924 bytes",)),
        (99_000, 100_000, ("that is tight",)),
    ],
)
def test_an_account_that_is_nearly_full(clinic: Clinic, held: int, quota: int, words: tuple[str, ...]) -> None:
    (clinic.store / "old.bin").write_bytes(b"x" * held)
    clinic.set_up(quota_bytes=quota)
    clinic.examine().only_warns("filecloud.quota", *words, "Raise the quota")


def test_a_server_that_keeps_the_quota_to_itself(clinic: Clinic) -> None:
    rule = {"id": "f", "operation": "getdiskusagedetails", "times": -1, "action": {"kind": "refuse"}}
    clinic.filecloud.faults = FaultPlan([rule], clinic.filecloud.extra_fault_kinds)
    result = clinic.examine(write_probe=True)
    result.only_warns("filecloud.quota", "does not tell", "web interface")
    assert result["probe.P14"].verdict is Verdict.SKIPPED


def test_folders_alone_do_not_tell_whether_times_are_in_utc(clinic: Clinic) -> None:
    clinic.set_up(utc_times=False, etag=False)
    assert clinic.examine()["filecloud.times"].verdict is Verdict.SKIPPED


@pytest.mark.parametrize(
    ("knobs", "fails"),
    [({"field_set": "legacy", "etag": False, "utc_times": False}, True), ({"utc_times": False}, False)],
)
def test_a_server_without_times_in_utc(clinic: Clinic, knobs: dict[str, Any], fails: bool) -> None:
    (clinic.store / "a.txt").write_text("something")
    clinic.set_up(**knobs)
    result = clinic.examine()
    check = (result.only_fails if fails else result.only_warns)("filecloud.times", "modifiedepochutc", "Update")
    assert ("no tags of content" in check.found) == fails
