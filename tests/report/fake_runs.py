"""Finished runs made of plain numbers, for reports to be drawn from."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore

SPEC = "name: fake\nabout: <b>not bold</b> & more\ndata:\n  kind: digits\n"


def save(run: RunFolder, store: RunStore, kind: str, step: int, epoch: float, **arrays: NDArray[np.generic]) -> None:
    """One snapshot, as the training loop stores it."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    (run.snapshots / f"{kind}-{step:08d}.npz").write_bytes(buffer.getvalue())
    store.snapshot(step, epoch, kind, f"snapshots/{kind}-{step:08d}.npz")


def blobs(rng: np.random.Generator, size: int, classes: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Points (size, 2) of `classes` clusters, and their labels."""
    labels = rng.integers(classes, size=size)
    angle = labels * 2 * np.pi / classes
    centres = np.stack([np.cos(angle), np.sin(angle)], axis=1) * rng.uniform(0.6, 1, size=(classes, 1))[labels]
    return (centres + rng.normal(scale=0.12, size=(size, 2))).astype(np.float32), labels


def tokens(rng: np.random.Generator, levels: int, codes: int, size: int, dead: int) -> NDArray[np.int64]:
    """Counts (levels, codes) of `size` tokens with `dead` codes that none chose."""
    rows = []
    for _ in range(levels):
        share = rng.dirichlet(np.full(codes - dead, 3.0))
        rows.append(rng.permutation(np.concatenate([rng.multinomial(size, share), np.zeros(dead, dtype=np.int64)])))
    return np.stack(rows)


def residual(root: Path, *, steps: int = 3000, name: str = "rqvae-digits") -> RunFolder:
    """A 2-D residual quantiser with two levels, one dead code, a resume and a NaN."""
    rng = np.random.default_rng(1)
    run = RunFolder.create(root, name, SPEC)
    with RunStore.create(run.db) as store:
        for key, value in {
            "status": "finished", "total_steps": steps, "total_epochs": steps / 100, "parameters": 844_355,
            "device": "cpu", "precision": "bf16", "classes": [str(i) for i in range(10)], "seconds": 61.0,
        }.items():  # fmt: skip
            store.set_meta(key, value)
        store.event("started", 0)
        for step in range(10, steps + 1, 10):
            fall = 0.03 + 0.2 * math.exp(-step / 300)
            noise = 1 + 0.08 * rng.normal()
            row = {
                "loss": 1.2 * fall * noise,
                "mse": fall * noise,
                "commitment": 0.3 * fall,
                "grad_norm": fall * noise * 2,
            }
            row |= {"lr": 1e-3 * 0.5 ** (step // 1000), "weight.mse": 1.0, "steps_per_second": 60 + rng.normal()}
            row |= {f"perplexity.{q}": 15 - 9 * fall * q for q in (1, 2)} | {
                f"used.{q}": 16.0 - (q - 1) for q in (1, 2)
            }
            if step == 1500:
                row["loss"] = math.nan
            store.log(step, step / 100, row)
        for step in range(0, steps + 1, 100):
            fall = 0.032 + 0.2 * math.exp(-step / 300)
            row = {"loss": 1.2 * fall, "mse": fall, "psnr": -10 * math.log10(fall), "codes": 16.0, "tokens": 180.0}
            row |= {"perplexity.1": 15 - 9 * fall, "perplexity.2": 14 - 9 * fall, "used.1": 16.0, "used.2": 15.0}
            store.log(step, step / 100, row | {"tokens_per_code": 11.25}, split="val")
        store.event("resumed", steps // 3)
        store.event("finished", steps, reason="the budget is spent")
        originals = np.kron(rng.integers(0, 256, size=(16, 7, 7, 1), dtype=np.uint8), np.ones((1, 4, 4, 1), np.uint8))
        for step in range(0, steps + 1, 500):
            blur = math.exp(-step / 800)
            seen = (originals * (1 - blur) + 128 * blur).astype(np.uint8)
            save(run, store, "reconstructions", step, step / 100, originals=originals, reconstructions=seen)
            counts = tokens(np.random.default_rng(step), 2, 16, 600, dead=1)
            save(run, store, "usage", step, step / 100, counts=counts, tokens=np.array([600]))
            points, labels = blobs(np.random.default_rng(3), 600, 10)
            codes = np.stack([points[:16], 0.2 * points[16:32]]) * (1 - 0.7 * blur)
            save(run, store, "latent", step, step / 100, points=points, labels=labels, codes=codes, counts=counts)
    return run


def grid(root: Path, codes: int = 4096) -> RunFolder:
    """A large codebook on a grid of positions, colour images, no labels, few tokens per code."""
    rng = np.random.default_rng(2)
    run = RunFolder.create(root, "naruto", SPEC)
    with RunStore.create(run.db) as store:
        store.set_meta("status", "running")
        store.log(5, 0.1, {"loss": 1.0})
        counts = tokens(rng, 1, codes, 6000, dead=codes // 3)
        used = float((counts > 0).sum())
        facts = {"codes": float(codes), "tokens": 6000.0, "used.1": used, "perplexity.1": 1234.5}
        store.log(5, 0.1, {"mse": 0.01, "psnr": 20.0, **facts}, split="val")
        originals = rng.integers(0, 256, size=(8, 72, 128, 3), dtype=np.uint8)
        save(run, store, "reconstructions", 5, 0.1, originals=originals, reconstructions=originals // 2 + 64)
        save(run, store, "usage", 5, 0.1, counts=counts, tokens=np.array([6000]))
    return run


def variational(root: Path) -> RunFolder:
    """A VAE with a 2-D latent: points without codes, KL per dimension."""
    run = RunFolder.create(root, "vae-digits", SPEC)
    with RunStore.create(run.db) as store:
        store.set_meta("status", "stopped")
        for step in range(10):
            kl = {f"kl.{d}": 2.0 / d if d < 9 else 0.001 for d in range(1, 13)}
            store.log(
                step, step / 5, {"mse": 0.1 / (step + 1), "psnr": 10.0 + step, "active_units": 8.0, **kl}, split="val"
            )
        points, labels = blobs(np.random.default_rng(0), 3000, 10)
        save(run, store, "latent", 9, 1.8, points=points, labels=labels)
    return run
