"""Reference system 1 in JAX, Flax and Optax: one jitted step, its buffers donated, the images on the device already.

Written as a JAX user would: the loss, its gradient and the update are one compiled function, nothing is read back
between steps, and whole batches are ready before the clock starts.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from harness.sides import Window, print_result, side_arguments
from systems import system

LATENT, LEVELS, CODES = 2, 2, 16


class RQVAE(nn.Module):
    """28x28x1 -> 14x14x32 -> 7x7x64 -> 128 -> 2 numbers -> the same way back, quantised by two codebooks of 16."""

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        h = nn.relu(nn.Conv(32, (3, 3), strides=2, padding=1)(x))
        h = nn.relu(nn.Conv(64, (3, 3), strides=2, padding=1)(h))
        h = nn.relu(nn.Dense(128)(h.reshape(h.shape[0], -1)))
        z = nn.Dense(LATENT)(h)
        books = self.param("codes", nn.initializers.normal(LATENT**-0.5), (LEVELS, CODES, LATENT))
        quantised, commitment, codebook = residual(z, books)
        h = nn.relu(nn.Dense(128)(quantised))
        h = nn.relu(nn.Dense(7 * 7 * 64)(h)).reshape(-1, 7, 7, 64)
        h = nn.relu(nn.ConvTranspose(32, (3, 3), strides=(2, 2), padding="SAME")(h))
        return nn.sigmoid(nn.ConvTranspose(1, (3, 3), strides=(2, 2), padding="SAME")(h)), commitment, codebook


def residual(z: jax.Array, books: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Each level's nearest code of what the levels before left; straight through; both losses as means over levels."""
    left, out = z, jnp.zeros_like(z)
    commitment = codebook = jnp.zeros(())
    for book in books:
        distance = (book**2).sum(1) - 2 * left @ book.T
        code = book[jnp.argmin(distance, axis=1)]
        commitment += jnp.mean((left - jax.lax.stop_gradient(code)) ** 2) / LEVELS
        codebook += jnp.mean((jax.lax.stop_gradient(left) - code) ** 2) / LEVELS
        out = out + jax.lax.stop_gradient(code)
        left = left - jax.lax.stop_gradient(code)
    return z + jax.lax.stop_gradient(out - z), commitment, codebook


def make_step(model: RQVAE, optimizer: optax.GradientTransformation) -> Any:
    """(weights, optimiser state, batch) -> the next of both and the loss, compiled."""

    def loss_of(weights: Any, x: jax.Array) -> jax.Array:
        recon, commitment, codebook = model.apply(weights, x)
        return jnp.mean((recon - x) ** 2) + 0.25 * commitment + 1.0 * codebook

    @partial(jax.jit, donate_argnums=(0, 1))
    def step(weights: Any, state: Any, x: jax.Array) -> tuple[Any, Any, jax.Array]:
        loss, gradient = jax.value_and_grad(loss_of)(weights, x)
        update, state = optimizer.update(gradient, state, weights)
        return optax.apply_updates(weights, update), state, loss

    return step


def batches(path: Path, size: int) -> list[jax.Array]:
    """The images (N, 28, 28, 1) as float32 batches in [0, 1] on the device."""
    frames = np.random.default_rng(0).permutation(np.load(path))
    whole = len(frames) // size
    return [jnp.asarray(frames[n * size : (n + 1) * size].astype(np.float32) / 255) for n in range(whole)]


def main() -> None:
    given = side_arguments(__doc__ or "")
    chosen = system(given.system, tiny=given.tiny)
    ready = batches(chosen.frames_file(given.folder), chosen.batch)
    model, optimizer = RQVAE(), optax.adam(1e-3)
    weights = model.init(jax.random.PRNGKey(0), ready[0])
    parameters = sum(int(p.size) for p in jax.tree_util.tree_leaves(weights))
    state, step = optimizer.init(weights), make_step(model, optimizer)
    window = Window(given.warm, given.steps)
    first = 0.0
    for number in range(1, window.last + 1):
        weights, state, loss = step(weights, state, ready[number % len(ready)])
        if number in (1, window.warm, window.last):
            loss.block_until_ready()
            jax.block_until_ready(weights)
            window.passed(number)
        if number == 1:
            first = float(loss)
    print_result(
        window.result(chosen.batch, [first, float(loss)], parameters, precision="float32", jax=jax.__version__)
    )


if __name__ == "__main__":
    main()
