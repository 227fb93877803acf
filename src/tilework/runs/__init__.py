"""Everything about a run that is on disk: its folder, its lock, its SQLite store and its place in the list. No torch here."""
