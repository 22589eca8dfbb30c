"""spfc: a trustworthy one-way sync of SharePoint document libraries to FileCloud, run by Apache Airflow."""

from __future__ import annotations

__version__ = "0.1.0"
