"""What the checks before a run found, as the run store keeps it and as it is worded."""

from tilework.runs.preflight.result import META, Preflight, Result, Verdict, Why

__all__ = ["META", "Preflight", "Result", "Verdict", "Why"]
