"""Which of a run's series belong together: panels for the curves of a report."""

from __future__ import annotations

import numpy as np

from tilework.report.curves import Curve, Panel
from tilework.report.theme import LEVEL_COLOURS
from tilework.runs.store import RunStore

# Facts about the measurement, not measurements; they are printed beside the figures.
_FACTS = {"codes", "tokens", "tokens_per_code"}
_TITLES = {
    "loss": "total loss",
    "mse": "MSE",
    "l1": "L1",
    "bce": "BCE",
    "lpips": "LPIPS",
    "kl": "KL",
    "psnr": "PSNR",
    "used": "codes in use",
    "quantisation_error": "quantisation error",
    "z_norm": "mean norm of tokens",
    "code_norm": "mean norm of codes",
    "idle": "longest idle code",
    "revived": "codes revived",
    "duplicates": "codes that repeat another",
    "weight": "loss weights",
    "lr": "learning rate",
    "steps_per_second": "speed",
}
_UNITS = {"idle": "steps", "psnr": "dB", "steps_per_second": "steps/s", "kl": "nats"}
_FIRST = ("loss", "psnr", "mse")
_HEALTH = (
    "perplexity", "used", "active_units", "quantisation_error", "z_norm", "code_norm", "idle", "revived", "duplicates",
)  # fmt: skip
_SETTINGS = ("lr", "weight", "grad_norm", "steps_per_second")


def learning_panels(store: RunStore) -> list[Panel]:
    """Losses and picture quality: total loss, PSNR and MSE first, then every other measured term."""
    bases = _bases(store)
    rest = [b for b in bases if b not in {*_FIRST, *_HEALTH, *_SETTINGS, *_FACTS} and not _is_per_dimension(store, b)]
    return _panels(store, [b for b in _FIRST if b in bases] + rest)


def health_panels(store: RunStore) -> list[Panel]:
    """Perplexity and codes in use per level, active units of a VAE."""
    return _panels(store, [b for b in _HEALTH if b in _bases(store)])


def setting_panels(store: RunStore) -> list[Panel]:
    """Learning rate and loss weights where they move, gradient norm, speed."""
    return _panels(store, [b for b in _SETTINGS if b in _bases(store)], moving={"lr", "weight"})


def _bases(store: RunStore) -> list[str]:
    return list(dict.fromkeys(_base(name) for name, _ in store.series()))


def _base(name: str) -> str:
    return name.split(".")[0]


def _is_per_dimension(store: RunStore, base: str) -> bool:
    """`kl.1`, `kl.2`, ...: drawn as bars, not as dozens of lines."""
    return all(name != base for name, _ in store.series()) and base == "kl"


def _panels(store: RunStore, bases: list[str], moving: set[str] | None = None) -> list[Panel]:
    codes = store.last("codes", "val")
    panels = []
    for base in bases:
        curves = _curves(store, base, only_moving=base in (moving or set()))
        if not curves or all(not c.values.any() for c in curves):
            continue
        most = codes if base in {"perplexity", "used"} else None
        panels.append(Panel(_TITLES.get(base, base.replace("_", " ")), curves, _UNITS.get(base, ""), most))
    return panels


def _curves(store: RunStore, base: str, only_moving: bool) -> list[Curve]:
    found = [(n, s) for n, s in store.series() if _base(n) == base and (base != "kl" or n == base)]
    parts = list(dict.fromkeys(n for n, _ in found))
    curves = []
    for name, split in found:
        steps, values = store.metrics(name, split)
        if only_moving and len(np.unique(values)) < 2:
            continue
        part = name.partition(".")[2]
        held_out = split == "val"
        where = "held-out" if held_out else "training"
        # One level needs no number.
        label = where if len(parts) == 1 else f"level {part} {where}" if part.isdigit() else part
        curves.append(Curve(label, steps, values, held_out, _shade(parts.index(name)) if len(parts) > 1 else None))
    return curves


def _shade(number: int) -> int:
    return LEVEL_COLOURS[number % len(LEVEL_COLOURS)]
