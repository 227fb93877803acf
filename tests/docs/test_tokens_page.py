"""docs/tokens.md: its commands run in their order, and its Python loads what they wrote."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import Outcome
from PIL import Image
from token_models import trained

from tilework.tokens import layouts
from tilework.tokens.reading import open_tokens
from tilework.tokens.shard import COLUMNS

PAGE = (Path(__file__).parents[2] / "docs" / "tokens.md").read_text(encoding="utf-8")


def test_the_tokens_page_is_true(
    tilework: Callable[..., Outcome], once: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = trained(once, "vq")
    shutil.copytree(run.path, tmp_path / "runs" / run.id)
    (tmp_path / "IMAGES").mkdir()
    for number in range(12):
        noise = np.random.default_rng(number).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "IMAGES" / f"{number}.png")
    lines = [
        line.split(" #")[0]
        for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
        for line in block.splitlines()
    ]
    assert len(lines) == 7
    for line in lines:
        outcome = tilework(*line.split()[1:])
        assert outcome.code == 0, f"{line}: {outcome.err}"

    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, "tokens.md", "exec"), names)
    tokens = open_tokens(tmp_path / "tokens")
    training = tokens.sides == 0
    assert np.array_equal(names["codes"], tokens.codes[training])  # type: ignore[arg-type]
    batch, labels = next(iter(names["loader"]))  # type: ignore[call-overload]
    assert batch.shape == (64, *tokens.codes.shape[1:])
    assert labels.shape == (64,)
    assert (tmp_path / "llamagen" / "train" / "imagenet32_codes" / "0.npy").is_file()
    assert (tmp_path / "rar" / "train.jsonl").is_file()


def test_the_tokens_page_names_what_there_is() -> None:
    for name in ("codes", *COLUMNS):
        assert f"\n| `{name}` |" in PAGE
    for layout in layouts.names():
        assert f"`{layout}`" in PAGE or f"`.{layout}`" in PAGE
