"""How well it goes, and how it is trained."""

from __future__ import annotations

from tilework.explain.glossary.entry import Entry

ENTRIES = (
    Entry(
        "psnr", "PSNR",
        "The mean squared error on a scale of decibels: 20 dB is an error of a tenth of the range, and 6 dB more "
        "halve it.",
        "10 log10(1 / MSE)",
        related=("mse", "detail"),
        also=("peak-signal-to-noise-ratio",),
    ),
    Entry(
        "detail", "Fine detail",
        "How much of the energy of fine detail reconstructions have kept: 1 is as sharp as the originals, less "
        "is blurred, more is noise.",
        "Σ |∇²x̂|² / Σ |∇²x|²",
        related=("psnr", "sharpness", "edges"),
        also=("fine-detail", "blur", "laplacian"),
    ),
    Entry(
        "validation", "Validation",
        "Measured on images that training never saw, with the model in evaluation mode.",
        related=("overfitting", "leak"),
        also=("held-out", "val"),
    ),
    Entry(
        "overfitting", "Overfitting",
        "Training goes on to improve while validation gets worse: the model learns its images by heart.",
        related=("validation", "early-stopping"),
    ),
    Entry(
        "leak", "Leak",
        "Validation images that have near twins in training, so that validation looks better than it is.",
        related=("validation", "overfitting"),
    ),
    Entry(
        "learning-rate", "Learning rate",
        "How far a step moves the weights.",
        "θ ← θ - lr × step",
        related=("schedule", "warm-up", "adam"),
        also=("lr",),
    ),
    Entry(
        "gradient-norm", "Gradient norm",
        "The length of the gradient of all weights together, before it is clipped.",
        "‖∇L‖₂",
        related=("gradient-clipping", "learning-rate"),
        also=("grad-norm",),
    ),
    Entry(
        "gradient-clipping", "Gradient clipping",
        "A gradient that is longer than a bound is shortened to it, so that one bad batch cannot throw the "
        "weights far away.",
        "g ← g × min(1, c / ‖g‖)",
        "Pascanu 2012, arXiv 1211.5063",
        ("gradient-norm",),
        ("clip-norm", "clipping"),
    ),
    Entry(
        "highest-loss", "Highest loss of a step",
        "The largest loss of a single step since the row before: where it is many times the mean, that batch was unlike "
        "the others.",
        "max over the steps of a row of L",
        related=("loss", "gradient-clipping"),
        also=("loss-peak", "spike"),
    ),
    Entry(
        "nonfinite", "Non-finite tokens",
        "How many latent vectors of a step were infinite or no number at all; anything above 0 is a fault.",
        related=("gradient-clipping", "precision"),
        also=("nan", "infinity", "non-finite-tokens"),
    ),
    Entry(
        "speed", "Speed",
        "Optimiser steps a second since the row before.",
        related=("step",),
        also=("steps-per-second",),
    ),
    Entry(
        "data-wait", "Waiting for data",
        "The share of the time since the row before in which training waited for its next batch; near 1 the device is idle "
        "most of the time.",
        "Σ wait / Σ time",
        related=("speed", "batch-size"),
    ),
    Entry(
        "step", "Step",
        "One batch, one gradient, one move of the weights.",
        related=("epoch", "batch-size"),
        also=("steps",),
    ),
    Entry(
        "epoch", "Epoch",
        "One pass over all training images.",
        related=("step",),
        also=("epochs",),
    ),
    Entry(
        "batch-size", "Batch size",
        "How many images one step learns from.",
        related=("step", "learning-rate"),
        also=("batch-of-images",),
    ),
    Entry(
        "adam", "Adam",
        "An optimiser that moves each weight by its mean gradient over the root of its mean squared gradient.",
        "m / (√v + ε)",
        "Kingma 2014, arXiv 1412.6980",
        ("adamw", "muon", "learning-rate"),
    ),
    Entry(
        "adamw", "AdamW",
        "Adam whose weight decay does not pass through the averages of the gradient.",
        "",
        "Loshchilov 2017, arXiv 1711.05101",
        ("adam",),
    ),
    Entry(
        "muon", "Muon",
        "An optimiser that moves the matrices of hidden layers by orthogonal steps; all other weights move as "
        "with AdamW.",
        "",
        "Jordan 2024; Liu 2025, arXiv 2502.16982",
        ("adamw", "adam"),
    ),
    Entry(
        "ema-weights", "Averaged weights",
        "A moving average of the weights, which is validated and kept beside them.",
        "θ̄ ← γ θ̄ + (1 - γ) θ",
        related=("decay", "ema-codebook"),
        also=("ema-decay", "averaged-weights"),
    ),
    Entry(
        "early-stopping", "Early stopping",
        "The run ends when validation has not improved for a number of epochs.",
        related=("plateau", "overfitting"),
    ),
    Entry(
        "precision", "Precision",
        "In how many bits encoder and decoder compute; quantiser and losses are always float32.",
        "",
        "Micikevicius 2017, arXiv 1710.03740",
        ("nonfinite",),
        ("bf16", "fp16", "mixed-precision"),
    ),
)  # fmt: skip
