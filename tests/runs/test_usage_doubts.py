"""When held-out figures speak against a codebook, and in which words."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tilework.runs.usage import COLLAPSED, cure, poorly_used, ripe


def figures(counts: list[int]) -> dict[str, float]:
    """What a validation logs of one level whose codes were chosen so often."""
    shares = np.array(counts) / sum(counts)
    entropy = -sum(p * math.log(p) for p in shares if p > 0)
    return {
        "used.1": float(np.count_nonzero(counts)),
        "perplexity.1": math.exp(entropy),
        "codes": float(len(counts)),
        "tokens": float(sum(counts)),
    }


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([180] + [0] * 239, "collapsed"),
        ([170, 10] + [0] * 238, "collapsed"),  # 94 % in one code: perplexity 1.24
        ([90, 90] + [0] * 14, "only 2 of 16"),
        ([90, 90], ""),  # two codes in equal use of two
        ([180, 0], ""),  # two codes can hardly do better
        ([12] * 15, ""),
        ([12] + [0] * 200, ""),  # too few tokens to say anything
        ([30, 30, 30] + [0] * 237, ""),  # three of 240, but a code had less than one token
    ],
)
def test_doubts(counts: list[int], said: str) -> None:
    found = poorly_used(figures(counts))
    assert [said in doubt.text for doubt in found] == [True] * bool(said)
    assert [doubt.collapsed for doubt in found] == [said == "collapsed"] * bool(said)


def test_each_level_has_its_own() -> None:
    values = {"codes": 16.0, "tokens": 320.0, "used.1": 16.0, "perplexity.1": 14.0, "used.2": 1.0, "perplexity.2": 1.0}
    (doubt,) = poorly_used(values)
    assert "of level 2 has collapsed: validation perplexity 1.00 of 16" in doubt.text


def test_a_share_of_nine_to_one_is_a_collapse_and_two_codes_in_use_are_not() -> None:
    assert figures([9, 1])["perplexity.1"] < COLLAPSED < figures([1, 1])["perplexity.1"]


def test_the_cure_depends_on_what_was_trained() -> None:
    (collapsed,), (idle,) = poorly_used(figures([180] + [0] * 239)), poorly_used(figures([90, 90] + [0] * 14))
    fsq = {"bottleneck": {"kind": "fsq"}, "objective": {"mse": {"weight": 1.0}, "commitment": None}}
    assert "objective.commitment=0.25" in cure(collapsed, fsq, 600)
    fsq["objective"]["commitment"] = {"weight": 0.25}
    assert cure(collapsed, fsq, 600) == "begin again with a lower optimizer.lr"
    assert cure(collapsed, fsq, 200) == "", "it may spread yet"
    assert cure(idle, fsq, 600) == ""
    plain = {"bottleneck": {"kind": "vq", "start": "random", "revival": None}}
    assert "bottleneck.start=kmeans" in cure(idle, plain, 600)
    assert "bottleneck.start=kmeans" in cure(collapsed, plain, 600)


def test_without_a_codebook_there_is_nothing_to_say() -> None:
    assert poorly_used({"mse": 0.1, "psnr": 10.0}) == []


@pytest.mark.parametrize(
    ("step", "total", "told"),
    [
        (0, 500, False),
        (75, 500, False),
        (100, 500, True),
        (0, 40, False),
        (40, 40, True),
        (0, 0, False),
        (100, None, True),
    ],
)
def test_no_verdict_before_there_was_training(step: int, total: int | None, told: bool) -> None:
    assert ripe(step, total) is told
