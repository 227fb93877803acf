"""The live view as most people build it: Gradio and Matplotlib around a training thread. Plain, and nothing made slow on purpose.

The model, its batches, precision and fused optimiser are those of rqvae-digits; the thread trains, a gr.Timer redraws: 1,024
points with the codes of both levels, the curves of the losses, 16 held-out images over their reconstructions. It trains --steps
steps and prints one line of JSON; --port serves the view, --port 0 trains alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
import torch.nn.functional as F
from harness.sides import print_result

from tilework.data import Batches, prepare, split_by
from tilework.engine.autoencoder.model import build_model, source_of, to_points
from tilework.engine.compute import Compute
from tilework.spec import load_spec

POINTS, IMAGES = 1024, 16


class Training:
    """The loop of `sides/bare_step.py` in a thread, with what a view needs to look at."""

    def __init__(self, last: int, warm: int) -> None:
        spec = load_spec("rqvae-digits")
        self.last, self.warm = last, warm
        self.precision = Compute(spec.engine).precision
        torch.set_num_threads(1)
        torch.manual_seed(spec.seed)
        self.model = build_model(spec).to(memory_format=torch.channels_last)
        self.model.bottleneck.deferred = True
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=spec.optimizer.lr.start_value, fused=True)
        self.weights = {n: term.weight.start_value for n, term in spec.objective.items()}  # type: ignore[attr-defined]
        store = prepare(source_of(spec))
        split = split_by(store, source_of(spec).split)
        self.batches = Batches(store, split.train, spec.engine.batch_size, seed=spec.seed)
        look = Batches(store, split.train, POINTS, seed=0)
        batch = next(iter(look.epoch(0)))
        self.looked_at, self.labels = batch.images, batch.labels.numpy()
        self.held_out = next(iter(Batches(store, split.validation, IMAGES, seed=0).epoch(0))).images
        with torch.no_grad():
            self.model.bottleneck.start(to_points(self.model.encoder(batch.images)), torch.Generator().manual_seed(0))
        self.step = 0
        self.history: dict[str, list[float]] = {name: [] for name in ("loss", *self.weights)}
        self.times: dict[int, float] = {}

    def run(self) -> None:
        """Train to the last step, epoch after epoch."""
        epoch = 0
        while self.step < self.last:
            for batch in self.batches.epoch(epoch):
                self.one(batch.images)
                if self.step == self.last:
                    return
            epoch += 1

    def one(self, x: torch.Tensor) -> None:
        """One step; losses are kept every ten, as the studio's rows are."""
        with torch.autocast("cpu", torch.bfloat16) if self.precision == "bf16" else nullcontext():
            recon, latent = self.model(x)
        losses = {"mse": F.mse_loss(recon.float(), x), **latent.losses}
        loss = sum(self.weights[name] * value for name, value in losses.items())
        loss.backward()  # type: ignore[union-attr]
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.model.bottleneck.update()
        self.step += 1
        if self.step % 10 == 0:
            for name, value in {"loss": torch.as_tensor(loss), **losses}.items():
                self.history[name].append(float(value.detach()))
        if self.step in (self.warm, self.last):
            self.times[self.step] = time.perf_counter()

    @torch.no_grad()
    def figure(self) -> Any:
        """The whole view as one Matplotlib figure."""
        from matplotlib.figure import Figure

        made = Figure(figsize=(12, 7), layout="constrained")
        latent_space, curves, shown = made.subplot_mosaic(
            [["latent", "curves"], ["latent", "images"]], width_ratios=[3, 2]
        ).values()
        points = to_points(self.model.encoder(self.looked_at)).float().numpy()
        latent_space.scatter(points[:, 0], points[:, 1], c=self.labels, s=8, cmap="tab10")
        for book, mark in zip(self.model.bottleneck.codebooks(), "o^", strict=True):
            places = book.detach().float().numpy()
            latent_space.scatter(places[:, 0], places[:, 1], marker=mark, s=90, c="white", edgecolors="black")
            for number, (x, y) in enumerate(places):
                latent_space.annotate(str(number), (x, y), ha="center", va="center", fontsize=6)
        latent_space.set_title(f"step {self.step}")
        for name, values in self.history.items():
            curves.plot([10 * (at + 1) for at in range(len(values))], values[:], label=name)
        curves.set_yscale("log")
        curves.legend()
        recon = self.model(self.held_out)[0].float()
        rows = torch.cat([torch.cat(list(images[:, 0]), dim=1) for images in (self.held_out, recon)])
        shown.imshow(rows.numpy(), cmap="gray")
        shown.axis("off")
        return made


def serve(training: Training, port: int, interval: float) -> None:
    """The page: one plot, drawn anew at each tick of the timer. Returns when it is served."""
    import gradio as gr

    with gr.Blocks(analytics_enabled=False) as page:
        plot = gr.Plot(label="rqvae-digits", elem_id="view")
        gr.Timer(interval).tick(training.figure, outputs=plot, show_progress="hidden")
    page.launch(server_port=port, prevent_thread_lock=True, quiet=True, show_error=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, required=True, help="steps that are timed")
    parser.add_argument("--warm", type=int, default=250, help="steps before the clock starts")
    parser.add_argument("--port", type=int, default=0, help="where the view is served; 0 = no view")
    parser.add_argument("--interval", type=float, default=0.1, help="seconds between two ticks of the timer")
    given = parser.parse_args()
    training = Training(given.warm + given.steps, given.warm)
    if given.port:
        serve(training, given.port, given.interval)
        print("serving", flush=True)
    thread = threading.Thread(target=training.run)
    thread.start()
    thread.join()
    print_result({"steps_per_second": given.steps / (training.times[training.last] - training.times[given.warm])})
    sys.stdout.flush()
    os._exit(0)  # Gradio's threads would go on


if __name__ == "__main__":
    main()
