"""What Airflow's provider manager asks of the distribution: the connection types and their forms.

The object of the entry point ``apache_airflow_provider``. Imports nothing: Airflow reads it in every process.
"""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the provider description (Airflow 3.3 schema ``provider_info``)."""
    return {
        "package-name": "spfc",
        "name": "spfc",
        "description": "One-way sync of SharePoint Online document libraries to FileCloud.",
        "connection-types": [_filecloud()],
    }


def _filecloud() -> dict[str, Any]:
    return {
        "connection-type": "filecloud",
        "hook-class-name": "spfc.hooks.filecloud.FileCloudHook",
        "hook-name": "FileCloud",
        "ui-field-behaviour": {
            "hidden-fields": ["extra"],
            "relabeling": {"schema": "Scheme (https or http)", "login": "User", "host": "Host name"},
            "placeholders": {"host": "files.example.org", "schema": "https", "login": "svc-sync"},
        },
        "conn-fields": {
            "path_prefix": _field("Path prefix", "Path below which FileCloud lives at this host, if any.", "string"),
            "ca_file": _field("CA file", "File of certificate authorities to trust, on the worker.", "string"),
            "verify": _field("Verify TLS", "Switch off for tests only.", "boolean", default=True),
            "browser_compat": _field(
                "Browser mode",
                "Pose as a browser and send the anti-CSRF headers; only if the server insists.",
                "boolean",
                default=False,
            ),
            "chunk_mib": _field("Chunk size in MiB", "Size of upload chunks, 20 by default.", "integer", minimum=1),
            "date_style": _field(
                "Date style",
                "How upload times are spelled; change only if copies show wrong times.",
                "string",
                default="iso_z",
                enum=["iso_z", "naive_utc", "naive_server"],
            ),
            "server_tz": _field(
                "Server time zone",
                "IANA name; for the date style naive_server, and to read an older server that lists no true times.",
                "string",
            ),
            "entry_types": _field(
                "Entry types",
                "How listings spell files and folders; legacy for older servers that write 0 and 1, or nothing.",
                "string",
                default="plain",
                enum=["plain", "legacy"],
            ),
        },
    }


def _field(label: str, description: str, kind: str, **schema: Any) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {"type": [kind, "null"], **schema}}
