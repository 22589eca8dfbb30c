"""A local SharePoint Online: login, Microsoft Graph and download host over an ordinary folder on disk."""

from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.server import SharePointSimulator

__all__ = ["SharePointKnobs", "SharePointSimulator"]
