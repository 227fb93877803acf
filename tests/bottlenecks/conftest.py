"""A test that takes `config` runs on every example of every bottleneck, one that takes `discrete` on those that give codes.

A long test takes `typical`: examples that are like another wait for `-m slow`. So do they for `deferred=False`, beside `config`.
"""

from __future__ import annotations

import pytest
from bottleneck_examples import DISCRETE, EXAMPLES, TYPICAL, name


def _slow_unless(quick: bool) -> list[pytest.MarkDecorator]:
    return [] if quick else [pytest.mark.slow]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    taken = set(metafunc.fixturenames)
    if "typical" in taken:
        each = [pytest.param(c, id=name(c), marks=_slow_unless(c in TYPICAL)) for c in EXAMPLES]
        metafunc.parametrize("typical", each)
    elif {"config", "deferred"} <= taken:
        both = [
            pytest.param(c, deferred, id=f"{name(c)}-{deferred}", marks=_slow_unless(deferred or c in TYPICAL))
            for c in EXAMPLES
            for deferred in (True, False)
        ]
        metafunc.parametrize(("config", "deferred"), both)
    else:
        for wanted, configs in (("config", EXAMPLES), ("discrete", DISCRETE)):
            if wanted in taken:
                metafunc.parametrize(wanted, configs, ids=name)
