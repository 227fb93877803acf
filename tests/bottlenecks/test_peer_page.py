"""The page for users of vector-quantize-pytorch is complete and true, and its example runs."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

import children
import pytest

from tilework.spec import BOTTLENECKS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "from-vector-quantize-pytorch.md").read_text(encoding="utf-8")


def table(heading: str) -> list[tuple[str, str]]:
    part = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split(" | ", 1) for line in part.splitlines() if line.startswith("| `")]
    return [(theirs.strip(), ours.strip()) for theirs, ours in rows]


def names(text: str) -> set[str]:
    return set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]*)`", text))))


def test_every_argument_of_theirs_is_answered():
    peer = pytest.importorskip("vector_quantize_pytorch")
    answered = set().union(*(names(theirs) | names(ours) for theirs, ours in table("VectorQuantize")))
    wanted = set(inspect.signature(peer.VectorQuantize.__init__).parameters) - {"self"}
    assert wanted - answered == set()
    known = set().union(
        *(
            set(inspect.signature(c.__init__).parameters)
            for c in (peer.VectorQuantize, peer.ResidualVQ, peer.FSQ, peer.LFQ, peer.SimVQ)
        ),
        set(inspect.signature(peer.LFQ.forward).parameters),
    )
    asked = set().union(*(names(theirs) for theirs, _ in table("VectorQuantize") + table("The others")))
    assert asked - known <= {"True", "False", "ResidualVQ", "SimVQ", "FSQ", "LFQ"}


def test_every_argument_of_ours_exists():
    known = set().union(*(BOTTLENECKS.config(kind).model_fields for kind in BOTTLENECKS.kinds))
    calls = re.findall(
        r"`(?:\w+\()?(\w+)=", " ".join(ours for _, ours in table("VectorQuantize") + table("The others"))
    )
    assert len(calls) >= 12
    assert set(calls) <= known


def test_defaults_that_the_page_names():
    peer = pytest.importorskip("vector_quantize_pytorch")
    theirs = inspect.signature(peer.VectorQuantize.__init__).parameters
    ours = BOTTLENECKS.config("vq").model_fields
    assert (theirs["decay"].default, ours["decay"].default) == (0.8, 0.9)
    assert theirs["commitment_weight"].default == 1
    assert ours["gradient"].default == "straight_through"


def test_the_code_on_the_page_runs():
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 2
    names: dict = {}
    for code in blocks:
        exec(compile(code, "page", "exec"), names)


def test_the_example_runs_and_is_short():
    path = ROOT / "examples" / "vq_alone.py"
    assert len([line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]) <= 30
    done = children.run([sys.executable, str(path)], warm=True, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    losses = [float(found) for found in re.findall(r"loss ([\d.]+)", done.stdout)]
    assert losses[-1] < losses[0]
    assert "codes in use over 12,544 tokens" in done.stdout
