"""The live page of a prior: what it draws in the middle, which positions are hard at the side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser import expect
from token_models import trained

import tilework
from tilework.runs.folder import RunFolder
from tilework.spec.load import parse_spec

SMALL = {"batch_size": 4, "steps": 2, "precision": "float32", "device": "cpu", "threads": 1}


def prior(once: Callable[..., Path], root: Path, frames: int = 1) -> RunFolder:
    """A prior of a moment over the tokens of digits, or of loops."""
    parent = trained(once, "vq") if frames == 1 else tilework.train(loops(), runs=root)
    raw: dict[str, Any] = {
        "name": "small-prior",
        "task": "prior",
        "parent": str(parent.path),
        "data": {"frames": frames, "validate_items": 4},
        "prior": {"kind": "masked", "width": 16, "depth": 1, "heads": 2, "passes": 2},
        "engine": SMALL,
    }
    return tilework.train(parse_spec(raw, "prior"), runs=root)


def loops() -> Any:
    raw: dict[str, Any] = {
        "name": "loops",
        "data": {"kind": "loops", "frames": 6, "animations": 2, "size": "16x16", "channels": 1},
        "encoder": {"kind": "ladder", "widths": [8, 8], "kernel": 4},
        "bottleneck": {"kind": "vq", "dim": 4, "codes": 8},
        "decoder": {"kind": "ladder", "output": "sigmoid"},
        "objective": {"mse": 1.0, "commitment": 0.25},
        "engine": {**SMALL, "start_batches": 1},
    }
    return parse_spec(raw, "loops")


@pytest.mark.parametrize("frames", [1, 6])
def test_samples_and_hard_positions_are_shown_and_the_history_has_them(
    page: Any, served: Any, root: Path, once: Callable[..., Path], frames: int
) -> None:
    run = prior(once, root, frames)
    page.goto(f"{served.origin}/#/runs/{run.id}")
    words = page.locator(".samples .foot")
    expect(words).to_contain_text(f"clips of {frames} frames" if frames > 1 else "16 images")
    expect(words).to_contain_text("drawn at step 2")
    expect(page.get_by_role("heading", name="Hard to predict")).to_be_visible()
    expect(page.get_by_role("img", name="bits per token of each position")).to_have_count(1)
    # It is drawn: not all of one colour.
    colours = page.locator(".samples canvas").evaluate(
        "c => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size"
    )
    assert colours > 1
    expect(page.get_by_text("This run draws no map")).to_have_count(0)
    if frames > 1:
        page.get_by_role("button", name="Frames").click()
        expect(page.get_by_role("button", name="Frames")).to_have_attribute("aria-pressed", "true")
    for section in ("Codebook", "Decoded codes"):
        expect(page.get_by_role("heading", name=section)).to_have_count(0)
    page.keyboard.press("Home")
    expect(words).to_contain_text("drawn at step 0")
    size = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert size == [1280, 720]
    thumb = page.request.get(f"{served.origin}/api/runs/{run.id}/thumb.png")
    assert thumb.body().startswith(b"\x89PNG")
