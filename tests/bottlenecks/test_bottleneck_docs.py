"""The examples in the docstrings run."""

from __future__ import annotations

import doctest
import importlib

import pytest

from tilework.spec import BOTTLENECKS


@pytest.mark.parametrize("kind", BOTTLENECKS.kinds)
def test_examples_in_docstrings(kind):
    found = doctest.testmod(importlib.import_module(f"tilework.bottlenecks.{kind}"))
    assert found.failed == 0
    if kind in ("vq", "rq"):
        assert found.attempted > 0
