"""The one file that Airflow's plugin loader runs: it only hands over the plugin of the package."""

from __future__ import annotations

from spfc.web.plugin import SpfcPlugin

__all__ = ["SpfcPlugin"]
