"""What the process of a model waits for before it answers."""

from __future__ import annotations

import sys

import children

CODE = """
import sys
from tilework.studio.models import process
from tilework.studio.models.asks import ABILITIES
from tilework.studio.models.opening import opening
print(*sorted({name.split('.')[0] for name in sys.modules} & {'accelerate', 'sklearn', 'scipy', 'starlette', 'umap'}))
"""


def test_it_loads_no_trainer_and_no_library_of_seconds() -> None:
    done = children.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr
