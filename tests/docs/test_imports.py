"""No module imports one that, by whatever way, imports it: not for a type alone, and not in the middle of a function either."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"


def imports() -> dict[str, set[str]]:
    """Module -> those that it imports, without packages: a package's `__init__` only hands names on."""
    files = {".".join(file.relative_to(SOURCE).with_suffix("").parts): file for file in SOURCE.rglob("*.py")}
    files = {name: file for name, file in files.items() if not name.endswith(".__init__")}
    graph: dict[str, set[str]] = {name: set() for name in files}
    for name, file in files.items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    found = {f"{node.module}.{alias.name}", node.module} & files.keys() - {name}
                    graph[name] |= found
    return graph


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle; none where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def test_no_circle() -> None:
    graph = imports()
    assert len(graph) > 100, "the modules were not found"
    assert sum(map(len, graph.values())) > 500, "their imports were not found"
    assert circle_in(graph) == []


@pytest.mark.parametrize(("back", "found"), [({"a"}, True), (set(), False)])
def test_a_circle_is_found(back: set[str], found: bool) -> None:
    assert bool(circle_in({"a": {"b"}, "b": {"c"}, "c": back})) == found
