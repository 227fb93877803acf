"""The checks before a run, one file each; the file's name is the check's code."""
