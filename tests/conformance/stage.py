"""Sets the services up for one client: a SharePoint that goes by its real names, or FileCloud servers of each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.door import door
from tests.conformance.traffic import Traffic

from simulators.common import Journal
from simulators.filecloud import FileCloudKnobs, FileCloudSimulator
from simulators.sharepoint import SharePointKnobs, SharePointSimulator

SITE_HOST = "contoso.sharepoint.com"
GRAPH_HOST, LOGIN_HOST, UNKNOWN_LOGIN_HOST = "graph.microsoft.com", "login.microsoftonline.com", "login.contoso.com"
HOSTS = (GRAPH_HOST, LOGIN_HOST, UNKNOWN_LOGIN_HOST, SITE_HOST)
ONEDRIVE_PROGRAM = "d50ca740-c83f-4d1b-b616-12c519384f0c"
"""The application id that is built into Debian's onedrive."""
SERVERS: Mapping[str, Mapping[str, Any]] = {
    "current": {"change_feed": True, "keep_versions": 5},
    "two_factor": {"two_factor_code": "271828"},
    "redirecting": {"s3_redirect": True},
    "legacy": {"profile": "legacy"},
}
"""FileCloud servers that the vendor's client meets (FileCloud reference 17)."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a client's script is told, what its surroundings must be, and what was asked of the services so far."""

    config: Mapping[str, Any]
    surroundings: Mapping[str, str]
    traffic: Callable[[], Traffic]


@contextmanager
def sharepoint(library: Path, folder: Path, knobs: Mapping[str, Any]) -> Iterator[Stage]:
    """Publish the library under the real names, reached through a proxy, while the block runs."""
    with ExitStack() as stack:
        sim = stack.enter_context(
            SharePointSimulator(
                library,
                state_dir=folder / "sharepoint",
                tls=True,
                tls_names=HOSTS,
                site_hostname=SITE_HOST,
                download_origin=f"https://{SITE_HOST}",
                public_clients=[ONEDRIVE_PROGRAM],
                knobs=SharePointKnobs.from_dict(knobs),
            )
        )
        ports = dict.fromkeys(HOSTS, sim.port) | {SITE_HOST: sim.port_of("download")}
        proxy = stack.enter_context(door(ports))
        config = {
            "tenant": sim.tenant_id,
            "client_id": sim.client_id,
            "client_secret": sim.client_secret,
            "refresh_token": sim.refresh_token(),
            "drive_id": sim.drive_id,
            "site_id": sim.ids.site_id,
            "list_id": str(sim.ids.list),
            "host": SITE_HOST,
            "site_path": sim.site_path,
            "site_title": sim.site_title,
            "library": sim.library_name,
            "unknown_authority": f"https://{UNKNOWN_LOGIN_HOST}/{sim.tenant_id}",
            "graph_address": sim.url,
            "ca": str(sim.ca_file),
        }
        yield Stage(
            config,
            {**_trusting(sim.ca_file), **_through(proxy.url)},
            lambda: Traffic.of(sim.journal, proxy.refused),
        )


@contextmanager
def filecloud(folder: Path) -> Iterator[Stage]:
    """Run a FileCloud server of each kind while the block runs; they share a journal."""
    journal = Journal()
    with ExitStack() as stack:
        servers = {}
        for name, knobs in SERVERS.items():
            sim = FileCloudSimulator(
                folder / name / "store",
                state_dir=folder / "state" / name,
                tls=name == "current",
                journal=journal,
                knobs=FileCloudKnobs.from_dict(knobs),
            )
            stack.callback(sim.close)
            stack.enter_context(sim)
            servers[name] = {
                "url": sim.url,
                "account": sim.account,
                "password": sim.password,
                "root": sim.root,
                "store": str(sim.store),
                "ca": str(sim.ca_file) if sim.ca_file else "",
            }
        config = {"servers": servers, "two_factor_code": SERVERS["two_factor"]["two_factor_code"]}
        yield Stage(config, _trusting(Path(servers["current"]["ca"])), lambda: Traffic.of(journal))


def _trusting(ca_file: Path | None) -> dict[str, str]:
    return dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), str(ca_file))


def _through(proxy: str) -> dict[str, str]:
    here = "127.0.0.1,localhost"
    return {"HTTPS_PROXY": proxy, "https_proxy": proxy, "NO_PROXY": here, "no_proxy": here}
