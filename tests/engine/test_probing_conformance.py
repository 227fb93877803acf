"""Every probe on every shipped recipe's network, and on runs that go on: nothing changes, numbers are plain, time is bounded."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from commands import Outcome
from PIL import Image
from probed import Still, landscapes, subject
from shipped import AUTOENCODERS
from tiny_runs import BOTTLENECKS, batches, session, tiny

from tilework.engine.autoencoder.model import build_model, source_of
from tilework.engine.probing.contract import Measured
from tilework.engine.probing.contract import Probe as Contract
from tilework.engine.probing.kept import keep
from tilework.engine.probing.left_out import NotMeasured, Why
from tilework.engine.probing.opening import probe_run, probe_session
from tilework.engine.probing.running import probe_all, shipped
from tilework.engine.probing.subject import FEWEST, MOST, Subject
from tilework.engine.progress import Silent
from tilework.runs.folder import RunFolder
from tilework.spec import AutoencoderSpec, Size, load_spec
from tilework.spec.load import recipe_names

SMALL = ("data.size=32x32",)
"""Networks as they are, on images that they are quick with."""


def state_of(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def networks() -> dict[str, AutoencoderSpec]:
    """The shipped recipes, one of each network."""
    found: dict[str, tuple[str, AutoencoderSpec]] = {}
    for name in AUTOENCODERS:
        spec = cast(AutoencoderSpec, load_spec(name, () if name.endswith(("mnist", "digits")) else SMALL))
        parts = (spec.encoder, spec.bottleneck, spec.decoder, source_of(spec).channels, source_of(spec).size)
        found.setdefault(repr(parts), (name, spec))
    return dict(found.values())


NETWORKS = networks()


def test_probes_are_found_by_their_files() -> None:
    assert set(recipe_names()) >= set(NETWORKS)
    assert len(shipped()) >= 11
    orders = [probe.order for probe in shipped().values()]
    assert orders == sorted(orders)
    for name, probe in shipped().items():
        assert type(probe).__doc__, name
        assert issubclass(type(probe), Contract)


@pytest.mark.parametrize("recipe", sorted(NETWORKS))
def test_it_looks_at_the_network_of_a_recipe(recipe: str) -> None:
    spec = NETWORKS[recipe]
    source = source_of(spec)
    torch.manual_seed(0)
    model = build_model(spec)
    images = landscapes(FEWEST, source.channels, source.size.height)[..., : source.size.width]
    before, drawn = state_of(model), torch.get_rng_state()
    weights = dict.fromkeys(spec.objective, 1.0)
    seen = Subject.of(spec, model, 7, weights)
    looked = Subject(spec, seen.model, 7, weights, cast(Any, Still(images)))
    probed = probe_all(looked, seconds=1e9)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert torch.equal(drawn, torch.get_rng_state())
    assert model.training
    assert set(probed.values) | set(probed.left_out) == set(shipped())
    # A perceptual term has its weights in a file that is not there.
    unmade = {name for name, left in probed.left_out.items() if left.why is Why.TERMS}
    assert set(probed.left_out) == unmade
    assert bool(unmade) == any("lpips" in name for name in spec.objective)
    for name, values in probed.values.items():
        assert json.loads(json.dumps(values)) == values
        assert values["step"] == 7
        numbers = [value for value in values.values() if isinstance(value, float)]
        assert all(map(math.isfinite, numbers)), (name, values)
    assert probed.values["smooth-areas"]["applies"] == (model.grid != Size(1, 1))


@pytest.mark.parametrize("bottleneck", sorted(BOTTLENECKS))
def test_a_run_goes_on_as_if_nothing_had_happened(bottleneck: str) -> None:
    def trained(look: bool) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        made = session(tiny(bottleneck, "encoder.norm=batch", "engine.ema_decay=0.9"))
        made.parts.task.start(2, Silent())
        for batch in batches(made, 3):
            made.parts.stepper.step([batch], made.steering.weights(), 1e-3)
            made.parts.average.update()
            if look:
                before = state_of(made.parts.model)
                assert not {left.why for left in probe_session(made).left_out.values()}
                after = made.parts.model.state_dict()
                assert all(torch.equal(before[name], value) for name, value in after.items())
                assert made.parts.model.training
        return state_of(made.parts.model), torch.get_rng_state()

    (plain, drawn), (looked, drawn_too) = trained(False), trained(True)
    assert all(torch.equal(plain[name], value) for name, value in looked.items())
    assert torch.equal(drawn, drawn_too)


def test_the_averaged_weights_are_looked_at_where_a_run_keeps_them() -> None:
    made = session(tiny("none", "engine.ema_decay=0.999"))
    with torch.no_grad():
        for value in made.parts.average.slow.values():
            value.zero_()
    assert probe_session(made).values["output-range"]["spread"] == 0


def test_the_number_of_images_is_bounded_by_work_and_not_by_time() -> None:
    few = subject(landscapes(100))
    assert len(few.held_out) == len(few.trained) == MOST
    wide = torch.nn.Sequential(torch.nn.Conv2d(3, 2000, 11, padding=5), torch.nn.Conv2d(2000, 3, 1))
    assert len(subject(landscapes(100), wide).held_out) == FEWEST


# Ways in which a probe is not made -------------------------------------------------------------------------------------


class Lacking(Contract):
    def measure(self, subject: Subject) -> Measured:
        raise NotMeasured(Why.IMAGES, "gone")


class Broken(Contract):
    def measure(self, subject: Subject) -> Measured:
        raise RuntimeError("out of memory\nby far")


class Odd(Contract):
    def measure(self, subject: Subject) -> Measured:
        return Measured({"one": [][0]})


class Fine(Contract):
    def measure(self, subject: Subject) -> Measured:
        return Measured({"one": 1})


def test_what_one_probe_lacks_stops_no_other() -> None:
    probed = probe_all(subject(landscapes(4)), probes={"a": Lacking(), "b": Broken(), "d": Odd(), "c": Fine()})
    assert {name: (left.why, left.detail) for name, left in probed.left_out.items()} == {
        "a": (Why.IMAGES, "gone"),
        "b": (Why.FAILED, "RuntimeError: out of memory"),
        "d": (Why.FAILED, "IndexError: list index out of range"),
    }
    assert probed.values == {"c": {"applies": True, "step": 1000, "one": 1}}


def test_nothing_is_begun_when_the_time_is_over() -> None:
    probed = probe_all(subject(landscapes(4)), seconds=0)
    assert {left.why for left in probed.left_out.values()} == {Why.TIME}
    assert set(probed.left_out) == set(shipped())


def test_a_model_that_is_not_finite_is_reported_as_such() -> None:
    made = session(tiny("vq"))
    with torch.no_grad():
        next(made.parts.model.encoder.parameters()).fill_(math.nan)
    probed = probe_session(made)
    assert {left.why for name, left in probed.left_out.items()} == {Why.NOT_FINITE}
    assert {"images", "copies"} <= set(probed.values)


# Runs on the disk ------------------------------------------------------------------------------------------------------


def test_a_run_is_probed_and_its_evidence_kept(small_run: RunFolder) -> None:
    probed = probe_run(small_run, device="cpu")
    assert not probed.left_out
    assert probed.step > 0
    kept = keep(probed, small_run)
    assert json.loads(json.dumps(kept)) == kept
    assert set(kept) == set(shipped())
    images = {values["image"] for values in kept.values() if "image" in values}
    assert images
    for name in images:
        with Image.open(small_run.path / name) as image:
            assert image.format == "PNG"
            assert max(image.size) < 1400


def test_without_images_the_rest_is_reported_as_left_out(small_run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tilework.engine.probing.opening.images_of", lambda *_: (None, None, {"what": "gone", "why": "", "fix": ""})
    )
    probed = probe_run(small_run, device="cpu")
    assert {(left.why, left.detail) for left in probed.left_out.values()} == {(Why.IMAGES, "gone")}


def test_a_run_without_a_checkpoint_is_no_error(small_run: RunFolder) -> None:
    for file in small_run.checkpoints.glob("*/model.safetensors"):
        file.write_bytes(b"cut short")
    probed = probe_run(small_run, device="cpu")
    assert {left.why for left in probed.left_out.values()} == {Why.CHECKPOINT}


def test_a_prior_has_no_probes(small_run: RunFolder, tilework: Callable[..., Outcome], tmp_path: Path) -> None:
    text = small_run.spec_file.read_text(encoding="utf-8").replace("task: autoencoder", "task: prior")
    small_run.spec_file.write_text(text, encoding="utf-8")
    assert {left.why for left in probe_run(small_run).left_out.values()} == {Why.TASK}
