"""Rules over probes: what each fires at, what it leaves alone, and what it cannot judge."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from doctor_examples import case_of

from tilework.doctor.diagnosis import shipped
from tilework.doctor.finding import CannotJudge, Finding, Missing, Severity

Values = Mapping[str, Any]

RANGE = {
    "low": 0.0, "high": 1.0, "data_low": 0.0, "data_high": 1.0, "at_low": 0.2, "at_high": 0.1, "under": 0.0, "over": 0.0,
    "unlike_low": 0.0, "unlike_high": 0.0, "outside": 0.0,
    "mean": 0.4, "spread": 0.2, "data_spread": 0.2, "between": 0.18, "data_between": 0.2, "within": 0.2,
    "images": 64,
}  # fmt: skip
SMOOTH = {
    "windows": 400, "share": 0.3, "grid": 0.3, "grid_share": 0.0, "grid_most": 1.0, "detail": 0.6, "detail_in": 0.4,
    "rough": 20.0, "burnt": 0.0, "error": 1.0, "error_all": 9.0,
}  # fmt: skip
FLAT = {"colours": 8, "grid": 0.4, "grid_most": 0.9, "stands_out": 20.0, "detail": 0.5}
DETAIL = {"detail": 0.9, "allowed": 0.4, "bits": 2304.0, "numbers": 8192, "error": 0.004, "mse": 0.002}
MODES = {"evaluating": 0.0021, "networks": 0.002, "quantiser": 0.002, "norms": 2, "batch": 32}
GRADIENTS = {
    "terms": ["mse", "edges", "commitment"], "compares": ["mse", "edges"], "mse": 0.002,
    "output.mse": 0.7, "output.edges": 0.3, "output.commitment": 0.0,
    "latent.mse": 0.4, "latent.edges": 0.2, "latent.commitment": 0.3,
    "codes.mse": 0.0, "codes.edges": 0.0, "codes.commitment": 0.0,
    "value.mse": 0.002, "value.edges": 0.01, "value.commitment": 0.1,
    "weight.mse": 1.0, "weight.edges": 0.2, "weight.commitment": 0.25,
}  # fmt: skip
PERCEPTUAL = {"term": "lpips", "black": -1.0, "white": 1.0, "wanted_black": -1.0, "wanted_white": 1.0, "off": 0.0}
UNITS = {"units": 400, "dead": 12, "worst": 0.1, "layer": "decoder.stage1_up_act", "layers": 7}
IMAGES = {
    "images": 256, "dark": 0.02, "plain": 0.0, "judged": 250, "top": 0.4, "half": 0.04, "soft": 0.05, "blocks": 1,
    "files": 0, "smaller": 0.0, "scale": 1.0, "levels": 0.9,
}  # fmt: skip
COPIES = {"images": 1200, "copies": 0.01, "across": 0.01, "most": 2}
DEVICE = {"device": "mps", "encoded": 1e-4, "decoded": 1e-4, "mse": 0.002, "mse_cpu": 0.002}
HEALTHY: dict[str, Values] = {
    "output-range": RANGE, "smooth-areas": SMOOTH, "flat-colours": FLAT, "detail": DETAIL, "modes": MODES,
    "gradients": GRADIENTS, "perceptual-input": PERCEPTUAL, "activations": UNITS, "images": IMAGES, "copies": COPIES,
    "device": DEVICE,
}  # fmt: skip
SPEC = {
    "data": {"kind": "images", "size": "64x64"},
    "encoder": {"norm": "batch", "tail_blocks": 1},
    "decoder": {"norm": None, "upsample": "transposed", "final_relu": False, "tail_blocks": None},
    "bottleneck": {"kind": "vq", "codes": 512, "dim": 32},
    "objective": {
        "mse": {"weight": 1.0}, "edges": {"weight": 0.2},
        "lpips": {"weight": {"kind": "staircase", "start": 0.0, "limit": 0.3}, "input_range_fault": True},
    },
    "optimizer": {"lr": {"kind": "cosine", "start": 2e-3, "end": 1e-5}},
    "engine": {"batch_size": 16},
}  # fmt: skip
CODES = sorted(code for code, rule in shipped().items() if set(rule.probes) & set(HEALTHY))

FAULTS: dict[str, tuple[str, dict[str, Any], Severity]] = {
    "output-cut": (
        "output-range", {"low": 0.5, "at_low": 0.6, "under": 0.4, "data_low": 0.0}, Severity.ERROR,
    ),
    "constant-output": ("output-range", {"between": 0.0005, "within": 0.001}, Severity.ERROR),
    "grid-imprint": ("smooth-areas", {"grid": 6.0, "grid_share": 0.7}, Severity.WARNING),
    "texture-burn-in": ("smooth-areas", {"burnt": 0.3, "detail": 8.0}, Severity.WARNING),
    "blur": ("detail", {"detail": 0.1}, Severity.WARNING),
    "train-eval-differ": ("modes", {"evaluating": 0.02}, Severity.ERROR),
    "device-differs": ("device", {"decoded": 0.3, "mse": 0.02}, Severity.ERROR),
    "term-idle": ("gradients", {"output.edges": 0.0}, Severity.WARNING),
    "term-dominates": ("gradients", {"output.edges": 400.0}, Severity.WARNING),
    "perceptual-range": ("perceptual-input", {"black": 0.0}, Severity.WARNING),
    "dead-units": ("activations", {"worst": 0.99}, Severity.WARNING),
    "images-dark": ("images", {"dark": 0.9}, Severity.WARNING),
    "images-tiny": ("images", {"half": 0.95}, Severity.WARNING),
    "images-blurred": ("images", {"soft": 0.95}, Severity.WARNING),
    "images-duplicate": ("copies", {"copies": 0.4, "across": 0.4}, Severity.WARNING),
}  # fmt: skip


def judged(
    folder: Path, code: str, changes: Mapping[str, Values] | None = None, spec: Mapping[str, Any] = SPEC,
    step: int = 4000, **meta: Any,
) -> Finding | None:  # fmt: skip
    probes = {
        name: {
            "applies": True,
            "step": step,
            "image": f"findings/{name}.png",
            **values,
            **(changes or {}).get(name, {}),
        }
        for name, values in HEALTHY.items()
    }
    folder = Path(tempfile.mkdtemp(dir=folder))
    held = {"mse": [0.1, 0.02, 0.0021, 0.0021, 0.002]}
    train = {"loss": [1.0, 0.5], "weight.edges": [0.2, 0.2], "weight.lpips": [0.0, 0.3]}
    meta = {"total_steps": 4000, **meta}
    with case_of(
        folder, spec, train=train, val=held, every=step // 2, epoch=step // 4, probes=probes, **meta
    ) as case:  # fmt: skip
        return shipped()[code].judge(case)


def test_every_rule_over_probes_has_a_fault_here() -> None:
    assert set(FAULTS) == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_healthy_model_has_nothing(tmp_path: Path, code: str) -> None:
    assert judged(tmp_path, code) is None


@pytest.mark.parametrize("code", CODES)
def test_a_fault_is_found_and_put_into_words(tmp_path: Path, code: str) -> None:
    probe, values, severity = FAULTS[code]
    found = judged(tmp_path, code, {probe: values})
    assert found is not None
    assert (found.code, found.severity) == (code, severity)
    assert Finding.read(found.as_dict()) == found
    words = shipped()[code].words(found)
    assert words.title
    assert words.cause
    assert "\n" not in words.title
    assert len(words.title) <= 160
    if found.evidence.image:
        assert found.evidence.image.startswith("findings/")


@pytest.mark.parametrize("code", CODES)
def test_without_its_probe_it_cannot_judge(tmp_path: Path, code: str) -> None:
    spec = {**SPEC, "objective": {"lpips": {"weight": 0.3}}}
    with case_of(tmp_path, spec, probes={}) as case, pytest.raises(CannotJudge) as lack:
        shipped()[code].judge(case)
    assert lack.value.missing is Missing.PROBE


@pytest.mark.parametrize("code", CODES)
def test_what_a_model_does_not_have_is_no_fault(tmp_path: Path, code: str) -> None:
    probes = {name: {"applies": False, "step": 10} for name in HEALTHY}
    with case_of(tmp_path, SPEC, probes=probes) as case:
        assert shipped()[code].judge(case) is None


@pytest.mark.parametrize("code", ["blur", "grid-imprint", "texture-burn-in", "constant-output", "train-eval-differ"])
def test_what_is_learned_later_is_not_judged_early(tmp_path: Path, code: str) -> None:
    probe, values, _ = FAULTS[code]
    with pytest.raises(CannotJudge) as lack:
        judged(tmp_path, code, {probe: values}, step=90)
    assert lack.value.missing is Missing.STEPS


# One by one ------------------------------------------------------------------------------------------------------------


def test_a_relu_before_the_sigmoid_is_the_cause_of_grey(tmp_path: Path) -> None:
    spec = {**SPEC, "decoder": {**SPEC["decoder"], "final_relu": True}}  # type: ignore[dict-item]
    grey = {"output-range": {"low": 0.5, "high": 0.5, "at_low": 1.0, "at_high": 1.0, "under": 0.5, "over": 0.3,
                             "between": 0.0, "within": 0.0, "mean": 0.5}}  # fmt: skip
    found = judged(tmp_path, "output-cut", grey, spec)
    assert found is not None
    assert found.step == 0
    assert found.fix is not None
    assert found.fix.changes == {"decoder.final_relu": False}
    assert "output-cut" in shipped()["constant-output"].follows_from


@pytest.mark.parametrize("shade", [0.0, 0.3, 1.0])
def test_one_colour_is_not_taken_for_a_cut(tmp_path: Path, shade: float) -> None:
    plain = {"output-range": {"low": shade, "high": shade, "at_low": 1.0, "at_high": 1.0, "under": 0.3, "over": 0.3}}
    assert judged(tmp_path, "output-cut", plain) is None


def test_a_range_that_is_not_learned_yet_is_no_cut(tmp_path: Path) -> None:
    soft = {"output-range": {"low": 0.2, "high": 0.6, "at_low": 1e-5, "at_high": 1e-5, "under": 0.3, "over": 0.2}}
    assert judged(tmp_path, "output-cut", soft) is None


def test_a_linear_output_beyond_the_range(tmp_path: Path) -> None:
    outside = {"output-range": {"outside": 0.2, "low": -0.4, "high": 1.3}}
    with pytest.raises(CannotJudge):  # nothing has held it to the range of images yet
        judged(tmp_path, "output-cut", outside, step=40, total_steps=40)
    found = judged(tmp_path, "output-cut", outside)
    assert found is not None
    assert found.fix is not None
    assert found.fix.changes == {"decoder.output": "sigmoid"}


@pytest.mark.parametrize("code", ["blur", "grid-imprint", "texture-burn-in"])
@pytest.mark.parametrize("curve", [[0.1, 0.08, 0.06, 0.04, 0.02], [0.02, 0.02], []])
def test_what_a_model_that_still_learns_may_lose_is_only_reported(
    tmp_path: Path, code: str, curve: list[float]
) -> None:
    probe, values, _ = FAULTS[code]
    probes = {name: {**HEALTHY[name], "step": 4000} for name in HEALTHY}
    probes[probe] = {**HEALTHY[probe], **values, "step": 4000}
    with case_of(
        tmp_path, SPEC, val={"mse": curve}, train={"loss": [1.0]}, every=4000, epoch=1000, probes=probes
    ) as case:
        found = shipped()[code].judge(case)
    assert found is not None
    assert found.severity is Severity.INFO
    assert shipped()[code].words(found).cause


@pytest.mark.parametrize(("unlike", "cut"), [(0.2, True), (0.0, False)])
def test_a_background_decoded_to_one_value_is_no_bound(tmp_path: Path, unlike: float, cut: bool) -> None:
    piled = {"output-range": {"high": 0.9, "at_high": 0.4, "over": 0.4, "unlike_high": unlike}}
    assert (judged(tmp_path, "output-cut", piled) is not None) == cut


def test_blur_that_so_few_bits_explain_is_only_reported(tmp_path: Path) -> None:
    found = judged(tmp_path, "blur", {"detail": {"detail": 0.1, "allowed": 0.1}})
    assert found is not None
    assert found.severity is Severity.INFO
    assert found.fix is not None
    assert found.fix.changes == {"bottleneck.codes": 2048}


def test_a_pattern_in_images_of_one_colour_alone_is_only_reported(tmp_path: Path) -> None:
    with case_of(
        tmp_path, SPEC, train={"loss": [1.0]}, every=4000, total_steps=4000,
        probes={"smooth-areas": {"windows": 0, "share": 0.0, "step": 4000}, "flat-colours": {**FLAT, "grid": 9.0}},
    ) as case:  # fmt: skip
        found = shipped()["grid-imprint"].judge(case)
    assert found is not None
    assert found.severity is Severity.INFO


def test_a_pattern_of_a_short_run_is_reported_when_it_has_ended(tmp_path: Path) -> None:
    printed = {"smooth-areas": {"grid": 6.0, "grid_share": 0.7}}
    with pytest.raises(CannotJudge):
        judged(tmp_path, "grid-imprint", printed, step=120, total_steps=121)
    found = judged(tmp_path, "grid-imprint", printed, step=120, total_steps=120)
    assert found is not None
    assert found.severity is Severity.INFO


@pytest.mark.parametrize(
    ("decoder", "severity"),
    [
        ({"kernel": 3}, Severity.WARNING),
        ({"kernel": None}, Severity.WARNING),
        ({"kernel": 4}, Severity.INFO),
        ({"kernel": 3, "upsample": "resize"}, Severity.INFO),
    ],
)
def test_a_kernel_that_the_stride_does_not_divide_prints_for_certain(
    tmp_path: Path, decoder: dict[str, object], severity: Severity
) -> None:
    spec = {**SPEC, "encoder": {"kernel": 3}, "decoder": decoder}
    printed = {"smooth-areas": {"grid": 6.0, "grid_share": 0.7}}
    found = judged(tmp_path, "grid-imprint", printed, spec, step=120, total_steps=120)
    assert found is not None
    assert (found.severity, found.values["learns"]) == (severity, severity is Severity.INFO)


def test_steps_up_that_are_smooth_already_get_blocks(tmp_path: Path) -> None:
    spec = {**SPEC, "decoder": {"upsample": "resize", "tail_blocks": None}}
    found = judged(tmp_path, "grid-imprint", {"smooth-areas": {"grid": 6.0, "grid_share": 0.7}}, spec)
    assert found is not None
    assert found.fix is not None
    assert found.fix.changes == {"decoder.tail_blocks": 3}


def test_a_term_that_is_satisfied_is_not_idle(tmp_path: Path) -> None:
    nothing = {"latent.commitment": 0.0, "codes.commitment": 0.0}
    assert judged(tmp_path, "term-idle", {"gradients": {**nothing, "value.commitment": 0.0}}) is None
    found = judged(tmp_path, "term-idle", {"gradients": {**nothing, "value.commitment": 0.3}})
    assert found is not None
    assert found.values["term"] == "commitment"
    free = {**SPEC, "objective": {"commitment": {"weight": 0.25, "free_bits": 0.5}}}
    assert judged(tmp_path, "term-idle", {"gradients": {**nothing, "value.commitment": 0.3}}, free) is None
    ramp = {
        "gradients": {
            "output.lpips": 1e-7,
            "weight.lpips": 1e-7,
            "terms": ["mse", "lpips"],
            "compares": ["mse", "lpips"],
        }
    }
    assert judged(tmp_path, "term-idle", ramp) is None
    perfect = {"gradients": {"output.edges": 0.0, "output.mse": 0.0, "mse": 1e-9}}
    assert judged(tmp_path, "term-idle", perfect) is None


def test_a_term_that_dominates_gets_the_weight_at_which_both_pull_alike(tmp_path: Path) -> None:
    found = judged(tmp_path, "term-dominates", {"gradients": {"output.edges": 700.0}})
    assert found is not None
    assert found.fix is not None
    assert found.fix.changes == {"objective.edges.weight": 0.0002}
    alone = {"gradients": {"terms": ["mse"], "compares": ["mse"]}}
    assert judged(tmp_path, "term-dominates", alone) is None
    squared = {"gradients": {"output.mse": 4000.0}}
    assert judged(tmp_path, "term-dominates", squared) is None


def test_images_of_the_program_itself_are_only_reported(tmp_path: Path) -> None:
    spec = {**SPEC, "data": {"kind": "digits", "size": "28x28"}}
    found = judged(tmp_path, "images-tiny", {"images": {"half": 1.0}}, spec)
    assert found is not None
    assert found.severity is Severity.INFO
    assert found.fix is None
    blocks = judged(tmp_path, "images-tiny", {"images": {"blocks": 4}})
    assert blocks is not None
    assert blocks.fix is not None
    assert blocks.fix.changes == {"data.size": "32x32"}


def test_a_range_fault_that_the_spec_itself_has_is_known_before_anything_is_looked_at(tmp_path: Path) -> None:
    with case_of(tmp_path, SPEC, probes={}) as case:
        found = shipped()["perceptual-range"].judge(case)
    assert found is not None
    assert found.fix is not None
    assert found.fix.changes == {"objective.lpips.input_range_fault": False}


def test_a_device_that_gives_no_number_differs(tmp_path: Path) -> None:
    found = judged(tmp_path, "device-differs", {"device": {"decoded": float("nan")}})
    assert found is not None
    assert found.severity is Severity.ERROR
