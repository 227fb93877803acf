"""The kinds of data: one file per source."""
