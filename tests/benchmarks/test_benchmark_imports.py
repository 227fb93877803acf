"""What the benchmarks import of tilework is there, also in scripts that take too long to be run by tests."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = sorted(BENCHMARKS.rglob("*.py"))


def imported(script: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of every import from tilework, wherever in the file it stands."""
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tilework":
            yield from ((str(node.module), alias.name) for alias in node.names)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda s: s.relative_to(BENCHMARKS).as_posix())
def test_every_name_exists(script: Path) -> None:
    for module, name in imported(script):
        found = importlib.import_module(module)
        assert hasattr(found, name) or importlib.util.find_spec(f"{module}.{name}"), f"{module} has no {name}"


def test_there_is_something_to_check() -> None:
    assert sum(len(list(imported(script))) for script in SCRIPTS) > 30
