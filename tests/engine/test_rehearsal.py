"""What would stop a run is found from its spec alone, and loss terms can be made to fit another bottleneck."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
import torch
from shipped import AUTOENCODERS

from tilework.bottlenecks import Bottleneck, BottleneckConfig
from tilework.engine.autoencoder.fitting import fitting, problems
from tilework.engine.progress import Silent
from tilework.engine.session import begin
from tilework.errors import UserError
from tilework.spec import BOTTLENECKS, RunSpec, load_spec


def first_problem(spec: RunSpec) -> str:
    return " | ".join(fault.what for fault in problems(spec))


def layer_of(spec: RunSpec) -> Bottleneck:
    """The bottleneck that a run of this spec would have."""
    return cast(BottleneckConfig, spec.bottleneck).build()


@pytest.mark.parametrize("kind", BOTTLENECKS.kinds)
@pytest.mark.parametrize("recipe", ["p5-loops", "rqvae-digits", "vae-digits"])
def test_every_bottleneck_trains_with_the_terms_that_are_made_to_fit_it(recipe: str, kind: str) -> None:
    choice = [f"bottleneck.kind={kind}"]
    if layer_of(load_spec(recipe, choice)).codes_per_level > 1000:
        choice.append("bottleneck.dim=5")  # 2^12 codes are more than the digits can fill
    changes = fitting(load_spec(recipe, choice))
    spec = load_spec(recipe, [*choice, *(f"{path}={text}" for path, text in changes.items())])
    assert problems(spec) == []
    assert fitting(spec) == {}
    begin(spec, Silent())  # its trial pass is the judge: the whole model, every term
    layer = layer_of(spec)
    terms, losses = set(spec.objective), layer(torch.zeros(1, layer.in_channels, 2, 2)).losses
    assert ("kl" in terms) == ("kl_per_dim" in losses)
    assert ("commitment" in terms) == ("commitment" in losses)
    wanted = "image" if "kl" in terms else "pixel"
    assert changes == {} or {getattr(t, "per", wanted) for t in spec.objective.values()} == {wanted}


@pytest.mark.parametrize("kind", ["gaussian", "none"])
def test_a_term_that_lacks_what_it_needs_is_reported_as_the_run_would_report_it(kind: str) -> None:
    spec = load_spec("p5-loops", [f"bottleneck.kind={kind}"])
    with pytest.raises(UserError) as refused:
        begin(spec, Silent())
    assert refused.value.what == first_problem(spec)
    assert "commitment" in refused.value.what


def test_every_fault_is_reported_at_once() -> None:
    spec = load_spec("vae-digits", ["bottleneck.kind=none", "objective.commitment=0.1", "encoder.widths=[8,8,8,8,8,8]"])
    found = first_problem(spec)
    assert "objective.kl" in found
    assert "objective.commitment" in found
    assert "encoder.widths" in found


def test_codes_that_nothing_would_move_are_reported(tmp_path: Path) -> None:
    still = ["bottleneck.codebook=gradient"]
    assert "no term that moves the codes" in first_problem(load_spec("p5-loops", still))
    for moved in ("objective.codebook=1.0", "objective.sinkhorn=0.1", "objective.codebook=0"):
        assert first_problem(load_spec("p5-loops", [*still, moved])) == "", moved
    assert fitting(load_spec("p5-loops", still)) == {"objective.codebook": "1"}


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_no_shipped_recipe_has_a_fault_but_for_weights_that_it_cannot_bring(name: str) -> None:
    spec = load_spec(name)
    assert fitting(spec) == {}
    if "lpips" in spec.objective:
        spec = load_spec(name, ["objective.lpips=null"])
    assert problems(spec) == []


@pytest.mark.parametrize(
    ("recipe", "overrides", "why"),
    [
        ("rqvae-digits", ["engine.monitor=perplexity.9"], "2 level(s)"),
        ("vae-digits", ["engine.monitor=used.1"], "0 level(s)"),
        ("vae-digits", ["engine.monitor=kl.99"], "Gaussian"),
        ("rqvae-digits", ["engine.monitor=active_units"], "Gaussian"),
        ("rqvae-digits", ["engine.monitor=sinkhorn"], "weight 0"),
    ],
)
def test_a_monitor_that_this_model_cannot_measure_is_reported_before_anything_is_read(
    recipe: str, overrides: list[str], why: str
) -> None:
    (found,) = problems(load_spec(recipe, overrides))
    assert "engine.monitor" in found.what
    assert why in found.why


@pytest.mark.parametrize(
    "name", ["loss", "psnr", "mse", "perplexity.2", "used.1", "commitment", "quantisation_error.1"]
)
def test_a_monitor_that_it_measures_is_taken(name: str) -> None:
    assert problems(load_spec("rqvae-digits", [f"engine.monitor={name}"])) == []
