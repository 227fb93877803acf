"""No module imports one that, by whatever way, imports it: not for a type alone, and not in the middle of a function either.

Strings that name modules are imports too, which import-linter does not see: they are held to the same floors here.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
KINDS = "tilework.spec.plugins"
"""The one module below that names rooms above it: those in which kinds are found by file, imported when a spec names one."""
LOWEST = 99
"""The floor of what import-linter does not list: rooms of files alone."""


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


def named() -> Iterator[tuple[str, str]]:
    """Module, and a module or package of ours that a string in it names. A package's own name in it (its files) is none."""
    for file in SOURCE.rglob("*.py"):
        module = ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("tilework."):
                place = SOURCE.joinpath(*node.value.split("."))
                if any(place.glob("*.py")) or place.with_suffix(".py").is_file():
                    yield module, node.value


def floors() -> dict[str, int]:
    """Room -> its floor, 0 the highest, as import-linter has them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(one["layers"] for one in contracts if "tilework.cli" in one.get("layers", ()))
    return {room: floor for floor, rooms in enumerate(layers) for room in rooms.split(" | ")}


def room_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def test_strings_name_no_module_above() -> None:
    floor = floors()
    found = set(named())
    assert len(found) > 20, "they are not found any more"
    above = {
        (module, name)
        for module, name in found
        if module not in {"tilework", KINDS} and floor.get(room_of(name), LOWEST) < floor[room_of(module)]
    }
    # A process of its own, which is started and not imported.
    assert above == {("tilework.studio.spare", "tilework.cli.spare")}
    assert "__main__" in (SOURCE / "tilework" / "cli" / "spare.py").read_text(encoding="utf-8")


def test_rooms_of_kinds_are_named_once() -> None:
    rooms = {name for module, name in named() if module == KINDS}
    assert len(rooms) > 8
    elsewhere = {(module, name) for module, name in named() if name in rooms and module != KINDS}
    assert elsewhere == set()
