"""Priors over tokens, and how new tokens are drawn from them."""

from __future__ import annotations

from tilework.explain.glossary.entry import Entry

MASKGIT = "Chang 2022, arXiv 2202.04200"

ENTRIES = (
    Entry(
        "prior", "Prior",
        "A second network that learns which tokens occur together, so that new ones can be drawn and decoded to "
        "new images.",
        "p(tokens)",
        "van den Oord 2017, arXiv 1711.00937, section 3.3",
        ("causal", "masked", "bits-per-token", "token"),
    ),
    Entry(
        "causal", "Causal prior",
        "A prior that draws one token after another, each given all before it: a GPT over tokens.",
        "p(x) = Π_i p(x_i | x_1 ... x_(i-1))",
        "Radford 2018 (GPT); Vaswani 2017, arXiv 1706.03762",
        ("prior", "masked", "attention"),
        ("gpt", "autoregressive"),
    ),
    Entry(
        "masked", "Masked prior",
        "A prior that sees all known tokens on both sides and draws many of the missing ones in each of a few "
        "passes.",
        "p(x_missing | x_known)",
        f"{MASKGIT}, section 3",
        ("prior", "causal", "halton-order", "passes"),
        ("maskgit",),
    ),
    Entry(
        "passes", "Passes",
        "How often a masked prior looks at the tokens to draw them all; more passes draw fewer tokens blind to "
        "each other.",
        "",
        f"{MASKGIT}, section 3.2",
        ("masked", "halton-order"),
    ),
    Entry(
        "halton-order", "Halton order",
        "The order in which a masked prior draws positions: each far from all before it, as those drawn together "
        "do not see each other.",
        "low-discrepancy sequence in bases 2 and 3",
        "Besnier 2025, arXiv 2503.17076",
        ("masked", "confidence-order"),
        ("halton",),
    ),
    Entry(
        "confidence-order", "Confidence order",
        "The order in which a masked prior keeps the tokens that it is surest of first, with some noise.",
        "",
        f"{MASKGIT}, section 3.2",
        ("masked", "halton-order"),
        ("confidence",),
    ),
    Entry(
        "attention", "Attention",
        "Each position takes a weighted mean of the values of all positions that it may see.",
        "softmax(Q Kᵀ / √d) V",
        "Vaswani 2017, arXiv 1706.03762, equation 1",
        ("causal", "masked"),
    ),
    Entry(
        "rotary", "Rotary embedding",
        "Time as an angle by which queries and keys are turned, so that only distances count and any length will do.",
        "",
        "Su 2021, arXiv 2104.09864",
        ("attention",),
        ("rope",),
    ),
    Entry(
        "cross-entropy", "Cross-entropy",
        "What a prior is trained by: minus the logarithm of the probability that it gave to the token that is there.",
        "-ln p(x_i | ...)",
        related=("bits-per-token", "prior"),
        also=("prior-loss",),
        purpose="It makes the tokens that occur likely, given those that are known.",
    ),
    Entry(
        "bits-per-token", "Bits per token",
        "How many bits it would take to store a token with this prior; log2 K is what knowing nothing takes.",
        "-log2 p(x_i | ...)",
        "Shannon 1948",
        ("coding-baseline", "bits-per-dimension", "cross-entropy"),
        ("bits", "level-bits"),
    ),
    Entry(
        "coding-baseline", "Coding baseline",
        "What plain codes take for the same tokens: all codes alike (uniform), each by its share in training "
        "(unigram), or as in "
        "the frame before (copy).",
        "uniform = log2 K;  unigram = -Σ p_k log2 p_k",
        related=("bits-per-token",),
        also=("coding", "baseline", "uniform", "unigram", "copy"),
    ),
    Entry(
        "bits-per-dimension", "Bits per dimension",
        "Bits of an image's tokens over its height × width × channels.",
        "Σ bits / (H W C)",
        "Theis 2015, arXiv 1511.01844, section 3.1",
        ("bits-per-token",),
        ("bits-per-dim", "bpd"),
    ),
    Entry(
        "accuracy", "Accuracy",
        "The share of the predicted tokens whose likeliest code is the right one.",
        related=("bits-per-token",),
    ),
    Entry(
        "temperature", "Temperature",
        "Logits are divided by it before a token is drawn: below 1 likelier tokens, above 1 wilder ones.",
        "softmax(logits / T)",
        related=("top-k", "top-p", "guidance"),
    ),
    Entry(
        "top-k", "Top-k",
        "Only the k likeliest codes of a token may be drawn.",
        "",
        "Fan 2018, arXiv 1805.04833",
        ("top-p", "temperature"),
    ),
    Entry(
        "top-p", "Top-p",
        "Only the likeliest codes that together have probability p may be drawn.",
        "smallest set with Σ p_k ≥ p",
        "Holtzman 2019, arXiv 1904.09751",
        ("top-k", "temperature"),
        ("nucleus", "nucleus-sampling"),
    ),
    Entry(
        "guidance", "Guidance",
        "What the label changes is made stronger: the logits move on from those without the label to those with "
        "it, and beyond.",
        "(1 + g) logits(label) - g logits(no label)",
        "Ho 2022, arXiv 2207.12598, equation 6",
        ("label-dropout", "temperature"),
        ("classifier-free-guidance", "cfg"),
    ),
    Entry(
        "label-dropout", "Label dropout",
        "The share of training items whose label is left out, so that the prior also knows items without one.",
        "",
        "Ho 2022, arXiv 2207.12598",
        ("guidance",),
    ),
    Entry(
        "novelty", "Novelty",
        "How far a drawn image is from the nearest training image, beside how far validation images are.",
        related=("prior", "overfitting"),
    ),
)  # fmt: skip
