"""The table of metrics: everything that is logged is in it, and a run of any task is shown by it."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from commands import SMALL, Outcome
from rich.console import Console

from tilework.cli.display import Display
from tilework.engine.progress import Plan, Tick
from tilework.metrics import (
    AUTOENCODER,
    BASE,
    TRAINING,
    VALIDATION,
    Better,
    Group,
    Measured,
    Metric,
    Metrics,
    Part,
    Reduction,
    base_of,
)
from tilework.objective import TermConfig
from tilework.report import report
from tilework.report.panels import health_panels, learning_panels, setting_panels
from tilework.runs.folder import RunFolder
from tilework.runs.status import run_info
from tilework.runs.store import RunStore
from tilework.spec import load_spec
from tilework.spec.plugins import TERMS
from tilework.studio.cards import run_card
from tilework.studio.store_feed import StoreFeed

Command = Callable[..., Outcome]

RUNS = {
    "rqvae-digits": (),
    "vae-digits": (),
    "fsq": ("bottleneck={kind: fsq, levels: [5, 4]}", "objective={mse: 1.0, commitment: 0.25}"),
    "lfq": ("bottleneck={kind: lfq, dim: 6}", "objective={mse: 1.0, l1: 0.5, commitment: 0.25, entropy: 0.1}"),
}
"""Small runs that between them log whatever a run can: recipes, and overrides of rqvae-digits."""


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    from tilework.engine.api import train

    root = tmp_path_factory.mktemp("logged")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TILEWORK_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        patch.setenv("TILEWORK_RUNS", str(root))
        return {
            name: RunFolder.open(
                Path(str(train(name if name in RUNS and not more else "rqvae-digits", *SMALL, *more).path))
            )
            for name, more in RUNS.items()
        }


def series(run: RunFolder) -> set[tuple[str, str]]:
    with RunStore.open(run.db) as store:
        return set(store.series())


@pytest.mark.parametrize("name", RUNS)
def test_every_metric_that_a_run_logs_is_in_the_table(name: str, logged: dict[str, RunFolder]) -> None:
    found = series(logged[name])
    assert {split for _, split in found} == {TRAINING, VALIDATION}
    for metric, split in found:
        assert metric in AUTOENCODER, f"{metric} ({split}) needs an entry in tilework/metrics.py"
        entry = AUTOENCODER[metric]
        assert entry.label
        assert isinstance(entry.group, Group)
        assert isinstance(entry.reduction, Reduction)
        assert (entry.part is None) <= ("." not in metric), f"{metric} has a part, and its entry does not name it"
        wrong = {Measured.TRAINING: VALIDATION, Measured.VALIDATION: TRAINING}.get(entry.measured)
        assert split != wrong, f"{metric} is measured in {entry.measured} alone, and there is a row of {split}"


def test_every_loss_term_has_an_entry() -> None:
    for kind in TERMS.kinds:
        own = cast(type[TermConfig], TERMS.config(kind)).metric
        assert kind in AUTOENCODER or own is not None, (
            f"the loss term {kind} needs a `metric`, or one in tilework/metrics.py"
        )
        assert own is None or (own.name == kind and own.term)
        assert own is not None or AUTOENCODER[kind].term or kind == "mse"  # which every validation pass measures


def test_no_label_occurs_for_training_and_for_validation(logged: dict[str, RunFolder]) -> None:
    names = {name for run in logged.values() for name, _ in series(run)} | {metric.name for metric in AUTOENCODER}
    of = {split: {AUTOENCODER.label(name, split) for name in names} for split in (TRAINING, VALIDATION)}
    assert len(of[TRAINING]) == len(of[VALIDATION]) == len(names), "two metrics have the same label"
    assert not of[TRAINING] & of[VALIDATION]
    for name in ("perplexity.1", "used.1"):
        assert AUTOENCODER.label(name, TRAINING).endswith("last 100 steps")


@pytest.mark.parametrize("name", RUNS)
def test_no_line_of_a_report_is_called_as_another_one(name: str, logged: dict[str, RunFolder]) -> None:
    with RunStore.open(logged[name].db) as store:
        panels = [p for of in (learning_panels, health_panels, setting_panels) for p in of(store, AUTOENCODER)]
    lines = [(panel.title, curve.label) for panel in panels for curve in panel.curves]
    assert len(set(lines)) == len(lines)
    for panel in panels:
        trained = {curve.label for curve in panel.curves if not curve.held_out}
        assert not trained & {curve.label for curve in panel.curves if curve.held_out}
    if name == "rqvae-digits":
        assert ("perplexity", "level 2, last 100 steps") in lines
        assert ("perplexity", "level 2, validation") in lines
        titles = [panel.title for panel in panels]
        assert titles[:3] == ["loss", "PSNR", "MSE"]


# The table itself ------------------------------------------------------------------------------------------------------

TOKENS = Metrics(
    [
        Metric("nll", "NLL", Group.QUALITY, unit="nats/token", better=Better.LOWER, decimals=4, headline=1, help="per token"),
        Metric("accuracy", "accuracy", Group.QUALITY, better=Better.HIGHER, decimals=3, headline=2),
        Metric("attention", "attention entropy", Group.LATENT, part=Part.LEVEL, window="last 20 steps"),
    ]
)  # fmt: skip


def test_a_table_is_read_as_it_was_written() -> None:
    meta = json.loads(json.dumps({"metrics": TOKENS.as_list()}))
    assert list(Metrics.read(meta)) == list(TOKENS)
    assert Metrics.read({}) is AUTOENCODER
    assert [metric.name for metric in TOKENS][: len(BASE)] == [metric.name for metric in BASE]


def test_an_entry_of_another_version_is_read_as_far_as_it_is_known() -> None:
    odd = [{"name": "nll", "label": 3, "group": "odd", "better": "sideways", "decimals": -1, "colour": "red"}, "x", {}]
    found = Metrics.read({"metrics": odd})["nll"]
    assert found == Metric("nll", "nll", Group.LOSS)
    assert found.text(1.23456) == "1.235"


def test_an_unknown_metric_is_called_by_its_own_name() -> None:
    assert "odd_one" not in AUTOENCODER
    assert AUTOENCODER["odd_one.2"] == Metric("odd_one", "odd one", Group.LOSS)
    assert AUTOENCODER.label("odd_one.2", VALIDATION) == "validation odd one, 2"


@pytest.mark.parametrize(
    ("name", "split", "label"),
    [
        ("perplexity.2", TRAINING, "perplexity, level 2, last 100 steps"),
        ("perplexity.2", VALIDATION, "validation perplexity, level 2"),
        ("weight.mse", TRAINING, "loss weight of mse"),
        ("kl.5", VALIDATION, "validation KL, dimension 5"),
        ("idle.1", TRAINING, "longest idle code, codebook 1"),
        ("mse", "", "MSE"),
    ],
)
def test_labels(name: str, split: str, label: str) -> None:
    assert AUTOENCODER.label(name, split) == label


def test_what_a_run_may_be_judged_by_and_in_which_direction() -> None:
    terms = ("mse", "commitment", "my_own")
    for name in ("loss", "mse", "psnr", "commitment", "my_own", "active_units", "used.1", "perplexity.12", "kl.3"):
        assert AUTOENCODER.judges(name, terms), name
    for name in (
        "l1",
        "lr",
        "weight.mse",
        "tokens",
        "codes",
        "used",
        "used.0",
        "used.x",
        "idle.1",
        "revived.1",
        "happy",
    ):
        assert not AUTOENCODER.judges(name, terms), name
    assert {name for name in ("psnr", "used.1", "perplexity.2", "mse", "loss", "my_own", "active_units")
            if AUTOENCODER.better(name) is Better.HIGHER} == {"psnr", "used.1", "perplexity.2"}  # fmt: skip


def test_what_stands_for_a_run() -> None:
    def names(metrics: Metrics, *measured: str) -> list[str]:
        return [metric.name for metric in metrics.headlines(measured)]

    assert names(AUTOENCODER, "loss", "psnr", "mse", "perplexity.1", "used.1") == ["mse", "psnr", "perplexity"]
    assert names(AUTOENCODER, "loss", "kl") == ["loss"]
    assert names(TOKENS, "accuracy", "nll", "loss") == ["nll", "accuracy"]
    assert [table.lead(names) for table, names in ((AUTOENCODER, ["mse", "psnr"]), (TOKENS, []))] == [
        AUTOENCODER["psnr"],
        None,
    ]


# A run of a task that nobody here knows -------------------------------------------------------------------------------


@pytest.fixture
def tokens_run(tmp_path: Path) -> RunFolder:
    run = RunFolder.create(tmp_path / "runs", "next-token", "name: next-token\ntask: tokens\n")
    with RunStore.create(run.db) as store:
        store.set_meta("status", "finished")
        store.set_meta("metrics", TOKENS.as_list())
        for step in range(1, 40):
            store.log(
                step,
                step / 10,
                {"loss": 4 / step, "attention.1": 2.0 / step, "attention.2": 1.0, "lr": 1e-3, "odd_one": 1 / step},
            )
            store.log(
                step,
                step / 10,
                {"loss": 5 / step, "nll": 5 / step, "accuracy": step / 50, "attention.1": 1.0},
                VALIDATION,
            )
    return run


def test_it_is_listed_and_shown(tokens_run: RunFolder, tilework: Command) -> None:
    listed, shown = tilework("runs").out, tilework("show", tokens_run.id).out
    assert listed.split("next-token")[0].split()[-4:] == ["step", "NLL", "accuracy", "written"]
    assert "0.1282 nats/token" in listed
    assert "0.780" in listed
    for word in ("validation", "NLL", "0.1282 nats/token", "per token", "accuracy", "0.780"):
        assert word in shown, word
    assert "MSE" not in listed + shown


def test_it_has_a_report(tokens_run: RunFolder, tilework: Command) -> None:
    page = re.sub('"data:[^"]*"', "", report(tokens_run).read_text())
    assert "validation NLL" in page
    assert "nats/token" in page
    assert "accuracy 0.780" in page
    for word in ("MSE", "PSNR", "codes in use"):
        assert word not in page
    with RunStore.open(tokens_run.db) as store:
        metrics = run_info(tokens_run.path).metrics
        assert [panel.title for panel in learning_panels(store, metrics)] == ["loss", "NLL", "accuracy", "odd one"]
        (attention,) = health_panels(store, metrics)
        labels = {curve.label for curve in attention.curves}
    assert labels == {"level 1, last 20 steps", "level 2, last 20 steps", "level 1, validation"}


def test_its_card_and_its_table_reach_the_page(tokens_run: RunFolder) -> None:
    card = run_card(tokens_run)
    assert card["problem"] is None
    assert [(one["label"], one["unit"], one["values"]) for one in card["headlines"]] == [
        ("NLL", "nats/token", [pytest.approx(5 / 39)]),
        ("accuracy", "", [0.78]),
    ]
    journal = StoreFeed(tokens_run)
    try:
        everything = journal.whole()[0]
    finally:
        journal.close()
    assert everything["metrics"] == TOKENS.as_list()


def test_it_is_followed_in_the_terminal() -> None:
    out = io.StringIO()
    display = Display(Console(file=out, width=200, force_terminal=True))
    plan = Plan(RunFolder(Path("runs/a")), load_spec("vae-digits"), 9, 1, 10, 1, {}, 42, "cpu", "float32", 1, 0, TOKENS)
    display.started(plan)
    display.ticked(Tick(5, 0.5, 1.0, {"nll": 2.5, "weight.nll": 1.0}))  # a task may call its loss as it likes
    display.validated(5, {"nll": 2.25, "accuracy": 0.5})
    display.console.print(display._render())
    for word in ("2.5000", "validation", "NLL", "2.2500 nats/token", "accuracy", "0.500"):
        assert word in out.getvalue(), word


def test_a_run_that_has_none_of_the_metrics_that_stand_for_one(tmp_path: Path, tilework: Command) -> None:
    run = RunFolder.create(tmp_path / "runs", "bare", "name: bare\n")
    with RunStore.create(run.db) as store:
        store.log(1, 0.1, {"entropy": 1.0}, VALIDATION)
    for command in (("runs",), ("show", run.id), ("report", run.id)):
        done = tilework(*command)
        assert done.code == 0, done.err
    assert run_card(run)["headlines"] == []


def test_entries_are_plain_data() -> None:
    for metric in AUTOENCODER:
        assert base_of(metric.name) == metric.name
        assert dataclasses.asdict(metric) == metric.as_dict()
        assert metric.most in {"", *(other.name for other in AUTOENCODER)}
