"""Pure: what a SharePoint list is made of, and what a page of its change feed means for the rows of a table."""
