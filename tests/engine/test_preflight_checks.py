"""Every check finds the fault that it is for, put into a model that is healthy otherwise, and passes the healthy one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import next_token
import pytest
import tiny_prior
import torch
from safetensors.torch import save_file
from tiny_runs import tiny
from torch import Tensor, nn
from tried import all_tried, tried

from tilework.engine import checkpoint
from tilework.engine.autoencoder.model import Autoencoder
from tilework.engine.preflight import pace
from tilework.engine.preflight.bench import Bench, Trial
from tilework.engine.preflight.checks import learning_rate, threads, time_and_memory
from tilework.engine.session import Session
from tilework.nets.layers import ToImage
from tilework.objective.edges import EdgeError
from tilework.objective.perceptual.backbones import BACKBONES
from tilework.runs.preflight import Result, Verdict, Why
from tilework.spec import RunSpec, load_spec
from tilework.spec.load import parse_spec

TWO = ("vq", "gaussian")
"""Each fault is put into both: a codebook of moving averages, and noise with a KL divergence."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fewer steps of a trial, of whole batches however busy the machine is; threads as they were."""
    monkeypatch.setattr(pace, "timed", lambda *_: 0.01)
    monkeypatch.setattr(pace, "MOST_STEPS", 8)
    monkeypatch.setattr(learning_rate, "MOST_STEPS", 6)
    monkeypatch.setattr(time_and_memory, "MOST_STEPS", 2)
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def lpips(tmp_path: Path) -> Path:
    """Weights of the perceptual network, of the right shapes."""
    generator = torch.Generator().manual_seed(0)
    weights = {
        name: torch.randn(shape, generator=generator) * (0.1 if len(shape) > 1 else 0.01)
        for name, shape in BACKBONES["squeeze"].shapes().items()
    }
    weights |= {name: value.abs() for name, value in weights.items() if name.startswith("lin")}
    save_file(weights, tmp_path / "lpips.safetensors")
    return tmp_path / "lpips.safetensors"


def passed(found: Result) -> Result:
    assert found.verdict is Verdict.PASSED, found
    return found


def ended(found: Result, verdict: Verdict, cause: str) -> Result:
    assert (found.verdict, found.cause) == (verdict, cause), found
    return found


def prior(*overrides: str) -> RunSpec:
    return tiny_prior.prior(*overrides, parent=tiny_prior.standing())


# threads ---------------------------------------------------------------------------------------------------------------


def slow_on(monkeypatch: pytest.MonkeyPatch, slow: Callable[[int], bool]) -> None:
    """Steps that take ten times as long on some numbers of threads."""
    monkeypatch.setattr(threads, "timed", lambda *_: 1.0 if slow(torch.get_num_threads()) else 0.1)


@pytest.mark.parametrize("kind", TWO)
def test_threads_that_hinder_each_other_are_found(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_on(monkeypatch, lambda count: count > 1)
    found = ended(tried("threads", tiny(kind, "engine.threads=2")), Verdict.WARNING, "one-is-faster")
    assert found.values["threads"] == 2
    assert (found.values["steps_per_second_one"], found.values["steps_per_second"]) == (10, 1)
    assert found.changes == {"engine.threads": 1}
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("kind", TWO)
def test_threads_that_help_pass(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_on(monkeypatch, lambda count: count == 1)
    passed(tried("threads", tiny(kind, "engine.threads=2")))


def test_one_thread_is_not_compared() -> None:
    ended(tried("threads", tiny("vq")), Verdict.NOT_CHECKED, Why.ONE_THREAD)


# output-range ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TWO)
def test_a_relu_before_the_sigmoid_is_found(kind: str) -> None:
    found = ended(tried("output-range", tiny(kind, "decoder.final_relu=true")), Verdict.FAILED, "unreachable")
    assert found.values["low"] == pytest.approx(0.5, abs=1e-3)
    assert found.values["unreachable"] > 0.3  # type: ignore[operator]
    assert found.changes == {"decoder.final_relu": False}


@pytest.mark.parametrize("kind", TWO)
@pytest.mark.parametrize(
    ("output", "verdict", "cause"),
    [
        (lambda y: 0.5 * torch.sigmoid(y), Verdict.FAILED, "unreachable"),
        (lambda y: torch.zeros_like(y), Verdict.FAILED, "unreachable"),
        (torch.tanh, Verdict.WARNING, "wider"),
        (lambda y: 255 * torch.sigmoid(y), Verdict.WARNING, "wider"),
    ],
    ids=["half", "constant", "tanh", "bytes"],
)
def test_an_output_of_another_range_is_found(
    kind: str, output: Callable[[Tensor], Tensor], verdict: Verdict, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ToImage, "forward", lambda self, y: output(y.float()))
    ended(tried("output-range", tiny(kind)), verdict, cause)


@pytest.mark.parametrize("kind", TWO)
@pytest.mark.parametrize("output", ["sigmoid", "tanh", "linear"])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_sound_output_passes(kind: str, output: str, norm: str) -> None:
    spec = tiny(kind, f"decoder.output={output}", f"encoder.norm={norm}", "encoder.norm_order=after")
    found = passed(tried("output-range", spec))
    assert bool(found.values["bounded"]) == (output != "linear")


# perceptual-range ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TWO)
@pytest.mark.parametrize("fault", ["true", "false"])
def test_what_the_perceptual_network_is_fed(kind: str, fault: str, lpips: Path) -> None:
    term = f"objective.lpips={{weight: 0.1, weights: '{lpips}', input_range_fault: {fault}}}"
    found = tried("perceptual-range", tiny(kind, "data.size=32x32", term))
    if fault == "false":
        assert passed(found).values["low"] == -1
        return
    ended(found, Verdict.FAILED, "wrong-range")
    assert (found.values["low"], found.values["high"]) == (0, 1)
    assert found.about == ("lpips",)
    assert found.changes == {"objective.lpips.input_range_fault": False}


def test_without_a_perceptual_term_there_is_nothing_to_look_at() -> None:
    ended(tried("perceptual-range", tiny("vq")), Verdict.NOT_CHECKED, Why.NO_PERCEPTUAL_TERM)


# loss-terms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TWO)
def test_a_term_that_is_silently_0_is_found(kind: str, lpips: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    weights = {n: torch.zeros_like(v) if n.startswith("lin") else v for n, v in load_file(lpips).items()}
    save_file(weights, tmp_path / "empty.safetensors")
    # It begins with weight 0: what counts is what it will have.
    term = (
        f"{{weight: {{kind: linear, start: 0, end: 0.3, over: 5 epochs}}, weights: '{tmp_path / 'empty.safetensors'}'}}"
    )
    found = tried("loss-terms", tiny(kind, "data.size=32x32", f"objective.lpips={term}"))
    ended(found, Verdict.FAILED, "constant")
    assert found.about == ("lpips",)
    assert found.changes == {"objective.lpips": None}
    assert found.values["value.lpips"] == 0


@pytest.mark.parametrize("kind", TWO)
def test_a_term_that_is_constant_or_not_finite_is_found(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tiny(kind, "objective.edges=0.5")
    passed(tried("loss-terms", spec))
    monkeypatch.setattr(EdgeError, "forward", lambda self, outcome: outcome.x.mean())
    assert ended(tried("loss-terms", spec), Verdict.FAILED, "constant").about == ("edges",)
    monkeypatch.setattr(EdgeError, "forward", lambda self, outcome: (outcome.recon / 0).mean())
    assert ended(tried("loss-terms", spec), Verdict.FAILED, "not-finite").about == ("edges",)


@pytest.mark.parametrize("kind", TWO)
def test_a_model_whose_gradient_is_cut_off_is_found(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    forward = Autoencoder.forward

    def cut(self: Autoencoder, x: Tensor) -> Any:
        recon, latent = forward(self, x)
        return recon.detach(), latent

    monkeypatch.setattr(Autoencoder, "forward", cut)
    assert ended(tried("loss-terms", tiny(kind)), Verdict.FAILED, "constant").about == ("mse",)


@pytest.mark.parametrize(
    "spec",
    [
        lambda: tiny("gaussian", "objective.kl={weight: 1.0, free_bits: 50}"),
        lambda: tiny("fsq", "objective.commitment=0.25"),
    ],
    ids=["free bits", "commitment of FSQ"],
)
def test_a_term_that_is_0_until_a_value_leaves_a_range_passes(spec: Callable[[], RunSpec]) -> None:
    found = passed(tried("loss-terms", spec()))
    assert len(found.about) == 1
    assert found.values[f"gradient.{found.about[0]}"] == 0


def test_a_term_of_weight_0_is_named_and_a_task_without_terms_is_judged_whole() -> None:
    from tilework.runs.preflight.words import sentences

    found = passed(tried("loss-terms", tiny("vq", "objective.l1=0")))
    assert "l1 has weight 0" in str(sentences(found))
    assert passed(tried("loss-terms", prior())).values["gradient"] > 0  # type: ignore[operator]
    assert passed(tried("loss-terms", parse_spec(next_token.small()))).values["gradient"] > 0  # type: ignore[operator]


# overfit ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", [lambda: tiny("vq"), lambda: tiny("gaussian"), lambda: tiny("rq"), lambda: prior()])
@pytest.mark.parametrize("lr", ["1e-3", "1e-5"])
def test_what_learns_passes_however_slowly(spec: Callable[[], RunSpec], lr: str) -> None:
    changed = spec().model_copy(update={"optimizer": tiny("vq", f"optimizer.lr={lr}").optimizer})
    found = passed(tried("overfit", changed))
    assert found.values["after"] < found.values["before"]  # type: ignore[operator]


@pytest.mark.parametrize(
    "spec",
    [
        lambda lr: tiny("vq", f"optimizer.lr={lr}"),
        lambda lr: tiny("gaussian", "decoder.output=linear", f"optimizer.lr={lr}"),
        lambda lr: prior(f"optimizer.lr={lr}"),
    ],
    ids=["vq", "gaussian", "prior"],
)
def test_a_learning_rate_that_nothing_survives_is_found(spec: Callable[[float], RunSpec]) -> None:
    found = ended(tried("overfit", spec(10.0)), Verdict.FAILED, "rises")
    lower = found.changes["optimizer.lr"]
    assert lower < 1
    assert found.values["lower_after"] < found.values["before"]  # type: ignore[operator]
    passed(tried("overfit", spec(lower)))


@pytest.mark.parametrize("kind", TWO)
def test_a_loss_that_rises_at_first_gets_more_steps(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes and encoder find each other in the first steps: the loss is above where it began, and on its way down."""
    whole = Trial.step

    def hill(self: Trial, batch: Any, lr: float) -> float:
        loss, step = whole(self, batch, lr), len(self.parts) - 1
        return loss + (0.3 * sum(self.parts[0].values()) * math.exp(-0.1 * step) if lr and step else 0.0)

    monkeypatch.setattr(Trial, "step", hill)
    found = passed(tried("overfit", tiny(kind, "optimizer.lr=2e-4")))
    assert found.values["steps"] in {16, 24, 32}, "eight were not enough"
    assert found.values["largest"] > found.values["before"]  # type: ignore[operator]


def test_a_loss_on_its_way_down_is_not_judged_where_there_is_no_time_for_more_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A slow machine refuses no run of a recipe for its first ten steps."""
    whole, made = Trial.step, [0]

    def hill(self: Trial, batch: Any, lr: float) -> float:
        made[0] += 1
        loss, step = whole(self, batch, lr), len(self.parts) - 1
        return loss + (0.8 * sum(self.parts[0].values()) * math.exp(-0.1 * step) if lr and step else 0.0)

    monkeypatch.setattr(Trial, "step", hill)
    monkeypatch.setattr(Bench, "left", lambda self: 1e9 if made[0] < 8 else 0.0)
    found = tried("overfit", tiny("vq", "optimizer.lr=2e-4"))
    assert (found.verdict, found.cause) == (Verdict.NOT_CHECKED, Why.NO_TIME)
    assert made[0] >= 10, "its eight steps, and two without a learning rate, were not made"


def test_a_term_that_is_far_too_heavy_is_named_and_not_the_learning_rate() -> None:
    def heavy(weight: float) -> RunSpec:
        own = ("data=digits", f"objective.commitment={weight}", "optimizer.lr=1e-2", "engine.batch_size=2")
        return load_spec("vq-mnist", own)

    found = ended(tried("overfit", heavy(2500)), Verdict.FAILED, "too-heavy")
    assert found.about == ("commitment",)
    assert set(found.changes) == {"objective.commitment.weight"}
    lower = found.changes["objective.commitment.weight"]
    assert lower <= 250
    passed(tried("overfit", heavy(lower)))


@pytest.mark.parametrize("kind", TWO)
def test_a_learning_rate_that_moves_nothing_is_reported(kind: str) -> None:
    found = ended(tried("overfit", tiny(kind, "optimizer.lr=1e-12")), Verdict.WARNING, "too-small-to-see")
    assert found.changes == {"optimizer.lr": 1e-3}


@pytest.mark.parametrize("kind", TWO)
def test_a_model_that_cannot_learn_is_found(kind: str) -> None:
    """The codes of the one move all the same, which is not what the gradient did."""

    def inverted(session: Session) -> None:
        session.parts.model.decoder[-1] = Backwards()  # type: ignore[index,union-attr]

    spec = tiny(kind, *(["objective.kl=0"] if kind == "gaussian" else []))
    ended(tried("overfit", spec, inverted), Verdict.FAILED, "does-not-fall")


class Backwards(nn.Module):
    """An output whose gradient leads up."""

    def forward(self, y: Tensor) -> Tensor:
        out = torch.sigmoid(y)
        return 2 * out.detach() - out


def test_a_model_whose_gradient_is_0_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(session: Session) -> None:
        session.parts.model.decoder[-1] = Still()  # type: ignore[index,union-attr]

    ended(tried("overfit", tiny("none"), dead), Verdict.FAILED, "no-gradient")
    logits = tiny_prior.Prior.logits
    monkeypatch.setattr(tiny_prior.Prior, "logits", lambda *given: Still()(logits(*given)))
    ended(tried("overfit", prior()), Verdict.FAILED, "no-gradient")


class Still(nn.Module):
    """Gives what it gets, and a gradient of 0."""

    def forward(self, y: Tensor) -> Tensor:
        return y.detach() + 0 * y


def test_a_loss_that_is_not_finite_is_found() -> None:
    def spoil(session: Session) -> None:
        with torch.no_grad():
            next(session.parts.model.parameters()).fill_(math.inf)

    for spec in (tiny("none"), parse_spec(next_token.small())):
        ended(tried("overfit", spec, spoil), Verdict.FAILED, "not-finite")


# save-load -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec",
    [
        lambda: tiny("vq", "encoder.norm=batch"),
        lambda: tiny("gaussian", "engine.ema_decay=0.9"),
        lambda: tiny("rq", "bottleneck.codebook=gradient", "objective.codebook=1.0", "bottleneck.revival=null"),
        lambda: tiny("lfq", "engine.precision=bf16"),
        lambda: prior(),
        lambda: parse_spec(next_token.small()),
    ],
)
def test_a_sound_model_is_saved_and_loaded(spec: Callable[[], RunSpec]) -> None:
    found = passed(tried("save-load", spec()))
    assert found.values["differing"] == 0
    assert found.values["bytes"] > 1000  # type: ignore[operator]


@pytest.mark.parametrize("spec", [lambda: tiny("vq"), lambda: prior()])
def test_a_checkpoint_that_rounds_or_forgets_is_found(
    spec: Callable[[], RunSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    write = checkpoint.save_file

    def rounded(tensors: dict[str, Tensor], path: Path) -> None:
        write({n: t.bfloat16().to(t.dtype) if t.is_floating_point() else t for n, t in tensors.items()}, path)

    monkeypatch.setattr(checkpoint, "save_file", rounded)
    found = ended(tried("save-load", spec()), Verdict.FAILED, "tensors-differ")
    assert found.values["differing"] > 0  # type: ignore[operator]
    assert found.about

    def shortened(tensors: dict[str, Tensor], path: Path) -> None:
        write(dict(list(tensors.items())[1:]), path)

    monkeypatch.setattr(checkpoint, "save_file", shortened)
    assert "missing" in str(ended(tried("save-load", spec()), Verdict.FAILED, "not-loaded").values["why"])


@pytest.mark.parametrize("kind", TWO)
def test_a_model_that_keeps_something_beside_its_checkpoint_is_found(kind: str) -> None:
    def unlisted(session: Session) -> None:
        session.parts.model.decoder[-1].output = "tanh"  # type: ignore[index,union-attr]

    found = ended(tried("save-load", tiny(kind), unlisted), Verdict.FAILED, "output-differs")
    assert found.values["pixels"] > 1e-3  # type: ignore[operator]


# device-numerics -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TWO)
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_device_that_computes_something_else_is_found(
    kind: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CPU in another layout stands for another device."""
    spec = tiny(kind, f"engine.precision={precision}")
    passed(tried("device-numerics", spec))
    forward = nn.Conv2d.forward

    def wrong(self: nn.Conv2d, x: Tensor) -> Tensor:
        last = self.weight.is_contiguous(memory_format=torch.channels_last) and not self.weight.is_contiguous()
        return forward(self, x) * (1.5 if last else 1.0)

    monkeypatch.setattr(nn.Conv2d, "forward", wrong)
    found = tried("device-numerics", spec)
    assert found.verdict in {Verdict.FAILED, Verdict.WARNING}
    assert found.cause == "differs"
    assert "forward" in found.about
    if precision == "float32":
        assert found.verdict is Verdict.FAILED
        assert found.changes == {"engine.threads": 1, "engine.channels_last": False}


def test_the_plainest_run_has_nothing_to_compare() -> None:
    found = tried("device-numerics", tiny("vq", "engine.channels_last=false"))
    ended(found, Verdict.NOT_CHECKED, Why.NOTHING_TO_COMPARE)


# learning-rate ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec",
    [lambda *o: tiny("vq", *o), lambda *o: tiny("gaussian", *o), lambda *o: prior(*o)],
    ids=["vq", "gaussian", "prior"],
)
@pytest.mark.parametrize(("lr", "cause"), [("1e-3", ""), ("10", "too-high"), ("1e-8", "too-low")])
def test_the_learning_rate_against_the_batch(spec: Callable[..., RunSpec], lr: str, cause: str) -> None:
    found = tried("learning-rate", spec(f"optimizer.lr={lr}", "engine.steps=1000"))
    assert found.verdict is (Verdict.WARNING if cause else Verdict.PASSED), found
    assert found.cause == cause
    if cause:
        assert (found.changes["optimizer.lr"] < float(lr)) == (cause == "too-high")


def test_a_learning_rate_that_one_batch_does_not_survive_gets_one_fix() -> None:
    found = {one.code: one for one in all_tried(tiny("vq", "optimizer.lr=10", "engine.steps=1000")).results}
    ended(found["overfit"], Verdict.FAILED, "rises")
    ended(found["learning-rate"], Verdict.NOT_CHECKED, Why.FOUND_BEFORE)
    assert [code for code, one in found.items() if "optimizer.lr" in one.changes] == ["overfit"]


def test_a_short_attempt_is_not_warned_that_it_gets_nowhere() -> None:
    passed(tried("learning-rate", tiny("vq", "optimizer.lr=1e-8", "engine.steps=50")))


# time-and-memory -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", [lambda: tiny("vq", "engine.steps=1000"), lambda: prior("engine.steps=1000")])
def test_time_and_space_are_reckoned(spec: Callable[[], RunSpec]) -> None:
    values = passed(tried("time-and-memory", spec())).values
    assert values["steps"] == 1000
    assert values["total_seconds"] >= 1000 * values["step_seconds"] > 0  # type: ignore[operator]
    assert values["validations"] > 1  # type: ignore[operator]
    assert values["disk_bytes"] >= values["checkpoint_bytes"] > 10_000  # type: ignore[operator]
    assert 0 < values["memory_bytes"] < values["available_bytes"]  # type: ignore[operator]
    assert values["items"] == values["batch"] == 32


@pytest.mark.parametrize("spec", [lambda: tiny("vq"), lambda: prior()])
def test_a_full_disk_and_too_little_memory_are_found(
    spec: Callable[[], RunSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = float(passed(tried("time-and-memory", spec())).values["disk_bytes"])
    monkeypatch.setattr(time_and_memory, "_free", lambda runs: 1000.0)
    ended(tried("time-and-memory", spec()), Verdict.FAILED, "disk-full")
    monkeypatch.setattr(time_and_memory, "_free", lambda runs: 1.05 * needed)
    assert ended(tried("time-and-memory", spec()), Verdict.WARNING, "disk-short").changes
    monkeypatch.undo()

    class Small:
        available = 1e6

    monkeypatch.setattr(time_and_memory.psutil, "virtual_memory", Small)
    found = ended(tried("time-and-memory", spec()), Verdict.WARNING, "memory-short")
    assert found.changes == {"engine.batch_size": 16, "optimizer.accumulate": 2}


def test_a_model_too_large_for_whole_batches_is_tried_with_some_items(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time and memory are scaled up, and what needs whole batches reports that it did not run."""
    monkeypatch.setattr(pace, "timed", lambda *_: 1.0)
    spec = tiny("vq")
    values = passed(tried("time-and-memory", spec)).values
    assert (values["items"], values["batch"]) == (2, 32)
    found = ended(tried("learning-rate", spec), Verdict.NOT_CHECKED, Why.NO_TIME)
    assert found.values["batch"] == 32
    passed(tried("overfit", spec))
