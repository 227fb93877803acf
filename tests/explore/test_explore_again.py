"""What a moving hand asks for again and again is not encoded again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from tilework.explore.opened import Opened
from tilework.explore.place import _KEPT, place


def test_an_image_is_encoded_once_while_a_slider_moves(
    opened: Callable[[str], Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, encoded = opened("gaussian"), list[int]()
    original = Opened.encode

    def encode(self: Opened, pixels: Any) -> Any:
        encoded.append(len(pixels))
        return original(self, pixels)

    monkeypatch.setattr(Opened, "encode", encode)
    first = place(model, "validation:3")
    moved = [place(model, f"validation:3;0={value / 10}") for value in range(20)]
    assert len(encoded) == 1
    for value, z in enumerate(moved):
        assert z.flatten()[0] == pytest.approx(value / 10)
        assert torch.equal(z.flatten()[1:], first.flatten()[1:]), "what is kept is never changed"
    for number in range(4, 4 + _KEPT):
        place(model, f"validation:{number}")
    before = len(encoded)
    assert torch.equal(place(model, "validation:3"), first)
    assert len(encoded) == before + 1, "the last ones alone are kept"
