"""Local HTTP servers that behave like SharePoint Online (Microsoft Graph) and FileCloud."""
