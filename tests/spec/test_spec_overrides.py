"""Overrides: short forms, changed kinds, lists, paths; and a spec that is written is read back equal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_spec_schedules import WARM, schedule

from tilework.spec import RunSpec, dump_yaml, load_spec, recipe_names
from tilework.spec.load import parse_spec, read_yaml
from tilework.spec.model import MOST_LR
from tilework.spec.overrides import apply_overrides


def digits(*overrides: str) -> Any:
    return load_spec("rqvae-digits", overrides)


def test_plain_values() -> None:
    spec = digits("engine.epochs=3", "optimizer.lr=3e-4", "engine.compile=yes", "name=my-run.2", "bottleneck.codes=8")
    assert spec.engine.epochs == 3
    assert spec.optimizer.lr.value == 3e-4
    assert spec.engine.compile is True
    assert spec.name == "my-run.2"
    assert spec.bottleneck.codes == 8
    assert digits("engine.epochs=3", "engine.epochs=4").engine.epochs == 4  # the last one counts


def test_a_loss_term_by_weight_by_schedule_by_settings_and_removed() -> None:
    assert digits("objective.commitment.weight=0.1").objective["commitment"].weight.value == 0.1
    assert digits("objective.commitment=0.1").objective["commitment"].weight.value == 0.1
    spec = digits("objective.l1=0.5", "objective.mse.per=image", "objective.mse.weight=2")
    assert spec.objective["l1"].weight.value == 0.5
    assert (spec.objective["mse"].per, spec.objective["mse"].weight.value) == ("image", 2)
    ramp = "objective.commitment={kind: linear, start: 0.05, end: 0.25, over: 30 epochs}"
    assert digits(ramp).objective["commitment"].weight.at(15 * 9, 9) == pytest.approx(0.15)
    assert digits(ramp, "objective.commitment.weight=0.1").objective["commitment"].weight.value == 0.1
    assert digits(ramp, "objective.commitment.weight.end=0.5").objective["commitment"].weight.end == 0.5
    assert "sinkhorn" not in digits("objective.sinkhorn=null").objective
    again = digits("objective.sinkhorn=null", "objective.sinkhorn.epsilon=0.5").objective["sinkhorn"]
    assert again.epsilon == 0.5


def test_a_schedule_in_place_of_a_number_piece_by_piece() -> None:
    spec = digits("optimizer.lr.kind=cosine", "optimizer.lr.over=30 epochs", "optimizer.lr.warmup=1 epoch")
    assert spec.optimizer.lr.kind == "cosine"
    assert spec.optimizer.lr.start == 1e-3  # the number that was there
    assert str(spec.optimizer.lr.warmup) == "1 epochs"
    spec = digits(
        "optimizer.lr.kind=linear", "optimizer.lr.start=1e-2", "optimizer.lr.end=0", "optimizer.lr.over=10 steps"
    )
    assert (spec.optimizer.lr.start, spec.optimizer.lr.end) == (0.01, 0)
    back = digits("optimizer.lr.kind=cosine", "optimizer.lr.over=3 epochs", "optimizer.lr.kind=constant")
    assert back.optimizer.lr.value == 1e-3
    warm = digits("optimizer.lr.warmup=100 steps")
    assert (warm.optimizer.lr.value, str(warm.optimizer.lr.warmup)) == (1e-3, "100 steps")


def test_a_setting_of_the_same_name_and_another_type_is_not_carried_over() -> None:
    """Residual levels are a number, those of FSQ a list."""
    fsq = digits("bottleneck.kind=fsq").bottleneck
    assert fsq.levels == type(fsq)().levels
    assert digits("bottleneck.kind=vq", "bottleneck.kind=rq").bottleneck.distance == "euclidean"
    assert digits("data.kind=mnist", "data.path=here", "data.kind=images").data.path == "here"


@pytest.mark.parametrize("how", ["bottleneck.kind=vq", "bottleneck=vq"])
def test_a_changed_kind_keeps_what_both_have_and_drops_the_rest(how: str) -> None:
    before = digits("bottleneck.codes=32", "bottleneck.levels=3").bottleneck
    after = digits("bottleneck.codes=32", "bottleneck.levels=3", how).bottleneck
    assert after.kind == "vq"
    assert (after.codes, after.dim) == (32, before.dim)
    assert not hasattr(after, "levels")
    both = digits(how, "bottleneck.codes=7")
    assert both.bottleneck.codes == 7


def test_changing_the_data_keeps_size_and_channels() -> None:
    spec = digits("data.kind=images", "data.path=some images")
    assert (spec.data.kind, str(spec.data.size), spec.data.channels) == ("images", "28x28", 1)


@pytest.mark.parametrize(
    "path",
    ["a b.png", "C:\\Users\\me\\my images", "/data/#1", "a: b", "../x", "[x].d", "pics,more", "été/日本", "'x"],
)
def test_paths_are_taken_as_they_are_written(path: str) -> None:
    assert str(digits("data.kind=images", f"data.path={path}").data.path) == path


def test_lists_in_brackets_and_without() -> None:
    for written in ("[8, 16]", "8,16", "8, 16"):
        assert digits(f"encoder.widths={written}").encoder.widths == (8, 16)
    assert digits("optimizer.betas=0.5,0.9").optimizer.betas == (0.5, 0.9)


def test_trackers_in_every_short_form() -> None:
    for written in ("csv,wandb", "csv, wandb", "[csv, wandb]", "[{kind: csv}, {kind: wandb}]"):
        assert [t.kind for t in digits(f"trackers={written}").trackers] == ["csv", "wandb"]
    assert digits("trackers=csv", "trackers=null").trackers == ()
    assert digits("trackers={kind: wandb, project: mine}").trackers[0].project == "mine"


def test_null_is_no_value() -> None:
    assert digits("optimizer.clip_norm=1.0", "optimizer.clip_norm=null").optimizer.clip_norm is None
    assert digits("optimizer.clip_norm=").optimizer.clip_norm is None


def test_a_section_shared_by_an_anchor_is_set_in_one_place_only(tmp_path: Path) -> None:
    raw = read_yaml("a: &x {b: {c: 1}}\nd: *x\n", "f")
    assert apply_overrides(raw, ["d.b.c=2"]) == {"a": {"b": {"c": 1}}, "d": {"b": {"c": 2}}}
    assert raw == {"a": {"b": {"c": 1}}, "d": {"b": {"c": 1}}}  # the original is left alone


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_written_and_read_back_equal(name: str) -> None:
    spec = load_spec(name)
    text = dump_yaml(spec)
    again = parse_spec(read_yaml(text, name))
    assert again == spec
    assert dump_yaml(again) == text


@settings(max_examples=100, deadline=None)
@given(lr=WARM, weight=WARM, note=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=40))
def test_any_schedule_and_any_note_survive_writing(lr: Any, weight: Any, note: str) -> None:
    for one in (lr, weight):
        if schedule(one).bounds[0] < 0:
            return
    if not 0 < schedule(lr).bounds[1] <= MOST_LR:
        lr = 1e-3  # refused; the weight is any schedule still
    raw = {**RAW, "note": note, "optimizer": {"lr": lr}, "objective": {"mse": {"weight": weight, "per": "image"}}}
    spec = parse_spec(raw)
    assert parse_spec(read_yaml(dump_yaml(spec), "f")) == spec


RAW: dict[str, Any] = {
    "name": "a", "data": "digits", "encoder": "ladder", "bottleneck": "none", "decoder": "ladder", "engine": {"steps": 1},
}  # fmt: skip


def test_a_spec_never_changes_after_it_is_read() -> None:
    spec = parse_spec({**RAW, "objective": {"mse": 1}})
    assert isinstance(spec, RunSpec)
    with pytest.raises(ValueError, match="frozen"):
        spec.seed = 3  # type: ignore[misc]
