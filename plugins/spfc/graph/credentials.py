"""A secret or certificate in the form that msal wants, checked before anything is sent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from spfc.errors import ConnectionInvalid
from spfc.graph.settings import Certificate, GraphSettings

_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_KEY: Final = re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.+?-----END \1-----", re.DOTALL)
_PKCS12: Final = frozenset({".pfx", ".p12"})


def msal_credential(settings: GraphSettings) -> str | dict[str, Any]:
    """Return the client credential for msal. Raises ConnectionInvalid when a certificate cannot be used."""
    certificate = settings.certificate
    if certificate is None:
        return settings.client_secret or ""
    if certificate.path is not None and certificate.path.suffix.lower() in _PKCS12:
        return _from_pkcs12(certificate, certificate.path)
    return _from_pem(certificate)


def _from_pkcs12(certificate: Certificate, path: Path) -> dict[str, Any]:
    passphrase = certificate.passphrase
    try:
        pkcs12.load_pkcs12(_read(path), passphrase.encode() if passphrase else None)
    except ValueError:
        problem = f"The certificate file '{path.name}' cannot be opened."
    else:
        return {"private_key_pfx_path": str(path), "passphrase": passphrase}
    raise ConnectionInvalid(problem, hint="Check the file and its passphrase.")


def _from_pem(certificate: Certificate) -> dict[str, Any]:
    text = certificate.pem
    if text is None:
        text = _read(certificate.path).decode("ascii", "replace") if certificate.path else ""
    # Single-line fields of connection forms hold \n as two characters.
    text = text.replace("\\n", "\n")
    key, public = _KEY.search(text), _CERTIFICATE.search(text)
    if key is None:
        raise ConnectionInvalid("The certificate holds no private key.", hint="Give a PEM with key and certificate.")
    if public is None and not certificate.thumbprint:
        raise ConnectionInvalid(
            "The certificate itself is missing next to its key.",
            hint="Append the certificate to the PEM, or give its thumbprint.",
        )
    passphrase = certificate.passphrase if "ENCRYPTED" in key.group() else None
    try:
        load_pem_private_key(key.group().encode("ascii"), passphrase.encode() if passphrase else None)
    except (ValueError, TypeError):
        readable = False
    else:
        readable = True
    if not readable:
        raise ConnectionInvalid("The private key cannot be read.", hint="Check the PEM and its passphrase.")
    credential: dict[str, Any] = {"private_key": key.group()}
    if passphrase:
        credential["passphrase"] = passphrase
    if public:
        credential["public_certificate"] = public.group()
    if certificate.thumbprint:
        credential["thumbprint"] = certificate.thumbprint.replace(":", "").upper()
    return credential


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConnectionInvalid(
            f"The certificate file '{path.name}' cannot be read ({error.strerror}).",
            hint="Check certificate_path and the rights of the worker.",
        ) from error
