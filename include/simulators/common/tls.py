"""Certificates for simulators: one private authority per state directory."""

from __future__ import annotations

import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the authority's certificate and the server's key with chain are kept."""

    ca_file: Path
    chain_file: Path

    def server_context(self) -> ssl.SSLContext:
        """Return a context that serves with these files."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(str(self.chain_file))
        return context


def ensure_tls(state_dir: Path, names: Sequence[str] = ()) -> TlsFiles:
    """Return the certificates of `state_dir`, made on first use and kept across restarts.

    They are valid for localhost, 127.0.0.1 and the further host `names`; other names than last time mean new ones.
    """
    folder = state_dir / "tls"
    files, known = TlsFiles(folder / "ca.pem", folder / "server.pem"), folder / "names.json"
    wanted = json.dumps(["localhost", "127.0.0.1", *names])
    made_for = known.read_text(encoding="utf-8") if known.exists() else json.dumps(["localhost", "127.0.0.1"])
    if files.ca_file.exists() and files.chain_file.exists() and made_for == wanted:
        return files
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="spfc simulators")
    leaf = authority.issue_cert("localhost", "127.0.0.1", *names)
    files.chain_file.touch(mode=0o600)
    leaf.private_key_and_cert_chain_pem.write_to_path(str(files.chain_file))
    authority.cert_pem.write_to_path(str(files.ca_file))
    known.write_text(wanted, encoding="utf-8")
    return files
