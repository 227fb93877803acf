"""The faults themselves: enough of them, each a spec that loads and looked for by rules there are; the long form finds them."""

from __future__ import annotations

from pathlib import Path

import pytest
from catalogue import BASES, FAULTS, SETS, Fault
from suite import trained

from tilework.doctor.diagnosis import shipped
from tilework.spec import load_spec

EACH = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)


def test_there_are_enough_and_each_once() -> None:
    assert len(FAULTS) >= 25
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert sum(fault.name.startswith("s5-") for fault in FAULTS) >= 8


@EACH
def test_what_may_be_found_are_codes_of_rules(fault: Fault) -> None:
    assert fault.right
    assert fault.right <= set(shipped())


@EACH
def test_its_spec_differs_from_the_healthy_one_or_the_program_does(fault: Fault) -> None:
    recipe, own = BASES[fault.base]
    for data in fault.sets:
        healthy = load_spec(recipe, [*own, *SETS[data], "data.channels=3"])
        faulty = load_spec(recipe, [*own, *SETS[data], "data.channels=3", *fault.overrides])
        assert faulty != healthy or not fault.overrides


@EACH
def test_it_leaves_the_program_as_it_was(fault: Fault) -> None:
    from tilework.data.batches import Batches
    from tilework.engine.autoencoder import images
    from tilework.engine.tasks.autoencoder import Task
    from tilework.objective.lpips import Perceptual

    def program() -> list[object]:
        return [value for part in (Batches, Task, Perceptual, images) for value in vars(part).values()]

    before = program()
    with fault.inject():
        pass
    assert all(now is then for now, then in zip(program(), before, strict=True))


@pytest.mark.slow
@EACH
def test_the_doctor_names_it_first(fault: Fault, tmp_path: Path) -> None:
    assert trained(fault.base, fault.sets[0], 0, tmp_path, fault).first in fault.right
