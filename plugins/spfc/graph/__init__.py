"""Wire client for Microsoft Graph: sign-in, places, change feed, content, and good manners."""

from __future__ import annotations

from spfc.graph.client import GraphClient
from spfc.graph.governor import Bill, Governor
from spfc.graph.settings import CLOUDS, Certificate, Cloud, GraphSettings

__all__ = [
    "CLOUDS",
    "Bill",
    "Certificate",
    "Cloud",
    "Governor",
    "GraphClient",
    "GraphSettings",
]
