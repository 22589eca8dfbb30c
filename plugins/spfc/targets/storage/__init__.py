"""Folders of a local file system and stores of objects as targets; ``hooks/storage.py`` makes them out of a URL."""
