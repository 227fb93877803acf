"""Runs of every kind and in every state: finished, without validation, without a store, damaged, of a prior."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Outcome
from dreamt import trained_prior
from explained import section, text_of

from tilework.errors import UserError
from tilework.explain.facts.explanation import AutoencoderExplained, PriorExplained
from tilework.explain.facts.reading import Failure, Verdict
from tilework.explain.facts.subject import Form
from tilework.explain.of import explain_run
from tilework.explain.page import to_page
from tilework.explain.words.document import document
from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore
from tilework.spec.load import recipe_text


def new_run(folder: Path, name: str = "rqvae-digits") -> RunFolder:
    return RunFolder.create(folder, name, recipe_text(name))


def explained(run: RunFolder) -> AutoencoderExplained:
    found = explain_run(run)
    assert isinstance(found, AutoencoderExplained)
    to_page(document(found), found)
    return found


def reading(found: AutoencoderExplained, name: str):  # type: ignore[no-untyped-def]
    return next(one for one in found.readings if one.metric == name)


def test_a_finished_run_is_read_in_its_own_numbers(small_run: RunFolder) -> None:
    found = explained(small_run)
    assert found.subject.form is Form.RUN
    assert found.subject.standing is not None
    assert found.subject.standing.status == "finished"
    with RunStore.open(small_run.db) as store:
        values = store.latest()["values"]["val"]
    perplexity = reading(found, "perplexity.1")
    assert perplexity.validation == values["perplexity.1"]
    assert perplexity.marks["tokens"] == values["tokens"]
    assert perplexity.shown["validation"] == f"{values['perplexity.1']:.1f}"
    psnr = reading(found, "psnr")
    assert psnr.marks["grey_levels"] == pytest.approx(255 * math.sqrt(values["mse"]))
    assert psnr.marks["blank_mse"] > 0
    assert {term.name: term.value is not None for term in found.training.terms}["mse"]
    assert f"{values['psnr']:.2f} dB" in section(found, "How to read the metrics")
    assert "has finished" in section(found, "Where this run stands")
    held_out = found.images.held_out
    assert held_out is not None
    assert f"{held_out:,} are held out" in section(found, "What goes in")


def test_a_run_without_validation(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with RunStore.create(run.db) as store:
        store.set_meta("status", "running")
        store.log(10, 0.5, {"loss": 0.2, "mse": 0.15, "perplexity.1": 1.1, "used.1": 2.0, "z_norm": math.nan})
    found = explained(run)
    assert found.subject.standing is not None
    assert found.subject.standing.validated_at is None
    assert "no validation yet" in section(found, "Where this run stands")
    assert reading(found, "perplexity.1").training == 1.1
    assert reading(found, "perplexity.1").verdict is Verdict.COLLAPSED
    assert reading(found, "perplexity.1").marks["tokens"] == 100 * 64, "the window that training counts over"
    assert found.symptoms[0].failure is Failure.CODEBOOK
    assert "This run shows it" in section(found, "What failure would look like")
    assert "nan" not in text_of(found)


def test_a_run_that_has_written_nothing(tmp_path: Path) -> None:
    found = explained(new_run(tmp_path, "vae-digits"))
    assert all(one.validation is None and one.training is None for one in found.readings)
    assert "Nothing is measured yet" in section(found, "How to read the metrics")


def test_a_damaged_store_is_reported_and_the_rest_explained(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    run.db.write_bytes(b"not a database at all" * 200)
    found = explained(run)
    assert found.subject.standing is not None
    assert found.subject.standing.problem
    assert "could not be read" in section(found, "Where this run stands")
    assert found.latent.codes == 16


def test_a_run_without_a_spec_is_refused(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    run.spec_file.unlink()
    with pytest.raises(UserError, match=r"the spec of .* cannot be read"):
        explain_run(run)


def test_lost_snapshots_are_done_without(small_run: RunFolder) -> None:
    shutil.rmtree(small_run.snapshots)
    assert "blank_mse" not in reading(explained(small_run), "psnr").marks


def test_a_prior_and_its_tokens(once: Callable[..., Path]) -> None:
    found = explain_run(trained_prior(once))
    assert isinstance(found, PriorExplained)
    assert (found.tokens.frames, found.tokens.codes, found.tokens.width) == (12, 48, 8)
    bits = next(one for one in found.readings if one.metric == "bits")
    assert bits.validation is not None
    assert bits.marks["uniform"] == pytest.approx(math.log2(48))
    assert "unigram" in bits.marks
    to_page(document(found), found)


def test_a_prior_whose_parent_is_gone(once: Callable[..., Path], tmp_path: Path) -> None:
    run = trained_prior(once)
    shutil.copytree(run.path, tmp_path / "alone" / run.id)
    found = explain_run(RunFolder.open(tmp_path / "alone" / run.id))
    assert isinstance(found, PriorExplained)
    assert found.tokens.codes == 48
    assert found.tokens.image_numbers == 0


def test_nothing_of_a_run_is_changed(small_run: RunFolder, tilework: Callable[..., Outcome]) -> None:
    def kept() -> dict[str, bytes]:
        files = (file for file in small_run.path.rglob("*") if file.is_file() and not file.name.startswith("run.db-"))
        return {str(file.relative_to(small_run.path)): file.read_bytes() for file in files}

    before = kept()
    assert tilework("explain", small_run.id).code == 0
    assert kept() == before
