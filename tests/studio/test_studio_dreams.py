"""Asks of the run of a prior: the answer is what `tilework.dream` gives, it is reported while it is drawn, and can be
stopped."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conforming import faults
from dreamt import trained_image_prior, trained_prior
from studio_fakes import Page, Served
from test_studio_models_real import asked, same

from tilework import dream
from tilework.dream.opened import Dreamer
from tilework.dream.words import verdicts
from tilework.priors.contract import Sampling
from tilework.protocol.dream import ProgressFacts, ProgressHeader
from tilework.runs.folder import RunFolder
from tilework.runs.frames import unpack

Once = Callable[..., Path]
Progress = list[tuple[dict[str, Any], np.ndarray[Any, Any]]]


@pytest.fixture
def prior(once: Once, root: Path, warm_studio: None) -> Callable[[str], RunFolder]:
    """A prior and its tokenizer in the folder that the studio serves."""

    def get(kind: str) -> RunFolder:
        run = (trained_prior if kind == "loops" else trained_image_prior)(once)
        shutil.copytree(run.path.parent, root, dirs_exist_ok=True)
        return RunFolder(root / run.id)

    return get


async def dreamed(page: Page, ref: int, ask: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], Progress]:
    """The answer, and the progress before it."""
    progress: Progress = []
    await page.send({"type": "ask", "ref": ref, "key": "dream", "ask": ask})
    while True:
        got = await asyncio.wait_for(page.connection.recv(), 150)
        if not isinstance(got, bytes):
            message = json.loads(got)
            assert message["type"] == "state", message
            continue
        header, arrays = unpack(got)
        assert header["ref"] == ref
        if header["channel"] == "response":
            return header["facts"], arrays, progress
        assert list(faults(header, ProgressHeader)) == []
        assert list(faults(header["facts"], ProgressFacts)) == []
        progress.append((header["facts"], arrays["tokens"]))


def answers(served: Served, run: RunFolder, asks: list[dict[str, Any]]) -> list[Any]:
    async def talk() -> list[Any]:
        async with served.socket(f"/ws/models/{run.id}?device=cpu") as page:
            return [await dreamed(page, ref, ask) for ref, ask in enumerate(asks)]

    return asyncio.run(talk())


def opened(run: RunFolder) -> Dreamer:
    return dream.open_dreamer(run, device="cpu", runs=run.path.parent)


def test_images_are_those_of_the_shell_and_the_rest_of_a_repainted_one_stays(
    served: Served, prior: Callable[[str], RunFolder]
) -> None:
    run = prior("digits")
    asks = [
        {"kind": "dream", "count": 3, "seed": 5, "temperature": 0.7, "top_k": 9, "guidance": 1.5, "order": "random"}
    ]
    (facts, arrays, progress), *_ = answers(served, run, asks)
    wanted = dream.images(opened(run), 3, sampling=Sampling(0.7, 9, guidance=1.5, order="random"), seed=5)
    assert wanted.tokens is not None
    same(arrays["images"], wanted.images)
    same(arrays["keys"], wanted.tokens)
    assert facts["verdicts"] == verdicts(wanted)
    assert facts["labels"] == ["0", "1", "2"]
    # Tokens that were reported are those of the answer; more are there each time.
    assert progress
    shares = [one["share"] for one, _ in progress]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    for one, tokens in progress:
        there = tokens >= 0
        assert there.mean() == pytest.approx(one["share"])
        assert (tokens[there] == arrays["keys"][there]).all()
        assert one["drawn"] <= one["passes"] == 6

    cells = [0, 3, 8]
    mine = arrays["keys"][1]
    asks = [{"kind": "repaint", "tokens": mine.reshape(-1).tolist(), "cells": cells, "count": 2, "seed": 1}]
    (facts, arrays, _), *_ = answers(served, run, asks)
    changed = (arrays["keys"] != mine).any((0, 1, 2)).reshape(-1)
    assert set(np.flatnonzero(changed)) <= set(cells)
    assert facts["what"] == "repainted"
    assert len(arrays["images"]) == 2


def test_loops_are_repainted_gone_on_with_and_morphed(served: Served, prior: Callable[[str], RunFolder]) -> None:
    run = prior("loops")
    dreamer = opened(run)
    (facts, arrays, _), (morphed, _, _) = answers(
        served,
        run,
        [
            {"kind": "dream", "seed": 2, "steps": 2},
            {"kind": "morph", "a": "truchet", "b": "polygons", "seed": 1, "steps": 1},
        ],
    )
    wanted = dream.motion(dreamer, sampling=Sampling(steps=2), seed=2)
    same(arrays["images"], wanted.images)
    assert facts["loop"]
    assert arrays["images"].shape[:2] == (1, 24)
    assert arrays["keys"].shape[:2] == (1, 12)
    assert morphed["labels"] == ["truchet to polygons"]
    keys = arrays["keys"][0]
    cells = list(range(16))
    (_, painted, _), (_, onward, _) = answers(
        served,
        run,
        [
            {
                "kind": "repaint",
                "tokens": keys.reshape(-1).tolist(),
                "cells": cells,
                "seed": 4,
                "steps": 2,
                "frames": 24,
            },
            {"kind": "continue", "tokens": keys[5].reshape(-1).tolist(), "seed": 4, "steps": 2},
        ],
    )
    assert painted["images"].shape[:2] == (1, 24)
    changed = (painted["keys"][0] != keys).any((0, 1)).reshape(-1)
    assert set(np.flatnonzero(changed)) <= set(cells)
    same(onward["keys"][0, 0], keys[5])


def test_a_dream_that_nobody_waits_for_is_given_up(served: Served, prior: Callable[[str], RunFolder]) -> None:
    run = prior("digits")
    long = {"kind": "dream", "count": 2048, "steps": 4000, "seed": 1}

    async def talk() -> tuple[Any, Any]:
        async with served.socket(f"/ws/models/{run.id}?device=cpu") as page:
            await page.send({"type": "ask", "ref": 1, "key": "dream", "ask": long})
            while not isinstance(await asyncio.wait_for(page.connection.recv(), 150), bytes):
                pass
            newer = await asked_after(page, 2, {"kind": "dream", "count": 1, "seed": 3})  # the same key
            await page.send({"type": "ask", "ref": 3, "key": "dream", "ask": {**long, "seed": 2}})
            await page.send({"type": "forget", "key": "dream"})
            return newer, await asked(page, 4, {"kind": "about"})

    async def asked_after(page: Page, ref: int, ask: dict[str, Any]) -> dict[str, Any]:
        await page.send({"type": "ask", "ref": ref, "key": "dream", "ask": ask})
        while True:
            got = await asyncio.wait_for(page.connection.recv(), 150)
            header, arrays = unpack(got) if isinstance(got, bytes) else ({}, {})
            if header.get("channel") == "response":
                assert header["ref"] == ref, "the older one is never answered"
                return arrays

    newer, (about, _) = asyncio.run(talk())
    same(newer["images"], dream.images(opened(run), 1, seed=3).images)
    assert about["prior"]["parent"] == opened(run).parent.name
    assert about["prior"]["frames"] == 1
    assert set(about["asks"]) >= {"dream", "repaint", "atlas"}
    assert not set(about["asks"]) & {"morph", "continue"}


BAD: list[tuple[dict[str, Any], str]] = [
    ({"kind": "dream", "label": "seven"}, "knows no label 'seven'"),
    ({"kind": "dream", "frames": 12}, "cannot use frames"),
    ({"kind": "dream", "order": "up"}, "there is no order 'up'"),
    ({"kind": "dream", "seed": -1}, "the seed -1 is less than 0"),
    ({"kind": "dream", "temperature": 0}, "draws nothing"),
    ({"kind": "repaint", "tokens": [1, 2], "cells": [0]}, "2 tokens are no item"),
    ({"kind": "repaint", "cells": [0]}, "needs of or tokens"),
    ({"kind": "repaint", "of": "validation:0", "cells": []}, "no cell is to be drawn anew"),
    ({"kind": "repaint", "of": "/etc/passwd", "cells": [0]}, "is no image"),
    ({"kind": "repaint", "of": "validation:0", "cells": [9999]}, "there is no cell 9999"),
    ({"kind": "continue", "of": "validation:0"}, "cannot dream a clip"),
    ({"kind": "morph", "a": "0", "b": "1"}, "cannot dream a loop"),
]


def test_what_cannot_be_drawn_is_refused_in_words(served: Served, prior: Callable[[str], RunFolder]) -> None:
    run = prior("digits")

    async def talk() -> list[dict[str, Any]]:
        found = []
        async with served.socket(f"/ws/models/{run.id}?device=cpu") as page:
            for ref, (ask, _) in enumerate(BAD):
                await page.send({"type": "ask", "ref": ref, "key": "dream", "ask": ask})
                while (message := json.loads(await asyncio.wait_for(page.connection.recv(), 150)))["type"] == "state":
                    pass
                found.append(message)
        return found

    for failed, (ask, words) in zip(asyncio.run(talk()), BAD, strict=True):
        assert failed["type"] == "failed", ask
        assert words in failed["error"]["what"], failed
        assert failed["error"]["why"]


def test_a_file_is_that_of_the_shell_and_a_tokenizer_lists_its_priors(
    served: Served, prior: Callable[[str], RunFolder]
) -> None:
    run = prior("digits")
    body = {"format": "png", "ask": {"kind": "dream", "count": 2, "seed": 8}}
    got = served.post(f"/api/models/{run.id}/file?device=cpu", body)
    assert got.status_code == 200, got.text
    assert got.content == dream.images(opened(run), 2, seed=8).png()
    refused = served.post(f"/api/models/{run.id}/file?device=cpu", {**body, "format": "gif"})
    assert "does not move" in refused.text
    parent = opened(run).parent.name

    async def talk() -> Any:
        async with served.socket(f"/ws/models/{parent}?device=cpu") as page:
            return await asked(page, 1, {"kind": "about"})

    about, _ = asyncio.run(talk())
    assert about["priors"] == [run.id]
    assert about["prior"] is None
    assert "dream" not in about["asks"]


def test_a_prior_whose_autoencoder_was_moved_shows_where_it_belongs(
    served: Served, prior: Callable[[str], RunFolder], tmp_path: Path
) -> None:
    run = prior("digits")
    shutil.move(run.path.parent / opened(run).parent.name, tmp_path / "moved")
    refused = served.post(
        f"/api/models/{run.id}/file?device=cpu", {"format": "png", "ask": {"kind": "dream", "count": 1}}
    )
    assert refused.status_code >= 400
    assert f"put it back into {run.path.parent}" in refused.json()["error"]["fix"]
    assert "--parent" not in refused.text


@pytest.mark.parametrize("kind", ["digits", "loops"])
def test_a_dream_comes_before_it_is_compared_and_is_not_drawn_again(
    served: Served, prior: Callable[[str], RunFolder], kind: str
) -> None:
    run = prior(kind)
    ask = {"kind": "dream", "count": 2, "seed": 9}
    (first, one, drawn), (second, two, again) = answers(served, run, [{**ask, "compare": False}, ask])
    assert drawn
    assert not again, "it was drawn again"
    assert (first["compared"], first["verdicts"]) == (False, [])
    same(one["images"], two["images"])
    whole = (dream.motion if kind == "loops" else dream.images)(opened(run), count=2, seed=9)
    assert second["compared"]
    assert second["verdicts"] == verdicts(whole)
    assert [(fact["name"], fact["text"]) for fact in second["facts"]] == list(whole.facts())
