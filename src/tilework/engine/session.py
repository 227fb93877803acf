"""Everything that a run needs, put together and checked before the first step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from numpy.typing import NDArray
from torch import nn

from tilework.data import Batches, FrameStore, Split, prepare, split_by
from tilework.engine import checkpoint
from tilework.engine.averaging import WeightAverage
from tilework.engine.device import make_accelerator, precision_name
from tilework.engine.model import Autoencoder, build_model, check_tokens, grid_of, parameter_count, source_of
from tilework.engine.progress import Plan, Progress
from tilework.engine.ranks import gathered
from tilework.engine.rehearsal import faults
from tilework.engine.snapshot import PICTURES
from tilework.engine.statistics import BatchStatistics
from tilework.engine.step import Stepper, make_optimizer
from tilework.engine.stopping import Patience, PlateauState
from tilework.engine.tally import Tally, UsageWindow
from tilework.engine.trackers import check_trackers
from tilework.errors import UserError
from tilework.objective import Outcome, TermConfig
from tilework.objective.total import Objective
from tilework.runs.folder import RunFolder
from tilework.spec import Plateau, RunSpec


@dataclass
class Position:
    """How far a run is. `step` optimiser steps are done; `batch` micro-batches of epoch `epoch` are used up."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0


@dataclass
class Judgement:
    """What validation has decided so far."""

    best: Patience = field(default_factory=Patience)
    early: Patience = field(default_factory=Patience)
    plateaus: dict[str, PlateauState] = field(default_factory=dict)
    """By `lr` or the loss term's name."""

    def cuts(self) -> dict[str, int]:
        """How often each plateau schedule has been cut."""
        return {name: p.cuts for name, p in self.plateaus.items()}


class Session:
    """The parts of one run on one process, and what of them a checkpoint keeps."""

    def __init__(self, spec: RunSpec, progress: Progress) -> None:
        check_trackers(spec.trackers)
        for fault in faults(spec):  # Said before any picture is read.
            raise fault
        self.spec = spec
        self.accelerator: Accelerator = make_accelerator(spec.engine)
        self.store: FrameStore = _prepared(self.accelerator, spec, progress)
        self.split: Split = split_by(self.store, source_of(spec).split, source_of(spec).duplicates)
        torch.manual_seed(spec.seed)  # The same initial weights on every rank.
        self.model: Autoencoder = build_model(spec)
        self.grid = grid_of(spec)
        self.positions = self.grid.width * self.grid.height
        check_tokens(spec, self.model, len(self.split.train))
        self.objective = Objective(cast(Mapping[str, TermConfig], spec.objective))
        self._try_out()

        device = self.accelerator.device
        layout = torch.channels_last if spec.engine.channels_last else torch.contiguous_format
        self.model.to(device).to(memory_format=layout)
        self.objective.to(device)
        self.model.bottleneck.deferred = True
        self.train_batches = self._batches(spec.engine.batch_size, train=True)
        self.held_out = self._batches(spec.engine.batch_size, train=False)
        # Spread over the held-out side: its first few may all be of one class, or of one clip.
        spread = np.linspace(0, len(self.split.validation) - 1, min(PICTURES, len(self.split.validation))).round()
        self.shown = self._batches(PICTURES, train=False, indices=self.split.validation[spread.astype(np.int64)])
        self.steps_per_epoch = max(1, self.train_batches.steps_per_epoch // spec.optimizer.accumulate)
        self.total_steps = min(
            spec.engine.steps or 2**62, spec.engine.epochs * self.steps_per_epoch if spec.engine.epochs else 2**62
        )
        self.average = WeightAverage(self.model, spec.engine.ema_decay) if spec.engine.ema_decay else None
        self.optimizer, self.wrapped = self._wrap()
        self.stepper = Stepper(
            self.accelerator, self.wrapped, self.model.bottleneck, self.optimizer, self.objective, spec.optimizer
        )
        self.statistics = BatchStatistics(self.model)
        self.position = Position()
        self.steered: dict[str, float] = {}
        """Settings changed by hand while the run goes on, by their path in the spec; they replace its schedules."""
        self.judgement = Judgement(plateaus=self._plateaus())
        self.tally = Tally()
        self.window = UsageWindow()
        # From here on each rank draws its own noise.
        torch.manual_seed(spec.seed + 1_000_003 * (self.accelerator.process_index + 1))

    def _batches(self, batch_size: int, *, train: bool, indices: NDArray[np.int64] | None = None) -> Batches:
        engine, accelerator = self.spec.engine, self.accelerator
        return Batches(
            self.store,
            indices if indices is not None else self.split.train if train else self.split.validation,
            batch_size,
            seed=self.spec.seed,
            device=accelerator.device,
            shuffle=train,
            drop_last=train,
            rank=accelerator.process_index if train else 0,
            world=accelerator.num_processes if train else 1,
            keep_on_device=engine.data_on_device,
            channels_last=engine.channels_last,
        )

    def all_pictures(self) -> Batches:
        """Training batches that are the same on every rank, for the start of the codes."""
        return Batches(
            self.store,
            self.split.train,
            self.spec.engine.batch_size,
            seed=self.spec.seed,
            device=self.accelerator.device,
            keep_on_device="never",
            channels_last=self.spec.engine.channels_last,
        )

    def some_pictures(self, indices: NDArray[np.int64]) -> Batches:
        """All of these pictures of the store as one batch."""
        return self._batches(len(indices), train=False, indices=indices)

    def _wrap(self) -> tuple[AcceleratedOptimizer, nn.Module]:
        trainable = [p for p in self.model.parameters() if p.requires_grad]
        optimizer = make_optimizer(self.spec.optimizer, trainable, self.accelerator.device)
        if self.spec.engine.compile:
            self.model.encoder.compile()
            self.model.decoder.compile()
        wrapped, accelerated = self.accelerator.prepare(self.model, optimizer)
        return accelerated, wrapped

    def _plateaus(self) -> dict[str, PlateauState]:
        scheduled = {"lr": self.spec.optimizer.lr} | {
            name: cast(TermConfig, term).weight for name, term in self.spec.objective.items()
        }
        return {name: PlateauState(Patience()) for name, s in scheduled.items() if isinstance(s, Plateau)}

    @torch.no_grad()
    def _try_out(self) -> None:
        """Two blank pictures through the model: every loss term must find what it needs, and the shape must come back."""
        source = source_of(self.spec)
        x = torch.zeros(2, source.channels, source.size.height, source.size.width)
        self.model.eval()
        recon, latent = self.model(x)
        self.model.train()
        if recon.shape != x.shape:
            raise UserError(
                f"decoder gives pictures of {recon.shape[-1]}x{recon.shape[-2]}x{recon.shape[1]}, "
                f"but data.size and data.channels are {source.size} and {source.channels}",
                why="encoder and decoder do not mirror each other",
                fix="leave decoder.widths out, so that it mirrors the encoder",
            )
        with torch.enable_grad():  # Codes that learn by gradient are told from averages by their gradient.
            books = self.model.bottleneck.codebooks()
        self.objective.check(latent.losses, books)
        self.objective.rehearse(Outcome(x, recon.float(), latent.losses, latent.inputs, books))

    def weights(self) -> dict[str, float]:
        """Weight of every loss term at the next step."""
        return self._steered(self.objective.weights_at(self.position.step, self.steps_per_epoch, self.judgement.cuts()))

    def final_weights(self) -> dict[str, float]:
        """Weights where every schedule has ended: held-out losses use them, so that epochs can be compared."""
        return self._steered(self.objective.weights_at(max(self.total_steps, 10**9), self.steps_per_epoch))

    def _steered(self, weights: dict[str, float]) -> dict[str, float]:
        return {name: self.steered.get(f"objective.{name}", w) for name, w in weights.items()}

    def lr(self) -> float:
        """Learning rate of the next step."""
        if "optimizer.lr" in self.steered:
            return self.steered["optimizer.lr"]
        schedule = self.spec.optimizer.lr
        value = schedule.at(self.position.step, self.steps_per_epoch)
        if isinstance(schedule, Plateau):
            value = schedule.reduced(value, self.judgement.plateaus["lr"].cuts)
        return value

    def steer(self, name: str, value: float) -> None:
        """Set a weight, the learning rate or a knob of the bottleneck by hand, from the next step on.

        Raises UserError where a loss term lacks what it needs; nothing has changed then. A changed weight changes what the
        held-out loss means, so the judgement of best, plateau and early stopping begins anew.
        """
        before = self.final_weights()
        self._turn(name, value)
        if self.final_weights() != before:
            self.judgement.best, self.judgement.early = Patience(), Patience()
            for plateau in self.judgement.plateaus.values():
                plateau.patience = Patience()

    def _turn(self, name: str, value: float) -> None:
        section, _, rest = name.partition(".")
        if section == "bottleneck":
            self.model.bottleneck.set(rest, value)
        elif section == "objective" and value > 0:
            self._rehearse(rest)
        self.steered[name] = value

    def _rehearse(self, term: str) -> None:
        """A loss term that had no weight so far meets two blank pictures before it meets the run."""
        if term in self.objective.terms:
            return
        source, device = source_of(self.spec), self.accelerator.device
        x = torch.zeros(2, source.channels, source.size.height, source.size.width, device=device)
        was_training = self.model.training
        self.model.eval()
        try:
            # With gradients: some terms ask whether the codes have any.
            with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), torch.enable_grad():
                recon, latent = self.model(x)
                books = self.model.bottleneck.codebooks()
                outcome = Outcome(x, recon.float(), latent.losses, latent.inputs, books)
                try:
                    self.objective(outcome, {term: 1.0})
                except UserError:
                    if term in self.objective.terms:
                        del self.objective.terms[term]
                    raise
        finally:
            self.model.train(was_training)

    @property
    def epoch(self) -> float:
        """Passes over the training split so far, with the part of the present one."""
        return self.position.epoch + self.position.batch / self.micro_batches_per_epoch

    @property
    def micro_batches_per_epoch(self) -> int:
        """Batches of one epoch; `accumulate` of them make a step."""
        return self.steps_per_epoch * self.spec.optimizer.accumulate

    def used_settings(self) -> dict[str, float]:
        """What the step just taken used: every term's weight, and the learning rate."""
        scheduled = self.objective.weights_at(self.position.step - 1, self.steps_per_epoch, self.judgement.cuts())
        weights = self._steered(scheduled)
        return {f"weight.{name}": w for name, w in weights.items()} | {
            "lr": float(self.optimizer.optimizer.param_groups[0]["lr"])
        }

    def judged_weights(self) -> AbstractContextManager[None]:
        """Within this block the model has the weights that are judged and shown: the averaged ones where the run keeps them."""
        return self.average.in_place() if self.average is not None else nullcontext()

    def facts(self) -> dict[str, Any]:
        """What the run store says of the run as a whole."""
        return {
            "total_steps": self.total_steps,
            "total_epochs": self.total_steps / self.steps_per_epoch,
            "steps_per_epoch": self.steps_per_epoch,
            "parameters": parameter_count(self.model),
            "device": str(self.accelerator.device),
            "precision": precision_name(self.accelerator),
            "processes": self.accelerator.num_processes,
            "content_hash": self.store.content_hash,
            "classes": list(self.store.classes),
            "leak": self.leak,
            "held_out": len(self.split.validation),
            "split": self.split.told,
            "torch": torch.__version__,
        }

    def plan(self, run: RunFolder) -> Plan:
        """What is about to run, for whoever watches."""
        grid = self.grid
        return Plan(
            run,
            self.spec,
            len(self.split.train),
            len(self.split.validation),
            self.total_steps,
            self.steps_per_epoch,
            (grid.width, grid.height),
            parameter_count(self.model),
            str(self.accelerator.device),
            precision_name(self.accelerator),
            self.accelerator.num_processes,
            self.position.step,
        )

    def remarks(self) -> list[str]:
        """What a person should know of the pictures before the first step."""
        found = []
        if self.store.skipped:
            found.append(_left_out(self.store.skipped, self.store.count))
        if fewer := source_of(self.spec).shortfall(self.store.count):
            found.append(f"{fewer}.")
        if self.leak:
            found.append(self.leak)
        return found

    @property
    def leak(self) -> str:
        """One sentence where held-out figures look better than they are; "" where they can be taken at their word."""
        leak = self.split.leak
        if leak is None or (leak.twins <= 0.02 and (self.split.by == "group" or leak.neighbours == 0)):
            return ""
        return f"held-out figures are a little too good: {leak}"

    # What a checkpoint keeps -----------------------------------------------------------------------------------------

    def about(self) -> dict[str, Any]:
        """What model.json says beside the tensors."""
        from tilework import __version__

        return {
            "tilework": __version__,
            "spec": self.spec.model_dump(mode="json"),
            "epoch": self.position.epoch,
            "content_hash": self.store.content_hash,
            "classes": list(self.store.classes),
        }

    def state(self) -> dict[str, Any]:
        """Everything but the weights that an exact resume needs. Collective: every rank calls it."""
        own = {"rng": torch.get_rng_state(), "tally": self.tally.state(), "window": self.window.state()}
        if self.accelerator.device.type == "cuda":
            own["device_rng"] = torch.cuda.get_rng_state(self.accelerator.device)
        elif self.accelerator.device.type == "mps":
            own["device_rng"] = torch.mps.get_rng_state()
        ranks = gathered(self.accelerator, own)
        judged = self.judgement
        return {
            "optimizer": self.optimizer.optimizer.state_dict(),
            "scaler": self.accelerator.scaler.state_dict() if self.accelerator.scaler is not None else None,
            "average_steps": self.average.steps if self.average else 0,
            "position": vars(self.position).copy(),
            "best": vars(judged.best).copy(),
            "early": vars(judged.early).copy(),
            "plateaus": {n: {"cuts": p.cuts, "patience": vars(p.patience).copy()} for n, p in judged.plateaus.items()},
            "skipped_in_row": self.stepper.skipped_in_row,
            "steered": dict(self.steered),
            "ranks": ranks,
        }

    def restore(self, found: checkpoint.Checkpoint) -> str:
        """Go on exactly where a checkpoint stands; returns a remark where that cannot be exact, else ''.

        Raises UserError for a checkpoint that is damaged or does not fit the spec.
        """
        state = checkpoint.read_state(found)
        tensors = checkpoint.read_tensors(found.folder / "model.safetensors")
        checkpoint.load_weights(self.model, tensors, found.folder / "model.safetensors")
        try:
            return self._restore_state(found, state)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise UserError(
                f"{found.folder / 'state.pt'} does not fit the run",
                why=f"it is not the state that this spec needs ({type(error).__name__}: {error})",
                fix="restore the checkpoint as tilework wrote it",
            ) from None

    def _restore_state(self, found: checkpoint.Checkpoint, state: Mapping[str, Any]) -> str:
        device = self.accelerator.device
        if self.average is not None:
            self._restore_average(found, int(state["average_steps"]))
        self.optimizer.optimizer.load_state_dict(state["optimizer"])
        if self.accelerator.scaler is not None and state["scaler"] is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        self.position = Position(**state["position"])
        self.judgement = Judgement(
            Patience(**state["best"]),
            Patience(**state["early"]),
            {n: PlateauState(Patience(**p["patience"]), p["cuts"]) for n, p in state["plateaus"].items()},
        )
        self.stepper.skipped_in_row = state["skipped_in_row"].to(device)
        for name, value in state.get("steered", {}).items():
            self._turn(name, value)
        ranks = state["ranks"]
        if len(ranks) != self.accelerator.num_processes:
            return (
                f"this run was trained by {len(ranks)} process(es) and goes on with {self.accelerator.num_processes}: "
                "it continues, but not bit for bit"
            )
        own = ranks[self.accelerator.process_index]
        torch.set_rng_state(own["rng"])
        if "device_rng" in own and device.type == "cuda":
            torch.cuda.set_rng_state(own["device_rng"], device)
        elif "device_rng" in own and device.type == "mps":
            torch.mps.set_rng_state(own["device_rng"])
        self.tally.restore(own["tally"], device)
        self.window.restore(own["window"], device)
        return ""

    def _restore_average(self, found: checkpoint.Checkpoint, steps: int) -> None:
        assert self.average is not None
        path = found.folder / "ema.safetensors"
        # A run that kept no average until now begins one with the weights that it has.
        slow = checkpoint.read_tensors(path) if steps or path.is_file() else self.average.live
        if slow.keys() != self.average.slow.keys():
            raise UserError(
                f"{path} does not fit the model of its spec",
                why="it names other weights",
                fix="restore the checkpoint as tilework wrote it",
            )
        for name, tensor in self.average.slow.items():
            tensor.copy_(slow[name].detach())
        self.average.steps = steps


def _prepared(accelerator: Accelerator, spec: RunSpec, progress: Progress) -> FrameStore:
    """The frame store; the main process of each machine makes it, the others then find it."""
    with accelerator.local_main_process_first():
        try:
            return prepare(source_of(spec), progress=lambda done: progress.preparing("pictures", done))
        except UserError:
            if spec.note:  # What a recipe has to say about its pictures helps exactly where they cannot be had.
                progress.said(spec.note.strip())
            raise


def _left_out(skipped: Sequence[tuple[str, str]], count: int) -> str:
    named = "; ".join(f"{Path(file).name}: {reason}" for file, reason in skipped[:3])
    more = f"; and {len(skipped) - 3} more" if len(skipped) > 3 else ""
    return f"{len(skipped):,} of {count + len(skipped):,} pictures could not be used and are left out ({named}{more})."
