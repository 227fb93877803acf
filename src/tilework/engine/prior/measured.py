"""What a prior measures, and what stands beside it: the names, labels and units of its metrics."""

from __future__ import annotations

from tilework.metrics import IN_LISTS, Better, Group, Measured, Metric, Metrics, Part

UNIFORM, UNIGRAM, COPY = "uniform", "unigram", "copy"
"""The codes that a prior is measured against: the parts of the metric `coding`."""

METRICS = Metrics((
    Metric("bits", "bits per token", Group.QUALITY, "bits/token", better=Better.LOWER, decimals=3, headline=1,
           help="-log2 of a token's probability, mean over tokens; in training of those that the step predicted"),
    Metric("level_bits", "bits per token", Group.QUALITY, "bits/token", better=Better.LOWER, part=Part.LEVEL,
           measured=Measured.VALIDATION, decimals=3, help="the same of the tokens of one level"),
    Metric("coding", "coding baseline", Group.QUALITY, "bits/token", better=Better.LOWER, part=Part.TERM,
           measured=Measured.VALIDATION, decimals=3, headline=IN_LISTS + 1,
           help="bits per token of plain codes: all alike, by their share in training, or copied from the frame before"),
    Metric("bits_per_dim", "bits per dimension", Group.QUALITY, "bits/dim", better=Better.LOWER, measured=Measured.VALIDATION,
           decimals=4, headline=3, help="bits of an image's tokens over its height x width x channels"),
    Metric("accuracy", "accuracy", Group.QUALITY, better=Better.HIGHER, decimals=3, headline=2,
           help="share of the predicted tokens whose likeliest code is the right one"),
    Metric("codes", "codes K", Group.FACT, measured=Measured.VALIDATION, decimals=0, setting=True, help="codes of one level"),
))  # fmt: skip
