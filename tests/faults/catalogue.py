"""Faults that people train with, each put into a recipe that is otherwise healthy; and which findings are right for each.

What may be found was written down before the first run: equivalent causes are all right, consequences alone are not. A fault is
`overrides` of the spec, an injection into the running program (`injections.py`), or both.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import injections as put
import spoiled
from spoiled import Spoil

SETS = {
    "digits": ("data=digits",),
    "loops": ("data.kind=loops", "data.frames=30", "data.variants=6", "data.split={by: group, validation: 0.1}"),
}
"""Two sets of images; overrides of any base."""

BASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "vq": ("vq-mnist", ("engine.epochs=null", "engine.steps=600", "engine.batch_size=64", "engine.validate_every_epochs=1")),
    "vae": ("vae-digits", ("engine.epochs=null", "engine.steps=600", "engine.validate_every_epochs=1")),
    "rq": ("rqvae-digits", ("engine.epochs=null", "engine.steps=600", "engine.validate_every_epochs=1")),
    "game": (
        "gamefactory-v2.0",
        (
            "data.size=64x36", "data.channels=3", "encoder.widths=[32, 64]", "bottleneck.codes=128", "bottleneck.dim=64",
            "bottleneck.start=kmeans", "bottleneck.revival={}", "engine.batch_size=32", "engine.epochs=null", "engine.steps=400",
            "engine.validate_every_epochs=1",
        ),
    ),
}  # fmt: skip
"""Healthy runs: recipe and overrides. `game` is system 5's with narrower layers and the codes of its tuned version."""


@dataclass(frozen=True)
class Fault:
    """One fault."""

    name: str
    base: str
    right: frozenset[str]
    """Codes of findings of which the first must be one."""
    overrides: tuple[str, ...] = ()
    inject: Callable[[], AbstractContextManager[object]] = field(default=nullcontext)
    early: bool = True
    """Whether it shows within the first tenth of the budget."""
    sets: tuple[str, ...] = tuple(SETS)
    spoil: Spoil | None = None
    """Changes the images of the set before they are read."""
    sound: tuple[str, ...] = ()
    """What the healthy run has beside its base, where the fault is in how that is used: error is compared with that run."""


def fault(
    name: str,
    base: str,
    right: str,
    *overrides: str,
    inject: Callable[[], AbstractContextManager[object]] = nullcontext,
    early: bool = True,
    sets: tuple[str, ...] = tuple(SETS),
    spoil: Spoil | None = None,
    sound: tuple[str, ...] = (),
) -> Fault:
    return Fault(name, base, frozenset(right.split()), (*sound, *overrides), inject, early, sets, spoil, sound)


RANDOM = ("bottleneck.start=random", "bottleneck.revival=null")
FAULTS = (
    # Reference system 5, version by version.
    fault("s5-infinite-loss", "game", "skipped-steps rolled-back loss-diverging loss-spiking learning-rate-high",
          "optimizer.clip_norm=null", inject=lambda: put.infinite_gradients(after=300), early=False),
    fault("s5-validated-on-training-images", "game", "validation-leak", inject=put.validation_is_training),
    fault("s5-too-many-codes", "game", "codebook-too-large unused-codes codebook-collapse", "bottleneck.codes=4096", *RANDOM),
    fault("s5-random-codes", "game", "codebook-collapse unused-codes", *RANDOM),
    fault("s5-grid", "game", "grid-imprint", "decoder.blocks=0", "decoder.kernel=3", "engine.steps=120"),
    fault("s5-lpips-always-zero", "game", "term-constant term-idle", "objective.lpips=0.3", inject=put.lpips_gives_zero),
    fault("s5-lpips-wrong-range", "game", "perceptual-range", "objective.lpips.input_range_fault=true",
          sound=("objective.lpips=0.3",)),
    fault("s5-lpips-too-heavy", "game", "term-dominates texture-burn-in", "objective.lpips=100"),
    fault("s5-relu-before-sigmoid", "game", "output-cut", "decoder.final_relu=true"),
    # Codebooks.
    fault("no-start-no-revival", "vq", "codebook-collapse unused-codes", *RANDOM),
    fault("more-codes-than-tokens", "vq", "codebook-too-large unused-codes", "bottleneck.codes=8192", "data.split.validation=0.9",
          "bottleneck.start=random", sets=("digits",)),
    fault("duplicate-codes", "vq", "duplicate-codes", "bottleneck.revival=null", inject=put.codes_repeat),
    fault("encoder-shrinks", "vq", "quantiser-loss-cliff codebook-collapse norm-drift", inject=put.encoder_shrinks),
    fault("no-commitment", "rq", "norm-drift term-idle", "objective.commitment=0"),
    fault("commitment-times-1000", "vq", "term-dominates quantiser-loss-cliff codebook-collapse", "objective.commitment=250"),
    fault("codes-never-learn", "rq", "codebook-frozen norm-drift codebook-collapse unused-codes term-idle",
          "objective.codebook=0"),
    # Continuous latents.
    fault("kl-too-heavy", "vae", "posterior-collapse kl-vanishing term-dominates", "objective.kl=200"),
    fault("kl-without-weight", "vae", "kl-exploding term-idle", "objective.kl=0"),
    # Optimisation.
    fault("rate-times-100", "vq", "learning-rate-high loss-diverging loss-spiking rolled-back skipped-steps", "optimizer.lr=0.1"),
    fault("rate-over-1000", "vq", "learning-rate-low loss-stalled", "optimizer.lr=1e-6"),
    fault("clipped-at-every-step", "vq", "gradient-always-clipped", "optimizer.clip_norm=1e-4"),
    fault("spikes", "vq", "loss-spiking rolled-back", inject=lambda: put.corrupted_batches(every=97)),
    fault("dead-encoder", "vq", "gradient-vanishing dead-units constant-output codebook-collapse", inject=put.dead_encoder),
    fault("dead-decoder", "vae", "constant-output output-cut gradient-vanishing dead-units", inject=put.black_decoder),
    # Evaluation.
    fault("running-statistics-broken", "vae", "train-eval-differ", inject=put.broken_running_statistics),
    fault("learned-by-heart", "vae", "overfitting", "data.split.validation=0.96", "objective.kl=0.001", "engine.steps=2000",
          "engine.validate_every_epochs=50", early=False, sets=("digits",)),
    # Data.
    fault("dark-images", "vq", "images-dark", spoil=spoiled.dark),
    fault("enlarged-images", "vq", "images-tiny images-blurred", spoil=spoiled.enlarged),
    fault("the-same-image-many-times", "vq", "images-duplicate validation-leak", spoil=spoiled.repeated),
    fault("slow-data", "vq", "data-bound", inject=put.slow_batches),
    fault("one-loss-term-without-effect", "vq", "term-idle", "objective.l1=1e-9"),
)  # fmt: skip
