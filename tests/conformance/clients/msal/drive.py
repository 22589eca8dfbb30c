"""Drives msal: every way it signs in, and its token used to read the whole library with plain requests."""

from __future__ import annotations

import datetime
from typing import Any

import msal
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from saying import Report

SCOPES = ["https://graph.microsoft.com/.default"]
GRAPH = "https://graph.microsoft.com/v1.0"


def application(report: Report, credential: Any, authority: str = "") -> msal.ConfidentialClientApplication:
    tenant = authority or f"https://login.microsoftonline.com/{report.config['tenant']}"
    return msal.ConfidentialClientApplication(report.config["client_id"], credential, authority=tenant)


def sign_in(report: Report, check: str, credential: Any, authority: str = "") -> str:
    with report.trying(check):
        app = application(report, credential, authority)
        answer = app.acquire_token_for_client(SCOPES)
        again = app.acquire_token_for_client(SCOPES)
        good = answer.get("token_type") == "Bearer" and again.get("token_source") == "cache"
        report.said(check, good, answer.get("error_description", "token, and the second one from its cache"))
        return str(answer.get("access_token", ""))
    return ""


def certificate() -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "conformance")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()
    public = made.public_bytes(serialization.Encoding.PEM).decode()
    return {"private_key": pem, "public_certificate": public, "thumbprint": made.fingerprint(hashes.SHA1()).hex()}


def read_everything(report: Report, token: str) -> None:
    entries: dict[str, int | None] = {}
    kept: dict[str, dict[str, Any]] = {}
    with requests.Session() as http:
        http.headers["Authorization"] = f"Bearer {token}"
        url = f"{GRAPH}/drives/{report.config['drive_id']}/root/delta?$top=100"
        while url:
            page = http.get(url).json()
            kept.update({item["id"]: item for item in page["value"]})
            url = page.get("@odata.nextLink", "")
        for item in kept.values():
            if "root" in item:
                continue
            path = path_of(item, kept)
            entries[path] = None if "folder" in item else item["size"]
            if "file" in item:
                goal = report.scratch / "read" / path
                goal.parent.mkdir(parents=True, exist_ok=True)
                content = http.get(f"{GRAPH}/drives/{report.config['drive_id']}/items/{item['id']}/content")
                content.raise_for_status()
                goal.write_bytes(content.content)
    report.entries("list with the token", entries)
    report.folder("read with the token", report.scratch / "read")


def path_of(item: dict[str, Any], kept: dict[str, dict[str, Any]]) -> str:
    names = [item["name"]]
    above = kept[item["parentReference"]["id"]]
    while "root" not in above:
        names.append(above["name"])
        above = kept[above["parentReference"]["id"]]
    return "/".join(reversed(names))


def main() -> None:
    report = Report()
    token = sign_in(report, "secret", report.config["client_secret"])
    sign_in(report, "secret at an authority it does not know", report.config["client_secret"],
            report.config["unknown_authority"])  # fmt: skip
    made = certificate()
    thumbprint = {"private_key": made["private_key"], "thumbprint": made["thumbprint"]}
    sign_in(report, "certificate by thumbprint", thumbprint)
    sign_in(report, "certificate, public part sent along", made)
    modern = {"private_key": made["private_key"], "public_certificate": made["public_certificate"]}
    sign_in(report, "certificate without thumbprint", modern)
    with report.trying("wrong secret"):
        answer = application(report, "wrong").acquire_token_for_client(SCOPES)
        report.said(
            "wrong secret",
            answer.get("error") == "invalid_client",
            answer.get("error_description", "").partition(" Trace")[0],
        )
    with report.trying("person's refresh token"):
        app = application(report, report.config["client_secret"])
        answer = app.acquire_token_by_refresh_token(report.config["refresh_token"], ["Files.Read.All"])
        report.said("person's refresh token", "refresh_token" in answer, answer.get("error_description", ""))
    with report.trying("read with the token"):
        read_everything(report, token)


if __name__ == "__main__":
    main()
