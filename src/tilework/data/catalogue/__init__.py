"""Data sets by name: added, looked at, checked again."""
