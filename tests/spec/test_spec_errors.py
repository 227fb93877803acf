"""Every way to get a spec wrong, and exactly the message: what, why, one fix. Nothing is ever taken silently."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import children
import pytest

from tilework.errors import UserError
from tilework.spec import dump_yaml, load_spec, recipe_text
from tilework.spec.explain import WrongSpec, beside, fix, remedy, what
from tilework.spec.problems import Fault

BASE = recipe_text("rqvae-digits")


def refused(*overrides: str, recipe: str = "rqvae-digits") -> UserError:
    with pytest.raises(UserError) as caught:
        load_spec(recipe, overrides)
    error = caught.value
    assert error.exit_code == 2
    assert error.what
    assert error.why
    assert error.fix
    assert error.what.startswith(f"{recipe}: ") or recipe in error.what
    return error


@pytest.mark.parametrize(
    ("override", "what", "fix"),
    [
        # unknown keys: top level, nested, in a plug-in, in a plug-in's own section, in the wrong place
        ("optimiser.lr=1", "unknown key optimiser (did you mean optimizer?)", "write optimizer"),
        ("engine.epoch=3", "unknown key engine.epoch (did you mean epochs?)", "write engine.epochs"),
        ("engine.early_stopping={patiense: 3}", "unknown key engine.early_stopping.patiense (did you mean patience?)",
         "write engine.early_stopping.patience"),
        ("data.split.vaildation=0.2", "unknown key data.split.vaildation (did you mean validation?)",
         "write data.split.validation"),
        ("bottleneck.code=3", "unknown key bottleneck.code (did you mean codes?)", "write bottleneck.codes"),
        ("objective.sinkhorn.epsilom=1", "unknown key objective.sinkhorn.epsilom (did you mean epsilon?)",
         "write objective.sinkhorn.epsilon"),
        ("epochs=3", "unknown key epochs (did you mean engine.epochs?)", "write engine.epochs"),
        ("engine.lr=3", "unknown key engine.lr (did you mean optimizer.lr?)", "write optimizer.lr"),
        ("objective.mse.zzz=3", "unknown key objective.mse.zzz", "remove it; objective.mse has weight, per"),
        # kinds
        ("bottleneck.kind=rqq", "bottleneck: there is no kind 'rqq'", "write rq"),
        ("data.kind=zzz", "data: there is no kind 'zzz'", "choose one of"),
        ("data.kind=folder", "data: there is no kind 'folder'", "write images"),
        ("data.path=images", "unknown key data.path", "for your own folder of images add data.kind=images"),
        ("bottleneck.kind=null", "bottleneck needs a kind", "write bottleneck.kind=..."),
        ("objective.lpisp=0.1", "objective: there is no loss term 'lpisp'", "write lpips"),
        ("objective.lpisp=null", "objective: there is no loss term 'lpisp'", "write lpips"),
        ("objective.mse.kind=l1", "objective: the term mse has kind 'l1'", "name the term l1 instead"),
        # types
        ("engine.epochs=many", "engine.epochs: must be a whole number, not 'many'", "correct engine.epochs"),
        ("engine.epochs=2.5", "engine.epochs: must be a whole number, not 2.5", "correct engine.epochs"),
        ("engine.epochs=true", "engine.epochs: must be a whole number, not 'true'", "correct engine.epochs"),
        ("optimizer.eps=true", "optimizer.eps: must be a number, not 'true'", "correct optimizer.eps"),
        ("engine.compile=maybe", "engine.compile: must be true or false, not 'maybe'", "correct engine.compile"),
        ("engine.batch_size=null", "engine.batch_size: must be a whole number, not null", "correct engine.batch_size"),
        ("about=7", "about: must be text, not 7", """put it in quotes, on the command line as 'about="..."'"""),
        ("encoder.widths=32", "encoder.widths: must be a list, for example [32, 64], not 32", "correct encoder.widths"),
        ("engine=5", "engine: must be a mapping of settings, not 5", "correct engine"),
        ("data=5", "data needs a kind", "write data.kind=..."),
        ("objective=5", "objective: 5 is not a mapping of loss terms", "write for example objective.mse=1.0"),
        ("engine.device=tpu", "engine.device: must be 'auto', 'cpu', 'cuda' or 'mps', not 'tpu'", "write cpu"),
        ("engine.device=cudo", "engine.device: must be 'auto', 'cpu', 'cuda' or 'mps', not 'cudo'", "write cuda"),
        # ranges
        ("engine.epochs=0", "engine.epochs: must be 1 or more, not 0", "correct engine.epochs: it must be 1 or more"),
        ("engine.ema_decay=1", "engine.ema_decay: must be less than 1, not 1", "correct engine.ema_decay"),
        ("optimizer.eps=.nan", "optimizer.eps: must be", "correct optimizer.eps"),
        ("optimizer.betas=0.9,1.0", "optimizer.betas: [0.9, 1.0] is out of range", "each is at least 0 and below 1"),
        ("optimizer.lr=-1e-3", "optimizer.lr: it is -0.001", "write values of 0 or more"),
        ("optimizer.lr={kind: linear, start: 1e-3, end: -1, over: 9 steps}", "optimizer.lr: it would go down to -1",
         "write values of 0 or more"),
        ("optimizer.lr=0", "optimizer.lr: it is never more than 0, and nothing would be learned", "write for example 1e-3"),
        ("optimizer.lr=1e9", "optimizer.lr: it would reach 1e+09", "write values up to 10, for example 1e-3"),
        ("objective.commitment=-1", "objective.commitment.weight: it is -1", "write values of 0 or more"),
        ("seed=-1", "seed: must be 0 or more, not -1", "correct seed"),
        ("name=My Run", "name: may only hold lower-case letters, digits, dots and hyphens, not 'My Run'", "correct name"),
        ("data.split.validation=1", "data.split.validation: must be less than 1, not 1", "correct data.split.validation"),
        # sizes, lengths, schedules
        ("data.size=28by28", "data.size: '28by28' is not an image size", "write width x height, for example 128x72"),
        ("data.size=0x28", "data.size: 0x28 is out of range", "write sides of 1 to 8192 pixels"),
        ("optimizer.lr={kind: cosine, start: 1, over: 30}", "optimizer.lr: over: 30 has no unit",
         "write '30 epochs' or '30 steps'"),
        ("optimizer.lr=fast", "optimizer.lr: 'fast' is not a schedule", "write a number, or a mapping with a kind"),
        ("optimizer.lr.start=1e-3", "optimizer.lr: unknown key start", "remove it"),
        # the whole
        ("objective={}", "objective has no loss term", "write at least one, for example objective.mse=1.0"),
        ("engine.epochs=null", "the run has no end", "set one, for example engine.epochs=20"),
        ("engine.monitor=happiness", "engine.monitor is 'happiness', which no validation pass measures", "engine.monitor=loss"),
        ("trackers=mlflow2", "trackers.0.kind: must be 'csv', 'tensorboard' or 'wandb', not 'mlflow2'", "correct"),
    ],
)  # fmt: skip
def test_messages(override: str, what: str, fix: str) -> None:
    error = refused(override)
    assert what in error.what
    assert error.fix.startswith(fix) or fix in error.fix


def test_several_mistakes_are_reported_at_once_and_a_misspelt_section_once(tmp_path: Path) -> None:
    error = refused("engine.epoch=3", "engine.batch_size=0", "seed=x", "engine.threads=0", "engine.compile=7")
    for part in (
        "unknown key engine.epoch",
        "engine.batch_size: must be 1",
        "seed: must be a whole number",
        "engine.threads: must be 1 or more, not 0",
        "engine.compile: must be true or false, not 7",
    ):
        assert part in error.what
    path = tmp_path / "a.yaml"
    path.write_text(BASE.replace("bottleneck:", "botleneck:"))
    misspelt = refused(recipe=str(path))
    assert misspelt.what == f"{path}: unknown key botleneck (did you mean bottleneck?)"


def test_a_missing_section_is_reported_with_what_to_add(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "name: a\ndata: digits\nencoder: ladder\nbottleneck: none\nobjective: {mse: 1}\nengine: {epochs: 1}\n"
    )
    error = refused(recipe=str(path))
    assert error.what == f"{path}: decoder is missing"
    assert error.fix.startswith("add it, for example decoder.kind=ladder")


@pytest.mark.parametrize(
    "override", ["nonsense", "=3", "engine.=3", ".epochs=3", "engine..epochs=3", "engine .epochs=3"]
)
def test_what_is_not_an_override(override: str) -> None:
    with pytest.raises(UserError, match="is not an override"):
        load_spec("rqvae-digits", [override])


def test_an_override_cannot_reach_into_a_list() -> None:
    with pytest.raises(UserError, match=r"encoder\.widths is a list") as caught:
        load_spec("rqvae-digits", ["encoder.widths.0=3"])
    assert caught.value.fix == "give the whole list, encoder.widths=[...]"


def test_an_unknown_recipe_has_a_suggestion() -> None:
    with pytest.raises(UserError, match="there is no recipe 'rqvae-digit'") as caught:
        load_spec("rqvae-digit")
    assert "did you mean rqvae-digits?" in caught.value.fix


def test_files_that_are_not_a_spec(tmp_path: Path) -> None:
    def refusal(path: Path) -> UserError:
        with pytest.raises(UserError) as caught:
            load_spec(str(path))
        assert str(path) in caught.value.what
        assert caught.value.why
        assert caught.value.fix
        return caught.value

    assert refusal(tmp_path / "gone.yaml").what.startswith("there is no file")
    assert refusal(tmp_path).what.endswith("is a folder, not a spec")
    (tmp_path / "spec.yaml").write_text(BASE)
    assert "tilework resume" in refusal(tmp_path).fix
    (tmp_path / "p.yaml").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe")
    assert refusal(tmp_path / "p.yaml").what.endswith("is not a text file")
    (tmp_path / "e.yaml").write_text("")
    assert refusal(tmp_path / "e.yaml").why == "it is empty"
    (tmp_path / "b.yaml").write_text("name: a\nengine: {epochs: 1\n")
    assert "line 3" in refusal(tmp_path / "b.yaml").what
    if os.geteuid() != 0:
        (tmp_path / "r.yaml").write_text(BASE)
        (tmp_path / "r.yaml").chmod(0)
        assert refusal(tmp_path / "r.yaml").what.endswith("cannot be read")


def test_a_spec_that_contains_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("name: a\ndata: &d\n  kind: digits\n  split: *d\n")
    with pytest.raises(UserError, match="contains itself"):
        load_spec(str(path))


def test_a_file_from_windows_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + BASE.replace("\n", "\r\n").encode())
    assert dump_yaml(load_spec(str(path))) == dump_yaml(load_spec("rqvae-digits"))


def test_listing_kinds_and_recipes_imports_neither_torch_nor_a_plugin() -> None:
    code = (
        "import sys\n"
        "from tilework.spec import recipe_names, recipe_text\n"
        "names = recipe_names(); recipe_text(names[0])\n"
        "assert 'pydantic' not in sys.modules, 'listing recipes must not wait for pydantic'\n"
        "import tilework.spec.model\n"
        "from tilework.spec.plugins import REGISTRIES\n"
        "kinds = [k for r in REGISTRIES for k in r.kinds]\n"
        "assert len(kinds) > 10, kinds\n"
        "heavy = {'torch', 'accelerate', 'sklearn', 'PIL', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "late = [m for m in sys.modules if m.startswith(('tilework.nets', 'tilework.bottlenecks', 'tilework.objective'))]\n"
        "assert not late, late\n"
    )
    done = children.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_several_sections_are_reported_at_once_as_values() -> None:
    error = refused(
        "bottleneck.codes=0", "encoder.kernel=5", "objective.mse=-1", "engine.epochs=0", "optimizer.kind=adm"
    )
    assert isinstance(error, WrongSpec)
    assert {(one.field, one.fault) for one in error.problems} == {
        ("bottleneck.codes", Fault.NOT_TAKEN),
        ("encoder.kernel", Fault.NOT_TAKEN),
        ("objective.mse.weight", Fault.REFUSED),
        ("engine.epochs", Fault.NOT_TAKEN),
        ("optimizer.kind", Fault.NOT_TAKEN),
    }
    (kind,) = (one for one in error.problems if one.field == "optimizer.kind")
    assert kind.values["near"] == "adam"
    assert error.what.count("; ") == 4
    assert not any(one.fault is Fault.MISSING for one in error.problems), "a section that is wrong is not missing"


def test_a_refusal_by_a_whole_spec_names_its_setting() -> None:
    error = refused("engine.monitor=nothing")
    assert error.field == "engine.monitor"
    assert error.fix == "write engine.monitor=loss"


def test_beside_a_setting_neither_its_name_nor_what_is_wrong_is_shown_twice() -> None:
    error = refused("bottleneck.codes=0", "engine.epochs=0", "optimizer.kind=adm", "encoder.strid=2")
    assert isinstance(error, WrongSpec)
    texts = {one.field: (beside(one), remedy(one)) for one in error.problems}
    assert texts["engine.epochs"] == ("must be 1 or more, not 0", "")
    assert texts["optimizer.kind"][0].startswith("must be ")
    assert texts["optimizer.kind"][1] == "write adam"
    assert texts["encoder.strid"][0].startswith("unknown key encoder.strid")
    assert texts["encoder.strid"][1]
    for one in error.problems:
        assert one.field not in texts[one.field][0].removeprefix(f"unknown key {one.field}")
        assert what(one).endswith(texts[one.field][0])
        assert fix(one), one
