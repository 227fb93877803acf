"""`tilework explain`: what a word means, where it is written to, and what is printed where it cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Outcome

from tilework.errors import UserError
from tilework.explain.named import Meaning, named
from tilework.runs.folder import RunFolder
from tilework.spec.load import recipe_text

Tilework = Callable[..., Outcome]


def run_called(folder: Path, name: str) -> RunFolder:
    """A run folder with this name."""
    made = RunFolder.create(folder, "x", recipe_text("rqvae-digits"))
    return RunFolder.open(made.path.rename(folder / name))


def test_a_recipe_to_a_pipe_is_markdown(tilework: Tilework) -> None:
    done = tilework("explain", "naruto")
    assert done.code == 0, done.err
    assert done.out.startswith("# naruto\n")
    assert "| `stage1_conv` |" in done.out


def test_overrides(tilework: Tilework) -> None:
    done = tilework("explain", "naruto", "bottleneck.codes=64", "data.size=64x64")
    assert done.code == 0, done.err
    assert "from 0 to 63" in done.out


def test_a_page_and_a_text(tilework: Tilework, tmp_path: Path) -> None:
    assert tilework("explain", "vq-mnist", "--out", tmp_path / "deep" / "page.html").code == 0
    page = (tmp_path / "deep" / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", ""), "it fetches nothing"
    assert tilework("explain", "vq-mnist", "--out", tmp_path / "text.md").code == 0
    assert (tmp_path / "text.md").read_text(encoding="utf-8").startswith("# vq-mnist\n")
    assert tilework("explain", "vq-mnist", "--out", tmp_path / "values.json").code == 0
    assert json.loads((tmp_path / "values.json").read_text(encoding="utf-8"))["values"]["latent"]["bits"] == 343
    assert tilework("explain", "perplexity", "--out", tmp_path / "term.html").code == 0
    assert "Perplexity" in (tmp_path / "term.html").read_text(encoding="utf-8")


def test_a_yaml_file_and_the_spec_of_a_run(tilework: Tilework, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(recipe_text("vq-mnist").replace("name: vq-mnist", "name: mine"))
    done = tilework("explain", tmp_path / "mine.yaml", "bottleneck.codes=32")
    assert done.out.startswith("# mine\n")
    run = run_called(tmp_path, "some-run")
    assert tilework("explain", run.spec_file, "bottleneck.codes=8").code == 0


def test_a_run_by_every_name(tilework: Tilework, tmp_path: Path) -> None:
    run_called(tmp_path / "runs", "rqvae-digits-quiet-fox")
    for word in (
        "rqvae-digits-quiet-fox",
        "last",
        "quiet-fox",
        "rqvae-digits-q",
        tmp_path / "runs" / "rqvae-digits-quiet-fox",
    ):
        done = tilework("explain", word)
        assert done.code == 0, done.err
        assert done.out.startswith("# rqvae-digits-quiet-fox\n"), word


def test_terms(tilework: Tilework) -> None:
    for words in (("perplexity",), ("active", "units"), ("active_units",), ("KL", "divergence"), ("N/K",)):
        done = tilework("explain", *words)
        assert done.code == 0, done.err
        assert "Related:" in done.out
    assert "arXiv 1711.00937, equation 3" in tilework("explain", "commitment").out
    listed = tilework("explain", "--terms").out
    assert "straight-through" in listed
    assert len(listed.splitlines()) > 60


def test_the_order_of_meanings(tmp_path: Path) -> None:
    run_called(tmp_path, "naruto")
    run_called(tmp_path, "perplexity")
    run_called(tmp_path, "token-quiet-fox")
    recipe = named("naruto", tmp_path)
    assert (recipe.meaning, recipe.also) == (Meaning.RECIPE, (Meaning.RUN,))
    run = named("perplexity", tmp_path)
    assert (run.meaning, run.also) == (Meaning.RUN, (Meaning.TERM,))
    # The whole name of a term goes before the beginning of a run's name.
    assert named("token", tmp_path).meaning is Meaning.TERM
    assert named("token-q", tmp_path).meaning is Meaning.RUN
    assert named(str(tmp_path / "naruto"), tmp_path).meaning is Meaning.RUN
    assert named("mine.yaml", tmp_path).meaning is Meaning.RECIPE
    assert named("perplexity", tmp_path, Meaning.TERM).meaning is Meaning.TERM


def test_the_other_meanings_are_listed_and_can_be_had(tilework: Tilework, tmp_path: Path) -> None:
    run_called(tmp_path / "runs", "perplexity")
    done = tilework("explain", "perplexity")
    assert done.out.startswith("# perplexity\n")
    assert "tilework explain perplexity --as term" in done.err
    assert tilework("explain", "perplexity", "--as", "term").out.startswith("# Perplexity\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "`tilework explain` needs a recipe, a run or a term"),
        (("narutto",), "the nearest names are naruto"),
        (("perplexty",), "tilework explain perplexity"),
        (("zzzzzzzz",), "there is no recipe, run or term 'zzzzzzzz'"),
        (("last",), "holds no runs"),
        (("naruto", "--out", "x.pdf"), "--out x.html"),
        (("naruto", "--as", "thing"), "none of recipe, run and term"),
        (("naruto", "--as", "term"), "no term 'naruto'"),
        (("naruto", "bottleneck.cods=3"), "did you mean codes"),
        (("naruto", "--codes", "3"), "explain has no option --codes"),
        (("perplexity", "bottleneck.codes=3"), "a term has no settings"),
        (("naruto", "data.size=4x4"), "give encoder.widths at most 1"),
        (("naruto", "encoder.projection=none"), "set encoder.projection=1"),
        (("gpt-prior", "parent=vae-digits"), "has no codes"),
        (("gpt-prior", "parent=gpt-prior"), "is a recipe of the task prior"),
        (("gpt-prior", "parent=nowhere"), "the parent nowhere is not there"),
        (("nothere.yaml",), "there is no file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be(tilework: Tilework, words: tuple[str, ...], message: str) -> None:
    done = tilework("explain", *words)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


def test_a_run_takes_no_overrides(tilework: Tilework, tmp_path: Path) -> None:
    run = run_called(tmp_path / "runs", "rqvae-digits-quiet-fox")
    done = tilework("explain", "quiet-fox", "bottleneck.codes=3")
    assert done.code == 2
    assert f"tilework explain {run.spec_file} bottleneck.codes=3" in done.err


def test_several_runs_that_begin_so(tmp_path: Path) -> None:
    run_called(tmp_path, "some-quiet-fox")
    run_called(tmp_path, "some-brave-owl")
    assert named("some", tmp_path).meaning is Meaning.RUN
    with pytest.raises(UserError, match="could be 2 runs"):
        RunFolder.find("some", tmp_path)
