"""The commands that only look: quick, readable on any terminal and in any pipe, and what they are given is shown as it is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import children
import pytest
from commands import SMALL, Outcome
from warm import shell_folder

from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore
from tilework.spec import recipe_names
from tilework.spec.load import read_yaml, recipe_text

Command = Callable[..., Outcome]
HEAVY = ("torch", "accelerate", "sklearn", "matplotlib", "tilework.engine", "scipy")


def shell(text: str, warm: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    """A line typed into bash, with `tilework` on the path."""
    where = shell_folder(Path(os.environ["TILEWORK_RUNS"]).parent) if warm else Path(sys.executable).parent
    path = f"{where}{os.pathsep}{os.environ['PATH']}"
    return children.run(
        ["bash", "-c", text],
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    "arguments", ["--help", "--version", "runs", "recipes", "recipes show naruto", "train --help", "resume no-such-run"]
)
def test_what_only_looks_does_not_load_torch(arguments: str) -> None:
    done = children.run(
        [sys.executable, "-X", "importtime", "-m", "tilework", *arguments.split()], capture_output=True, text=True
    )
    timed = re.findall(r"import time:\s+(\d+) \|\s+(\d+) \|(\s+)(\S+)", done.stderr)
    sys.stdout.write(f"tilework {arguments}: {sum(int(own) for own, *_ in timed) / 1e6:.2f} s of imports\n")
    imported = {name for *_, name in timed}
    assert {"tilework.cli", "typer"} <= imported
    assert not {name for name in imported if name.split(".")[0] in HEAVY or name in HEAVY}


def test_version_also_as_a_module() -> None:
    for command in ("tilework --version", f"{sys.executable} -m tilework --version"):
        done = shell(command, warm=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == f"tilework {metadata.version('tilework')}"


def test_help_names_every_command_and_no_command_shows_help(tilework: Command) -> None:
    for arguments in (["--help"], ["-h"], []):
        done = tilework(*arguments)
        for command in ("demo", "train", "resume", "runs", "show", "report", "recipes"):
            assert re.search(rf"\b{command}\b", done.out + done.err), (arguments, command)


def test_recipes_has_a_line_for_each_with_what_it_needs_the_ready_ones_first(tilework: Command) -> None:
    listed = tilework("recipes")
    assert listed.code == 0
    found = []
    for name in recipe_names():
        recipe = read_yaml(recipe_text(name), name)
        line = rf"^{re.escape(name)}\s\s+(\S.*\S)\s\s+{re.escape(recipe['about'])}\s*$"
        match = re.search(line, listed.out, re.MULTILINE)
        assert match, name
        kind, needs = recipe["data"]["kind"], match[1].split(" + ")
        wanted = {"digits": "ready", "loops": "ready", "mnist": "downloads", "tokens": "a trained run"}
        assert needs[0] == wanted.get(kind, "your images"), name
        assert needs[1:] == ["LPIPS weights"] * ("lpips" in recipe.get("objective", ())), name
        found.append((match.start(), needs[0]))
    assert list(dict.fromkeys(needs for _, needs in sorted(found))) == [
        "ready",
        "downloads",
        "your images",
        "a trained run",
    ]


def test_recipes_show_prints_the_file(tilework: Command) -> None:
    for name in recipe_names():
        assert tilework("recipes", "show", name).out == recipe_text(name)


# Runs -----------------------------------------------------------------------------------------------------------------


def made_run(name: str, **figures: float) -> RunFolder:
    """A run folder with a store, without training."""
    run = RunFolder.create(Path(os.environ["TILEWORK_RUNS"]), name, recipe_text("rqvae-digits"))
    with RunStore.create(run.db) as store:
        store.set_meta("status", "finished")
        store.set_meta("total_steps", 1200)
        if figures:
            store.log(1200, 3.0, figures, "val")
    return run


FIGURES = {"mse": 0.01234, "psnr": 19.09, "codes": 16.0, "perplexity.1": 12.3, "perplexity.2": 8.8}


def test_runs_of_an_empty_place(tilework: Command) -> None:
    listed = tilework("runs")
    assert listed.code == 0
    assert "No runs in" in listed.out
    assert "tilework demo" in listed.out


def test_runs_one_and_many_the_newest_first(tilework: Command) -> None:
    runs = []
    for number, name in enumerate(["vae-digits", "rqvae-digits", "p5-loops"]):
        runs.append(made_run(name, **(FIGURES if number else {})))
        for file in (runs[-1].db, runs[-1].info_file):
            os.utime(file, (1_700_000_000 + number, 1_700_000_000 + number))
        listed = tilework("runs")
        assert listed.code == 0
        _, _, below = listed.out.partition("written\n")
        assert [line.split()[0] for line in below.splitlines()] == [run.id for run in reversed(runs)]
    assert listed.out.split("written")[0].split() == [
        "validation",
        "validation",
        "validation",
        "run",
        "state",
        "step",
        "MSE",
        "PSNR",
        "perplexity",
    ]
    assert "0.01234" in listed.out
    assert "19.09 dB" in listed.out
    assert "12.3 + 8.8 of 16" in listed.out
    assert "1,200/1,200" in listed.out


def test_broken_runs_are_listed_with_the_reason_and_hide_no_other(tilework: Command) -> None:
    whole = made_run("whole", **FIGURES)
    damaged, newer, no_store = made_run("damaged"), made_run("newer"), made_run("no-store")
    damaged.db.write_bytes(b"not a database, whatever it is called" * 100)
    newer.info_file.write_text(json.dumps({"format": 99, "tilework": "9.9"}))
    no_store.db.unlink()
    listed = tilework("runs")
    assert listed.code == 0
    assert "Traceback" not in listed.err
    for run in (whole, damaged, newer, no_store):
        assert run.id in listed.out
    assert "format 99" in listed.out
    assert "0.01234" in listed.out
    for run in (damaged, newer):
        shown = tilework("show", run.id)
        assert "Traceback" not in shown.err
        assert shown.code in {0, 2}
    assert tilework("show", no_store.id).code == 0


def test_show_prints_metrics_events_files_and_what_differs(tilework: Command, small_run: RunFolder) -> None:
    shown = tilework("show", "last")
    assert shown.code == 0
    for word in (small_run.id, "finished", "mean over pixels in [0, 1]", " dB", "codes placed among", "step-00000006",
                 "contact-sheet.png", "latent.png", str(small_run.path)):  # fmt: skip
        assert word in shown.out, word
    assert "report.html" not in shown.out
    assert tilework("report", "last").code == 0
    assert "report.html" in tilework("show", "last").out
    differing = shown.out.partition("differs from recipe rqvae-digits in:")[2].split()
    assert {word for word in differing if "=" in word} == set(SMALL)
    assert "kind: rq" not in shown.out


def test_show_spec_is_the_file_itself(tilework: Command, small_run: RunFolder) -> None:
    assert tilework("show", "last", "--spec").out == small_run.spec_file.read_text()


def test_show_knows_the_best_weights_and_how_old_the_figures_are(tilework: Command) -> None:
    run = made_run("rqvae-digits")
    with RunStore.open(run.db, readonly=False) as store:
        store.log(400, 1.0, {**FIGURES, "loss": 0.125}, "val")
        store.log(800, 2.0, {**FIGURES, "loss": 0.5}, "val")
        store.log(850, 2.1, {"loss": 0.5})
    for which, name, step in (("last", "step-00000850", 850), ("best", "best-00000400", 400)):
        (run.checkpoints / name).mkdir()
        (run.checkpoints / name / "model.json").write_text(json.dumps({"step": step}))
        (run.checkpoints / f"{which}.json").write_text(json.dumps({"folder": name}))
    shown = tilework("show", run.id).out
    assert "as of step 800" in shown
    assert "best so far: validation loss 0.125 at step 400; tilework.load uses those weights" in shown
    run.spec_file.write_text(run.spec_file.read_text() + "task: prior\n")
    assert "at step 400; tilework dream uses those weights" in tilework("show", run.id).out
    run.spec_file.write_text(run.spec_file.read_text().replace("task: prior", "task: other"))
    assert "uses those weights" not in tilework("show", run.id).out
    assert re.search(r"last weights .*step-00000850 +\(step 850\)", shown)
    assert re.search(r"best weights .*best-00000400 +\(step 400, validation loss 0.125\)", shown)


def test_the_end_of_a_run_shows_how_to_go_on(tilework: Command) -> None:
    done = tilework("train", "rqvae-digits", *SMALL)
    assert "finished after 6 steps" in done.out
    assert "less than one epoch was trained (6 of " in done.out
    run = RunFolder.find("last")
    for line in (
        f"next           tilework report {run.id}",
        f"to go on       tilework resume {run.id} engine.steps=12",
    ):
        assert line in done.out.splitlines()
    again = tilework("resume", "last")
    assert again.code == 0
    assert f"already finished at step 6; to go on: tilework resume {run.id} engine.steps=12" in again.out
    assert "finished after" not in again.out
    longer = tilework("resume", "last", "engine.steps=12")
    assert "resumed at step 6" in longer.out
    assert "finished after 12 steps" in longer.out


def collapsed(run: RunFolder) -> None:
    """Write into the store of a run what its doctor would."""
    from doctor_examples import collapse

    from tilework.doctor.finding import Severity
    from tilework.doctor.kept import keep

    with RunStore.open(run.db, readonly=False) as store:
        keep(store, 6, "found", collapse(step=4, severity=Severity.ERROR))


def test_runs_marks_those_with_an_error_or_a_warning(tilework: Command) -> None:
    whole, faulty = made_run("whole", **FIGURES), made_run("faulty", **FIGURES)
    assert "finding" not in tilework("runs").out
    collapsed(faulty)
    lines = {line.split()[0]: line for line in tilework("runs").out.splitlines() if line.strip()}
    assert "error codebook-collapse" in lines[faulty.id]
    assert "error" not in lines[whole.id]
    narrow = shell("tilework runs", COLUMNS="40").stdout
    assert "error codebook-collapse" in narrow
    assert max(map(len, narrow.splitlines())) <= 40


def test_the_end_of_a_run_shows_what_is_wrong_and_how_it_is_fixed(
    tilework: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from doctor_examples import Scripted, only

    from tilework.doctor.finding import Fix, Severity

    fix = Fix({"optimizer.lr": 1e-4})
    only(monkeypatch, grey=Scripted({0: 1.0}, fix), blur=Scripted({0: 1.0}, severity=Severity.WARNING))
    done = tilework("train", "rqvae-digits", *SMALL)
    assert done.code == 0, done.err
    run = RunFolder.find("last")
    at = done.out.splitlines().index("error    scripted 1")
    assert done.out.splitlines()[at : at + 3] == [
        "error    scripted 1",
        f"fix      tilework train --from {run.id} --apply grey   (optimizer.lr=0.0001)",
        f"         1 more, evidence and causes: tilework doctor {run.id}",
    ]
    shown = tilework("show", run.id).out
    for words in ("error    scripted 1", "warning  scripted 1", f"--from {run.id} --apply grey"):
        assert words in shown, words
    off = tilework("train", "rqvae-digits", *SMALL, "engine.doctor=false")
    assert "scripted" not in off.out


def test_report_writes_a_page(tilework: Command, small_run: RunFolder, tmp_path: Path) -> None:
    done = tilework("report", small_run.id)
    assert done.code == 0
    page = Path(done.out.strip())
    assert page.suffix == ".html"
    assert small_run.id in page.read_text()
    elsewhere = tilework("report", small_run.id, "--out", tmp_path / "page [1]")
    assert elsewhere.code == 0
    assert Path(elsewhere.out.strip()).is_file()


# Terminals and pipes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", ["40", "80", "200"])
@pytest.mark.parametrize("command", ["runs", "show last", "recipes", "--help"])
def test_every_width(command: str, columns: str) -> None:
    """Names stay whole: a run's name that is cut cannot be typed."""
    run = made_run("gamefactory-v2.1.6", **FIGURES)
    odd = made_run("odd")
    odd.info_file.write_text(json.dumps({"format": 99}))
    os.utime(odd.info_file, (1_700_000_000, 1_700_000_000))
    os.utime(odd.db, (1_700_000_000, 1_700_000_000))
    done = shell(f"tilework {command}", COLUMNS=columns)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():  # a path or a setting that is wrapped could not be copied
        assert len(line) <= int(columns) or (command == "show last" and ("/" in line or "=" in line)), line
    if command == "runs":
        assert run.id in done.stdout
        assert odd.id in done.stdout
        assert "finished" in done.stdout
        assert "unreadable" in done.stdout
        assert "…" not in done.stdout


@pytest.mark.parametrize("columns", ["20", "60", "80", "120", None])
def test_runs_never_cut_a_name_a_state_or_a_number(columns: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns that do not fit are left out whole; a pipe (no width given) has them all."""
    run = made_run("gamefactory-v2.1.6", **FIGURES)
    monkeypatch.delenv("COLUMNS", raising=False)
    done = shell("tilework runs", **({"COLUMNS": columns} if columns else {}))
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    assert {run.id, "finished"} <= set(words)
    for part, whole in (("1,200", "1,200/1,200"), ("0.0", "0.01234"), ("19.", "19.09 dB"), ("12.", "12.3 + 8.8 of 16")):
        assert (part in done.stdout) == (whole in done.stdout), whole
    if columns in {"120", None}:
        for whole in ("1,200/1,200", "0.01234", "19.09 dB", "12.3 + 8.8 of 16", "written"):
            assert whole in done.stdout


@pytest.mark.parametrize("command", ["recipes", "recipes show naruto", "runs", "show last", "--help"])
def test_a_reader_that_leaves_early_is_no_error(command: str) -> None:
    made_run("piped", **FIGURES)
    for reader in ("head -n 1", "true"):
        done = shell(f"tilework {command} | {reader}")
        assert done.returncode == 0
        assert done.stderr == "", command


def test_no_colours_in_a_pipe() -> None:
    made_run("piped", **FIGURES)
    for command in ("runs", "show last", "recipes", "train no-such-recipe"):
        done = shell(f"tilework {command}")
        assert "\x1b" not in done.stdout + done.stderr, command


ODD = "odd [red]place [link=x] [bold"


def test_brackets_in_names_are_shown_as_they_are(
    tilework: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Square brackets are styles to the library that draws: `[red]` must not vanish from a path."""
    runs = tmp_path / ODD
    monkeypatch.setenv("TILEWORK_RUNS", str(runs))
    assert ODD in tilework("runs").out
    done = tilework("train", "rqvae-digits", *SMALL, "--runs", runs)
    assert done.code == 0, done.err
    assert ODD in done.out
    run = RunFolder.find("last")
    assert ODD in tilework("show", "last").out.replace("\n", "")
    run.path.rename(runs / "[bold]x[link]")
    for command in ("runs", "show last"):
        listed = tilework(*command.split())
        assert listed.code == 0
        assert "[bold]x[link]" in listed.out
    (runs / "[bold]x[link]" / "run.json").write_text('{"format": "[/red]9"}')
    assert "[/red]9" in tilework("runs").out


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", ODD),
        ("train", "rqvae-digits", f"bottleneck.codes={ODD}"),
        ("train", "rqvae-digits", f"{ODD.replace('=', '-')}=3"),
        ("train", f"{ODD}.yaml"),
        ("resume", ODD),
        ("show", ODD),
        ("recipes", "show", ODD),
        ("train", "rqvae-digits", "data.kind=images", f"data.path={ODD}"),
    ],
)
def test_brackets_in_errors_are_shown_as_they_are(tilework: Command, arguments: tuple[str, ...]) -> None:
    refused = tilework(*arguments)
    assert refused.code == 2
    assert "Traceback" not in refused.err
    assert ODD in refused.err.replace("link-x", "link=x")


def test_a_note_with_brackets_is_shown_as_it_is(tilework: Command, tmp_path: Path) -> None:
    """An image that cannot be read is named in a note."""
    import numpy as np
    from PIL import Image

    images = tmp_path / "images"
    images.mkdir()
    for number in range(12):
        Image.fromarray(np.full((28, 28), 20 * number, np.uint8)).save(images / f"{number}.png")
    (images / "[red]zero[link=].png").write_bytes(b"")
    folder = ("data.kind=images", f"data.path={images}", "engine.batch_size=2", "bottleneck.codes=2")
    done = tilework("train", "rqvae-digits", *SMALL, *folder)
    assert done.code == 0, done.err
    assert "[red]zero[link=].png" in done.out + done.err


def test_what_is_printed_next_can_be_typed(tilework: Command, tmp_path: Path) -> None:
    """From any folder of runs, whatever its name: the command is quoted, and never broken over two lines."""
    runs = tmp_path / "it's a [place]" / ("long " * 20).strip()
    done = shell(f'tilework train rqvae-digits {" ".join(SMALL)} engine.stop_after_minutes=1e-9 --runs "{runs}"')
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("next")]
    again = shell(f"{line.removeprefix('next')} engine.stop_after_minutes=null")
    assert again.returncode == 0, again.stderr
    (line,) = [line for line in again.stdout.splitlines() if line.startswith("next")]
    report = shell(line.removeprefix("next"))
    assert report.returncode == 0, report.stderr
    assert Path(report.stdout.strip()).is_file()
