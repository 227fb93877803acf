"""What is wrong with a run comes before all else, the cause before what follows; the text fits the kind of latent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from explained import section, text_of

from tilework.explain.autoencoder import explain_autoencoder
from tilework.explain.case import Values
from tilework.explain.document import Tone
from tilework.explain.drawing import network_svg
from tilework.explain.facts.explanation import AutoencoderExplained
from tilework.explain.facts.reading import Failure, Verdict
from tilework.explain.facts.subject import Form, Subject
from tilework.explain.of import explain_run
from tilework.explain.page import to_page
from tilework.explain.plain import to_plain
from tilework.explain.words.document import document
from tilework.explain.words.names import stage_titles
from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore
from tilework.spec import AutoencoderSpec, dump_yaml, load_spec

VANISHED = {"kl": 0.03, "active_units": 0.0, "mse": 0.07, "psnr": 11.5, "bce": 270.0, "z_norm": 0.2}
SOUND = {"kl": 14.0, "active_units": 9.0, "mse": 0.02, "psnr": 17.0, "bce": 160.0, "z_norm": 2.9}


def valued(name: str, *overrides: str, **validation: float) -> AutoencoderExplained:
    """A recipe as if a run of it had measured this, and stored sixteen originals."""
    spec = load_spec(name, list(overrides))
    assert isinstance(spec, AutoencoderSpec)
    subject = Subject("a-run", Form.RUN, spec.task, name)
    return explain_autoencoder(spec, subject, Values(validation=validation, blank_mse=0.05, blank_images=16))


def verdicts(found: AutoencoderExplained) -> Mapping[str, Verdict]:
    return {one.metric: one.verdict for one in found.readings}


def row(found: AutoencoderExplained, label: str) -> str:
    lines = section(found, "How to read the metrics").splitlines()
    return next(line for line in lines if line.startswith(f"| {label} |"))


@pytest.fixture
def vanished(tmp_path: Path) -> RunFolder:
    """A VAE whose latent carries nothing since step 25, seen at step 150."""
    run = RunFolder.create(tmp_path, "vae-digits", dump_yaml(load_spec("vae-digits", ["objective.kl.weight=200"])))
    with RunStore.create(run.db) as store:
        for step in range(25, 151, 25):
            store.log(step, step / 25, {**VANISHED, "loss": 280.0}, "val")
            store.log(step, step / 25, {"loss": 280.0, "bce": 270.0, "kl": 0.03, "weight.kl": 200.0})
        store.set_meta("status", "finished")
    return run


def test_a_run_opens_with_what_the_doctor_found(vanished: RunFolder) -> None:
    found = explain_run(vanished)
    assert found.subject.findings[0].code == "kl-vanishing"
    text = document(found)
    first, second = text.sections[:2]
    assert first.tone is Tone.BAD
    assert second.heading == "What failure would look like"
    words = section(found, "Where this run stands")
    assert "**The latent carries 0.03 nats of an image: less than one bit.** A KL of weight 200" in words
    assert "finds it since step 25" in words
    assert "The fix is `objective.kl.weight=1`, in a new run that starts from new weights: `tilework train" in words
    assert "--apply kl-vanishing`" in words
    assert "- Follows from it: 0 of " in words
    assert 'class="over-all text bad"' in to_page(text, found)


def test_a_page_gets_its_tone_and_its_source_as_pieces(vanished: RunFolder) -> None:
    found = explain_run(vanished)
    plain = to_plain(document(found), found)["text"]
    assert [one["tone"] for one in plain["sections"]][:2] == ["bad", ""]
    assert [piece["text"] for piece in plain["note"] if piece["mark"] == "code"] == [str(vanished.path)]
    assert not any("`" in piece["text"] for piece in plain["note"])


def test_a_sound_run_opens_with_how_far_it_is(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "vae-digits", dump_yaml(load_spec("vae-digits")))
    with RunStore.create(run.db) as store:
        store.log(25, 1, {**SOUND, "loss": 174.0}, "val")
    found = explain_run(run)
    text = document(found)
    assert text.sections[0].tone is Tone.PLAIN
    assert text.sections[-1].heading == "What failure would look like"
    assert "The doctor finds nothing wrong with it." in section(found, "Where this run stands")


def test_the_cause_is_marked_and_the_error_follows() -> None:
    found = valued("vae-digits", **VANISHED)
    marked = verdicts(found)
    assert (marked["kl"], marked["active_units"]) == (Verdict.COLLAPSED, Verdict.COLLAPSED)
    assert (marked["mse"], marked["psnr"]) == (Verdict.FOLLOWS, Verdict.FOLLOWS)
    assert "It follows from KL" in row(found, "MSE")
    assert "more channels" not in text_of(found), "a larger model does not wake a latent"
    assert [one.failure for one in found.symptoms][:2] == [Failure.POSTERIOR, Failure.CONSTANT_IMAGE]
    sound = valued("vae-digits", **SOUND)
    assert verdicts(sound)["kl"] is Verdict.NONE
    assert "more channels" in row(sound, "MSE")


def test_the_same_of_a_codebook() -> None:
    found = valued("rqvae-digits", **{"perplexity.1": 1.0, "used.1": 1.0, "mse": 0.06, "psnr": 12.2, "tokens": 300.0})
    assert verdicts(found)["perplexity.1"] is Verdict.COLLAPSED
    assert verdicts(found)["mse"] is Verdict.FOLLOWS
    assert "more channels" not in text_of(found)


def test_a_constant_image_without_a_cause_is_its_own() -> None:
    found = valued("vae-digits", **{**SOUND, "mse": 0.06, "psnr": 12.2})
    assert verdicts(found)["mse"] is Verdict.COLLAPSED
    assert found.symptoms[0].failure is Failure.CONSTANT_IMAGE
    assert "more channels" not in row(found, "MSE")


@pytest.mark.parametrize(("per", "words"), [("image", "summed over an image"), ("pixel", "mean over pixels")])
def test_a_reconstruction_term_is_what_it_is_set_to(per: str, words: str) -> None:
    found = valued("vae-digits", f"objective.bce.per={per}", **SOUND)
    other = {"image": "mean over pixels", "pixel": "summed over an image"}[per]
    assert words in row(found, "BCE")
    assert other not in row(found, "BCE")
    mse = valued("rqvae-digits", f"objective.mse.per={per}", mse=0.02, psnr=17.0)
    assert ("In training it is summed over an image" in row(mse, "MSE")) is (per == "image")


@pytest.mark.parametrize("recipe", ["vae-digits", "rqvae-digits"])
def test_norms_are_held_against_codes_only_where_there_are_some(recipe: str) -> None:
    found = valued(recipe, z_norm=2.0)
    coded = recipe == "rqvae-digits"
    text = row(found, "mean norm of tokens" if coded else "mean norm of latents")
    assert ("norm of the codes" in text) is coded
    assert ("the prior" in text) is not coded


@pytest.mark.parametrize("recipe", ["vae-digits", "p5-loops", "naruto", "gamefactory-v2.0.1"])
def test_labels_of_the_drawing_keep_their_distance(recipe: str) -> None:
    found = valued(recipe)
    svg = network_svg(found, stage_titles(found.network))
    labels = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]+)</text>', svg)
    assert len(labels) > 4
    for y in {at for _, at, _ in labels}:
        across = sorted((float(x), len(label) * 6.4 / 2) for x, at, label in labels if at == y)
        gaps = [b - b_half - (a + a_half) for (a, a_half), (b, b_half) in pairwise(across)]
        assert min(gaps, default=99) > 9
