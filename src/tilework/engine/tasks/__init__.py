"""The kinds of task: one file each, with a class `Task`."""
