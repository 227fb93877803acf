"""A test that takes `config` runs on every example of every bottleneck, one that takes `discrete` on those that give codes."""

from __future__ import annotations

import pytest
from bottleneck_examples import DISCRETE, EXAMPLES, name


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for wanted, configs in (("config", EXAMPLES), ("discrete", DISCRETE)):
        if wanted in metafunc.fixturenames:
            metafunc.parametrize(wanted, configs, ids=name)
