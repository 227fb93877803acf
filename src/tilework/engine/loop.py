"""The training story, from the spec to the last checkpoint; it reads downwards."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
import torch.distributed as dist

from tilework.data import Batch
from tilework.engine import checkpoint, snapshot
from tilework.engine.device import precision_name
from tilework.engine.model import grid_of, parameter_count, source_of
from tilework.engine.progress import Ending, Plan, Progress, Silent, Tick
from tilework.engine.session import Session, average_batch_statistics, largest_difference_between_ranks, shared
from tilework.engine.start import start_codes
from tilework.engine.stopping import Interrupt, should_stop_early
from tilework.engine.trackers import Trackers
from tilework.engine.validate import Validation, validate
from tilework.errors import RunFailure, TileworkError, UserError
from tilework.runs.atomic import atomic_write_text
from tilework.runs.folder import RunFolder, default_root
from tilework.runs.lock import RunLock
from tilework.runs.store import RunStore
from tilework.spec import Plateau, RunSpec, dump_yaml, load_spec


def train(spec: RunSpec, *, root: Path | None = None, progress: Progress | None = None) -> RunFolder:
    """Train a new run to its end (or until it is stopped) and return its folder.

    Everything is checked before the folder is made: a spec that cannot run leaves nothing behind. Raises UserError for what
    the person can change, RunFailure for what went wrong on the way (the last checkpoint then stands).
    """
    progress = progress or Silent()
    session = Session(spec, progress)
    main = session.accelerator.is_main_process
    with Interrupt().listening() as interrupt:  # from here on Ctrl-C leaves a run that can be resumed
        path = RunFolder.create(root or default_root(), spec.name, dump_yaml(spec)).path if main else None
        run = RunFolder(shared(session.accelerator, path))
        return _Loop(session, run, progress, interrupt).run(resumed=False)


def resume(run: RunFolder, *, progress: Progress | None = None, overrides: tuple[str, ...] = ()) -> RunFolder:
    """Go on with a run from its last checkpoint, exactly as if it had never stopped.

    `overrides` may touch `engine.*` and `trackers` only (a longer budget, another device), and are kept for the next
    resume. Raises UserError where the run is being trained already, its data changed, or its checkpoint is damaged;
    nothing is written then.
    """
    foreign = [o for o in overrides if not o.startswith(("engine.", "trackers"))]
    if foreign:
        raise UserError(
            f"a resumed run keeps its spec; '{foreign[0]}' would change it",
            why="only engine.* (budget, device, saving) and trackers may differ",
            fix=f"start a new run: tilework train {run.spec_file} {foreign[0]}",
        )
    progress = progress or Silent()
    found = checkpoint.find(run.checkpoints)
    session = Session(load_spec(str(run.spec_file), overrides), progress)
    if found.about.get("content_hash") != session.store.content_hash:
        raise UserError(
            f"the pictures of run {run.id} are not the ones that it was trained on",
            why="the source has changed since, so the run cannot go on where it stopped",
            fix=f"restore the pictures, or start a new run: tilework train {run.spec_file}",
        )
    remark = session.restore(found)
    if remark:
        progress.said(remark)
    with Interrupt().listening() as interrupt:
        return _Loop(session, run, progress, interrupt).run(resumed=True)


@dataclass
class _Best:
    """The best weights so far, kept in memory until the next checkpoint takes them to the disk."""

    step: int
    model: dict[str, torch.Tensor]
    average: dict[str, torch.Tensor] | None


class _Loop:
    def __init__(self, session: Session, run: RunFolder, progress: Progress, interrupt: Interrupt) -> None:
        self.session, self.run_folder, self.progress = session, run, progress
        self.main = session.accelerator.is_main_process
        self.lock = RunLock(run.path)
        self.store: RunStore | None = None
        self.trackers: Trackers | None = None
        self.interrupt = interrupt
        self.best: _Best | None = None
        self.newest: Validation | None = None
        self.began = self.last_save = self.last_tick = time.monotonic()
        self.before = session.position.seconds
        self.ticked_at = session.position.step
        # Several processes agree on stops and saves through the CPU, so that no step waits for a GPU.
        several = session.accelerator.num_processes > 1
        self.votes: dist.ProcessGroup | None = dist.new_group(backend="gloo") if several else None  # type: ignore[assignment]

    # The story -------------------------------------------------------------------------------------------------------

    def run(self, *, resumed: bool) -> RunFolder:
        session, spec, position = self.session, self.session.spec, self.session.position
        if self.main:
            self.lock.acquire()
        try:
            self._open(resumed)
            if not resumed:
                self._start()
            status, reason = "finished", "the budget is spent"
            stream = self._batches()
            while position.step < session.total_steps:
                self._step(list(islice(stream, spec.optimizer.accumulate)))
                if position.step % spec.engine.log_every_steps == 0:
                    self._log()
                at_end = position.batch == 0 or position.step == session.total_steps
                if at_end and self._epoch_ends():
                    reason = "no improvement for a while (early stopping)"
                    break
                stop, save = self._vote()
                if stop:
                    status, reason = "stopped", self._why_stopped()
                    break
                if save:
                    self._save()
            self._close(status, reason)
        except torch.OutOfMemoryError as error:
            raise self._failed(_out_of_memory(session, error)) from error
        except TileworkError as error:
            self._failed(error)
            raise
        finally:
            self._let_go()
        return self.run_folder

    def _batches(self) -> Iterator[Batch]:
        """Micro-batches from where the run stands, epoch after epoch, for ever."""
        position, per_epoch = (
            self.session.position,
            self.session.steps_per_epoch * self.session.spec.optimizer.accumulate,
        )
        epoch, start = position.epoch, position.batch
        while True:
            yield from islice(self.session.train_batches.epoch(epoch, start), per_epoch - start)
            epoch, start = epoch + 1, 0

    def _step(self, micro_batches: list[Batch]) -> None:
        session, position = self.session, self.session.position
        session.statistics.keep()
        result = session.stepper.step(micro_batches, session.weights(), session.lr())
        session.statistics.mend(session.stepper.skipped_in_row)
        if session.average is not None:
            session.average.update()
        session.tally.add(result.values)
        if result.counts is not None:
            session.window.add(result.counts)
        position.step += 1
        position.batch += len(micro_batches)
        if position.batch >= session.steps_per_epoch * session.spec.optimizer.accumulate:
            position.epoch, position.batch = position.epoch + 1, 0

    def _log(self) -> None:
        session, position = self.session, self.session.position
        values = session.tally.take() | session.window.figures()
        skipped = int(session.stepper.skipped_in_row)
        now = time.monotonic()
        rate = (position.step - self.ticked_at) / max(now - self.last_tick, 1e-9)
        self.last_tick, self.ticked_at = now, position.step
        if not self.main:
            return self._refuse_nonfinite(skipped, values)
        # The settings that the *last* step used: one step back.
        values |= {f"weight.{name}": w for name, w in self._used_weights().items()} | {"lr": self._used_lr}
        row = {**values, "steps_per_second": rate}
        assert self.store is not None
        assert self.trackers is not None
        self.store.log(position.step, self._epoch(), row, "train")
        self.trackers.log(position.step, self._epoch(), row, "train")
        bottleneck = session.model.bottleneck
        used = tuple(int(values[f"used.{level + 1}"]) for level in range(bottleneck.levels))
        self.progress.ticked(Tick(position.step, self._epoch(), rate, values, used, bottleneck.codes_per_level))
        if skipped:
            self.store.event("skipped-steps", position.step, in_row=skipped)
        return self._refuse_nonfinite(skipped, values)

    def _refuse_nonfinite(self, skipped: int, values: Mapping[str, float]) -> None:
        limit = self.session.spec.engine.nonfinite_steps
        if skipped > limit:
            culprits = [k for k, v in values.items() if not math.isfinite(v) and k not in {"loss", "grad_norm"}]
            term = culprits[0] if culprits else "the gradient"
            raise RunFailure(
                f"step {self.session.position.step:,}: {term} has been infinite or NaN for {skipped} steps in a row",
                why="the learning rate is too high for this loss, or nothing clips the gradient",
                fix="start again with optimizer.clip_norm=1.0 and a smaller optimizer.lr; "
                "the last checkpoint holds finite weights",
            )

    def _epoch_ends(self) -> bool:
        """Validation, and what it decides; True if the run should stop early."""
        session, spec, position = self.session, self.session.spec, self.session.position
        last = position.step == session.total_steps
        if position.epoch % spec.engine.validate_every_epochs and not last:
            return False
        found = self._validate()
        value = self._monitored(found.figures)
        if session.judgement.best.improved(value, 0.0):
            self.best = self._copy_of_weights()
        for name, state in session.judgement.plateaus.items():
            schedule = spec.optimizer.lr if name == "lr" else spec.objective[name].weight  # type: ignore[attr-defined]
            assert isinstance(schedule, Plateau)
            if state.validated(value, schedule) and self.store is not None:
                self.store.event("plateau", position.step, what=name, cuts=state.cuts)
        due = (position.epoch % spec.engine.snapshot_every_epochs == 0 and position.batch == 0) or last
        stop = spec.engine.early_stopping is not None and should_stop_early(
            session.judgement.early, value, spec.engine.early_stopping
        )
        if due or stop:
            self._snapshot(found)
        return stop

    # Its parts -------------------------------------------------------------------------------------------------------

    def _open(self, resumed: bool) -> None:
        session, position = self.session, self.session.position
        if self.main:
            if resumed:
                self.store = RunStore.open(self.run_folder.db, readonly=False)
                self.store.rewind(position.step)
                self._keep_spec()
            else:
                self.store = RunStore.create(self.run_folder.db)
            self.trackers = Trackers(session.accelerator, session.spec, self.run_folder)
            if resumed:
                self.trackers.rewind(position.step)
            facts = {
                "status": "running",
                "total_steps": session.total_steps,
                "total_epochs": session.total_steps / session.steps_per_epoch,
                "steps_per_epoch": session.steps_per_epoch,
                "parameters": parameter_count(session.model),
                "device": str(session.accelerator.device),
                "precision": precision_name(session.accelerator),
                "processes": session.accelerator.num_processes,
                "content_hash": session.store.content_hash,
                "classes": list(session.store.classes),
                "torch": torch.__version__,
            }
            for key, value in facts.items():
                self.store.set_meta(key, value)
            self.store.event("resumed" if resumed else "started", position.step)
        if session.store.skipped and not resumed:
            self.progress.said(_left_out(session.store.skipped, session.store.count))
        leak = session.split.leak
        if leak is not None and not resumed and (source_of(session.spec).split.by == "frame" or leak.twins > 0.02):
            self.progress.said(f"Held-out figures flatter this model: {leak}.")
        grid = grid_of(session.spec)
        self.progress.started(
            Plan(
                self.run_folder,
                session.spec,
                len(session.split.train),
                len(session.split.validation),
                session.total_steps,
                session.steps_per_epoch,
                (grid.width, grid.height),
                parameter_count(session.model),
                str(session.accelerator.device),
                precision_name(session.accelerator),
                session.accelerator.num_processes,
                position.step,
            )
        )

    def _keep_spec(self) -> None:
        """A longer budget given at a resume holds for the next resume too."""
        if load_spec(str(self.run_folder.spec_file)) != self.session.spec:
            atomic_write_text(self.run_folder.spec_file, dump_yaml(self.session.spec))

    def _start(self) -> None:
        """Codes among the data, the first held-out pass and a checkpoint of step 0, so that nothing can be lost."""
        session = self.session
        self.progress.preparing("codes", 0)
        points = start_codes(
            session.accelerator,
            session.model,
            session.all_pictures(),
            session.spec.engine.start_batches,
            session.spec.seed,
        )
        if points and self.store is not None:
            self.store.event("codes-started", 0, points=points)
        self._save()  # before the held-out pass, which may be long
        self._snapshot(self._validate())

    def _validate(self) -> Validation:
        session, position = self.session, self.session.position
        if self.votes is not None:
            average_batch_statistics(session.model)
        if session.average is not None:
            with session.average.in_place():
                found = self._held_out_pass()
        else:
            found = self._held_out_pass()
        self.newest = found
        if self.store is not None and self.trackers is not None:
            self.store.log(position.step, self._epoch(), found.figures, "val")
            self.trackers.log(position.step, self._epoch(), found.figures, "val")
        self.progress.validated(position.step, found.figures)
        return found

    def _held_out_pass(self) -> Validation:
        session = self.session
        return validate(
            session.accelerator,
            session.model,
            session.model.bottleneck,
            session.objective,
            session.held_out,
            session.final_weights(),
        )

    def _monitored(self, figures: Mapping[str, float]) -> float:
        name = self.session.spec.engine.monitor
        if name not in figures:
            raise UserError(
                f"engine.monitor is '{name}', which the held-out pass does not measure",
                why=f"it measures {', '.join(figures)}",
                fix="use engine.monitor=loss",
            )
        higher_is_better = name == "psnr" or name.startswith(("perplexity", "used"))
        return -figures[name] if higher_is_better else figures[name]

    def _snapshot(self, found: Validation) -> None:
        if self.store is None:
            return
        session, position = self.session, self.session.position
        images = next(iter(session.shown.epoch(0))).images
        if session.average is not None:
            with session.average.in_place():
                pictures = snapshot.reconstructions(session.model, images)
        else:
            pictures = snapshot.reconstructions(session.model, images)
        kinds = {
            "reconstructions": pictures,
            "usage": snapshot.usage(found),
            "latent": snapshot.latent_map(found, session.model.bottleneck),
        }
        for kind, arrays in kinds.items():
            if arrays is not None:
                name = snapshot.write(self.run_folder.snapshots, kind, position.step, arrays)
                self.store.snapshot(position.step, self._epoch(), kind, f"snapshots/{name}")

    def _copy_of_weights(self) -> _Best | None:
        if not self.main:
            return None
        average = self.session.average
        return _Best(
            self.session.position.step,
            {k: v.detach().clone() for k, v in self.session.model.state_dict().items()},
            {k: v.clone() for k, v in average.slow.items()} if average else None,
        )

    def _save(self) -> None:
        session, position = self.session, self.session.position
        position.seconds = self.before + time.monotonic() - self.began
        state, about = session.state(), session.about()
        if self.main:
            assert self.store is not None
            self.store.set_meta("seconds", position.seconds)
            self.store.flush()
            keep = session.spec.engine.keep_checkpoints
            if self.best is not None:
                checkpoint.save(
                    self.run_folder.checkpoints,
                    step=self.best.step,
                    about=about,
                    model=self.best.model,
                    average=self.best.average,
                    state=None,
                    keep=keep,
                    which="best",
                )
            checkpoint.save(
                self.run_folder.checkpoints,
                step=position.step,
                about=about,
                model=session.model.state_dict(),
                average=session.average.slow if session.average else None,
                state=state,
                keep=keep,
            )
            self.progress.saved(position.step)
        self.best = None
        self.last_save = time.monotonic()

    def _vote(self) -> tuple[bool, bool]:
        """(stop?, save?), the same on every rank."""
        engine, now = self.session.spec.engine, time.monotonic()
        stop = self.interrupt.asked or self._time_is_up(now)
        save = now - self.last_save > engine.save_every_minutes * 60 or (
            engine.save_every_steps is not None and self.session.position.step % engine.save_every_steps == 0
        )
        if self.votes is not None:
            ballot = torch.tensor([stop, save and self.main], dtype=torch.int32)
            dist.all_reduce(ballot, dist.ReduceOp.MAX, group=self.votes)
            stop, save = bool(ballot[0]), bool(ballot[1])
        return stop, save

    def _time_is_up(self, now: float) -> bool:
        limit = self.session.spec.engine.stop_after_minutes
        return limit is not None and now - self.began > limit * 60

    def _why_stopped(self) -> str:
        if self._time_is_up(time.monotonic()) and not self.interrupt.asked:
            return "engine.stop_after_minutes is over"
        return {"SIGINT": "Ctrl-C", "SIGTERM": "asked to end (SIGTERM)"}.get(self.interrupt.name, "asked to stop")

    def _close(self, status: str, reason: str) -> None:
        position = self.session.position
        figures: Mapping[str, float] = self.newest.figures if self.newest else {}
        apart = largest_difference_between_ranks(self.session.model) if self.votes is not None else None
        self._save()
        if self.main:
            assert self.store is not None
            if apart is not None:
                self.store.event("ranks-compared", position.step, largest_difference=apart)
            self.store.event(status, position.step, reason=reason)
            self.store.set_meta("status", status)
            self.store.flush()
        seconds = position.seconds
        self.progress.ended(Ending(status, reason, position.step, seconds, figures))

    def _failed(self, error: TileworkError) -> TileworkError:
        """Write down why the run ends here, if the store still takes it."""
        if self.store is not None:
            with contextlib.suppress(TileworkError):
                self.store.event("failed", self.session.position.step, what=error.what, why=error.why, fix=error.fix)
                self.store.flush()
        return error

    def _let_go(self) -> None:
        with contextlib.ExitStack() as held:
            if self.main:
                held.callback(self.lock.release)
            if self.store is not None:
                held.callback(self.store.close)
            if self.trackers is not None:
                held.callback(self.trackers.close)

    # Small answers ---------------------------------------------------------------------------------------------------

    def _epoch(self) -> float:
        position, per_epoch = (
            self.session.position,
            self.session.steps_per_epoch * self.session.spec.optimizer.accumulate,
        )
        return position.epoch + position.batch / per_epoch

    def _used_weights(self) -> dict[str, float]:
        session = self.session
        return session.objective.weights_at(
            session.position.step - 1, session.steps_per_epoch, session.judgement.cuts()
        )

    @property
    def _used_lr(self) -> float:
        return float(self.session.optimizer.optimizer.param_groups[0]["lr"])


def _left_out(skipped: Sequence[tuple[str, str]], count: int) -> str:
    named = "; ".join(f"{Path(file).name}: {reason}" for file, reason in skipped[:3])
    more = f"; and {len(skipped) - 3} more" if len(skipped) > 3 else ""
    return f"{len(skipped):,} of {count + len(skipped):,} pictures could not be used and are left out ({named}{more})."


def _out_of_memory(session: Session, error: Exception) -> RunFailure:
    batch = session.spec.engine.batch_size
    return RunFailure(
        f"the device ran out of memory at step {session.position.step:,} with engine.batch_size={batch}",
        why=(str(error).splitlines() or [""])[0],
        fix=f"train with engine.batch_size={max(1, batch // 2)} optimizer.accumulate={session.spec.optimizer.accumulate * 2}",
    )
