"""The glossary covers what the program measures and trains by, and leads nowhere that is not there."""

from __future__ import annotations

import re
import sys

import children
import pytest

from tilework.engine.prior.measured import METRICS
from tilework.errors import UserError
from tilework.explain import glossary
from tilework.explain.glossary import ENTRIES
from tilework.metrics import AUTOENCODER
from tilework.spec.plugins import BOTTLENECKS, PRIORS, TERMS


@pytest.mark.parametrize("metric", [*AUTOENCODER, *METRICS], ids=lambda metric: metric.name)
def test_every_metric_has_an_entry(metric) -> None:  # type: ignore[no-untyped-def]
    assert glossary.of_metric(metric) is not None


@pytest.mark.parametrize("term", TERMS.kinds)
def test_every_loss_term_has_an_entry_that_gives_its_purpose(term: str) -> None:
    entry = glossary.of_term(term)
    assert entry is not None
    assert entry.purpose


def test_the_loss_is_not_the_table() -> None:
    assert glossary.of_term("codebook") is not glossary.find("codebook")
    metric = AUTOENCODER["codebook"]
    assert glossary.of_metric(metric) is glossary.of_term("codebook")


@pytest.mark.parametrize("kind", [*BOTTLENECKS.kinds, *PRIORS.shipped])
def test_every_kind_of_bottleneck_and_prior_has_an_entry(kind: str) -> None:
    assert glossary.find(kind) is not None


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_entry(entry) -> None:  # type: ignore[no-untyped-def]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.name)
    assert entry.text.endswith(".")
    assert entry.text.count(". ") == 0, "one sentence"
    for name in entry.related:
        assert any(other.name == name for other in ENTRIES), name
        assert name != entry.name
    for found in re.findall(r"arXiv ([\d.]+)", entry.source):
        assert re.fullmatch(r"\d{4}\.\d{4,5}", found.rstrip("."))


def test_no_word_means_two_things() -> None:
    taken: dict[str, str] = {}
    for entry in ENTRIES:
        for word in (entry.name, *entry.also):
            assert taken.setdefault(word, entry.name) == entry.name, word


@pytest.mark.parametrize("written", ["N/K", "n/k", "tokens_per_code", "Tokens per code", "  tokens-per-code "])
def test_a_term_however_it_is_written(written: str) -> None:
    found = glossary.find(written)
    assert found is not None
    assert found.name == "tokens-per-code"


def test_a_wrong_term_names_the_nearest() -> None:
    with pytest.raises(UserError) as found:
        glossary.entry("perplexty")
    assert "perplexity" in found.value.why
    assert found.value.fix == "tilework explain perplexity"
    with pytest.raises(UserError, match="no term 'qqqqqq'"):
        glossary.entry("qqqqqq")


def test_the_glossary_needs_no_torch() -> None:
    code = "import sys, tilework.explain.glossary as g; g.entry('perplexity'); sys.exit('torch' in sys.modules)"
    assert children.run([sys.executable, "-c", code]).returncode == 0
