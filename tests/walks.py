"""What docs/walk.md names, for the tests that follow it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def links_of(text: str) -> list[tuple[str, str]]:
    """The files that a walk names, each with the name in it, if any."""
    return re.findall(r"`((?:web/)?src/[\w/.\-]+)`(?:\s+`(\w+(?:\.\w+)?)`)?", text)


def names_in(file: Path) -> set[str]:
    """Top-level names that a file defines; of a Python class its methods too, as `Class.method`."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".ts":
        return set(
            re.findall(r"^export (?:abstract )?(?:class|function|const|interface|type) (\w+)", text, re.MULTILINE)
        )
    found: set[str] = set()
    for node in ast.parse(text).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {
                node.name,
                *(
                    f"{node.name}.{one.name}"
                    for one in node.body
                    if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
                ),
            }
        elif isinstance(node, ast.Assign):
            found |= {t.id for t in node.targets if isinstance(t, ast.Name)}
    return found
