"""Drawing sketches: this revision beside another one. Run: uv run benchmarks/sketches.py REVISION [--p5 FILE]

Twelve sketches of the kinds that people write (the shipped ones, WebGL, a page without p5, images, text, many small shapes) are
prepared at 64x64, 120 frames each, by both revisions in alternating pairs: a process of its own for each, an empty folder, and the
clock from before the first browser starts until everything is written. Both sides must make the same number of images.
Then four of each, which differ in name and text, 8 frames each: there the start of each sketch counts most.
"""

# ruff: noqa: E501 - sketches stand in one line here

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

from harness import machine
from harness.pairs import alternate, summary
from harness.report import RESULTS, merge, print_table, verdict
from harness.sides import SideFailed, peak_mib, print_result, run_side
from same_as_before import export

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "examples" / "sketches"
SHIPPED = ("flow-field", "metaballs", "lissajous", "voronoi", "orbits", "ridges")
MADE = {
    "webgl": "function setup() { createCanvas(400, 400, WEBGL); } function draw() { background(20); rotateY(frameCount / 30); rotateX(0.4); normalMaterial(); torus(110, 35); }",
    "shapes": "function setup() { createCanvas(600, 400); noStroke(); } function draw() { background(250); for (let i = 0; i < 400; i++) { fill(i % 255, 80, 120); circle(300 + 280 * sin(i + frameCount / 40), 200 + 180 * cos(i * 1.7 + frameCount / 30), 14); } }",
    "noise": "function setup() { createCanvas(400, 400); } function draw() { loadPixels(); for (let i = 0; i < pixels.length; i += 4) { pixels[i] = pixels[i + 1] = pixels[i + 2] = random(255); pixels[i + 3] = 255; } updatePixels(); }",
    "text": "function setup() { createCanvas(400, 400); textSize(40); } function draw() { background(255); for (let i = 0; i < 9; i++) text('frame ' + frameCount, 20 + 3 * i, 40 * i + (frameCount % 40)); }",
    "off-screen": "let g; function setup() { createCanvas(400, 400); g = createGraphics(200, 200); } function draw() { g.background(0, 20); g.fill(255); g.circle(100 + 80 * sin(frameCount / 9), 100, 30); background(80); image(g, 0, 0, 400, 400); }",
}
ROWS = {"drawing-sketches": (1, 120), "drawing-many-sketches": (4, 8)}
"""Copies of each sketch, and frames of each."""
TINY = {
    "plain": "function setup() { createCanvas(40, 30); } function draw() { background(9); fill(200); rect(frameCount, 5, 9, 9); }"
}
PAGE = """<!DOCTYPE html><body><canvas id="c" width="400" height="400"></canvas><script>
const pen = document.getElementById("c").getContext("2d"); let n = 0;
(function step() { n++; pen.fillStyle = "#10203020"; pen.fillRect(0, 0, 400, 400); pen.fillStyle = "#ffcc00";
for (let i = 0; i < 60; i++) pen.fillRect(200 + 150 * Math.sin(i + n / 20), 200 + 150 * Math.cos(i * 1.3 + n / 25), 9, 9);
requestAnimationFrame(step); })();</script></body>"""


def main() -> int:
    given = read_arguments()
    if given.side:
        print_result(side(given.side, given.inputs, given.p5, given.frames, given.out))
        return 0
    machine.keep_to_cores(given.cores)
    with tempfile.TemporaryDirectory(prefix="tilework-bench-") as scratch:
        before = export(given.revision, Path(scratch) / "before")
        rows = {}
        try:
            for name in given.only or ROWS:
                copies, frames = (2, 3) if given.tiny else ROWS[name]
                inputs = made(Path(scratch) / name, given.tiny, copies)
                rows[name] = compared(given, inputs, frames, before, Path(scratch))
        except SideFailed as failure:
            print(failure, file=sys.stderr)
            return 1
    rows = {name: row | {"date": date.today().isoformat(), "machine": machine.facts()} for name, row in rows.items()}
    merge(given.output, "sketches", rows)
    print_table(rows, check=given.check)
    return 1 if given.check and any(verdict(row) != "PASS" for row in rows.values()) else 0


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="drawing sketches, beside another revision")
    parser.add_argument("revision", nargs="?", default="1515608", help="the revision to compare with")
    parser.add_argument("--p5", type=Path, help="p5.min.js of both sides; default: the one that comes with tilework")
    parser.add_argument("--only", choices=ROWS, action="append", help="one row; can be given again")
    parser.add_argument("--pairs", type=int, default=5, help="alternating pairs")
    parser.add_argument("--cores", type=int, default=2, help="cores that both sides may use")
    parser.add_argument("--tiny", action="store_true", help="two sketches and few frames, for a test")
    parser.add_argument("--check", action="store_true", help="exit code 1 where the claim falls short")
    parser.add_argument("--output", type=Path, default=RESULTS / "sketches.json")
    parser.add_argument("--side", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--inputs", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--frames", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.p5 is None:
        from tilework.data.sketch.library import HOW_TO_GET_IT, shipped

        given.p5 = shipped(1)
        if given.p5 is None:
            parser.error(f"there is no p5 here: write --p5 FILE, or {HOW_TO_GET_IT}")
    return given


def compared(given: argparse.Namespace, inputs: Path, frames: int, before: Path, scratch: Path) -> dict[str, Any]:
    """Both revisions in alternating pairs; each once before, so that the files are in memory."""

    def run(source: Path) -> dict[str, Any]:
        out = Path(tempfile.mkdtemp(dir=scratch))
        try:
            arguments = ["--side", source, "--inputs", inputs, "--p5", given.p5, "--frames", frames, "--out", out]
            return run_side("sketches.py", list(map(str, arguments)))
        finally:
            shutil.rmtree(out)

    ours, theirs = HERE.parent / "src", before / "src"
    run(ours), run(theirs)
    pairs = alternate(lambda: run(ours), lambda: run(theirs), given.pairs, lambda n: print(f"pair {n}"))
    counts = {result["images"] for result in [*pairs.ours, *pairs.peer]}
    if len(counts) != 1:
        raise SideFailed(f"the sides made {sorted(counts)} images")
    sketches = len(list(inputs.iterdir()))
    return {
        "claim": f"Preparing {sketches} sketches of {frames} frames, against revision {given.revision}",
        "figure": "speedup",
        "target": 2.0,
        "value": pairs.spread(lambda a, b: a / b),
        "ours": summary(pairs.ours),
        "peer": summary(pairs.peer),
        "pairs": given.pairs,
    }


def side(source: Path, inputs: Path, p5: Path, frames: int, out: Path) -> dict[str, Any]:
    """One revision, in this process."""
    sys.path.insert(0, str(source))
    from tilework.data import prepare
    from tilework.spec import SOURCES

    settings = {"kind": "sketches", "path": str(inputs), "p5": str(p5), "frames": frames, "size": 64}
    parsed: Any = SOURCES.parse(settings)
    start = time.perf_counter()
    store = prepare(parsed, out)
    seconds = time.perf_counter() - start
    if store.skipped:
        raise SystemExit(f"left out: {store.skipped}")
    return {
        "images": store.count,
        "images_per_second": store.count / seconds,
        "step_ms": seconds * 1000,
        "peak_mib": peak_mib(),
    }


def made(folder: Path, tiny: bool, copies: int) -> Path:
    """The sketches, each in a folder, so many of each; for a test two that any p5 can draw."""
    scripts = TINY if tiny else MADE
    for number in range(copies):
        for name in () if tiny else SHIPPED:
            shutil.copytree(EXAMPLES / name, folder / f"{name}-{number}")
            with (folder / f"{name}-{number}" / "sketch.js").open("a") as code:
                code.write(f"\n// {number}\n")
        texts = {f"{name}-{number}/sketch.js": f"{script}\n// {number}\n" for name, script in scripts.items()}
        texts[f"page-{number}/index.html"] = f"{PAGE}<!-- {number} -->"
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True)
            (folder / name).write_text(text)
    return folder


if __name__ == "__main__":
    sys.exit(main())
