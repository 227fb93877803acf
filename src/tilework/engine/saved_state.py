"""What a checkpoint keeps beside the weights, and how a run goes on from it: exactly, or with a warning that it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tilework.engine import checkpoint
from tilework.engine.guard.saved import UNREAD, entries_of, restored
from tilework.engine.session import Session
from tilework.engine.state import Judgement, Position
from tilework.engine.stopping import Patience, PlateauState
from tilework.errors import UserError

_POSITION = {"step": int, "epoch": int, "batch": int, "seconds": (int, float)}
_POSITION_LATER = {"used": int, "length": int}
"""What the position has since the batch size may change within an epoch."""
_PATIENCE = {"best": (int, float), "waited": int}
_STATE = {
    "optimizer": dict, "average_steps": int, "position": dict, "best": dict, "early": dict, "plateaus": dict,
    "skipped_in_row": Tensor, "ranks": list,
}  # fmt: skip
_RANK = {"rng": Tensor, "tally": dict}


def capture(session: Session) -> dict[str, Any]:
    """Everything but the weights that an exact resume needs. Collective: every process calls it."""
    parts, state = session.parts, session.state
    device = parts.compute.device
    own = {"rng": torch.get_rng_state(), "tally": state.tally.state(), "task": parts.task.state()}
    own["unread"] = session.guard.history.unread()
    if device.type == "cuda":
        own["device_rng"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        own["device_rng"] = torch.mps.get_rng_state()
    judged, scaler = state.judgement, parts.compute.scaler
    return {
        "optimizer": parts.stepper.inner.state_dict(),
        "scaler": scaler.state_dict() if scaler is not None else None,
        "average_steps": parts.average.steps if parts.average else 0,
        "position": vars(state.position).copy(),
        "clock": [list(mark) for mark in parts.budget.clock.marks],
        "best": vars(judged.best).copy(),
        "early": vars(judged.early).copy(),
        "plateaus": {n: {"cuts": p.cuts, "patience": vars(p.patience).copy()} for n, p in judged.plateaus.items()},
        "skipped_in_row": parts.stepper.skipped_in_row,
        "steered": dict(state.set_by_hand),
        "guard": session.guard.saved(),
        "ranks": parts.compute.gathered(own),
    }


@dataclass(frozen=True)
class Saved:
    """What `capture` gave, read back and of the right types."""

    found: checkpoint.Checkpoint
    state: Mapping[str, Any]

    @property
    def position(self) -> Position:
        """Where the run stood."""
        return Position(**self.state["position"])

    @property
    def marks(self) -> tuple[tuple[int, float], ...]:
        """Of its clock."""
        return tuple((int(step), float(epochs)) for step, epochs in self.state.get("clock", ()))


def read(found: checkpoint.Checkpoint) -> Saved:
    """The state of a checkpoint. Raises UserError for one that is damaged."""
    saved = checkpoint.read_state(found)
    _check(saved, found.folder / "state.pt")
    return Saved(found, saved)


def restore(session: Session, read: Saved) -> str:
    """Take over what a checkpoint holds, all but its position; returns a warning where that cannot be exact, else "".

    Raises UserError for a checkpoint that does not fit the spec.
    """
    found, saved = read.found, read.state
    where = found.folder / "state.pt"
    tensors = checkpoint.read_tensors(found.folder / "model.safetensors")
    checkpoint.load_weights(session.parts.model, tensors, found.folder / "model.safetensors")
    _restore_average(session, found, saved["average_steps"])
    _restore_optimizer(session, saved, where)
    state = session.state
    state.judgement = Judgement(
        Patience(**saved["best"]),
        Patience(**saved["early"]),
        {n: PlateauState(Patience(**p["patience"]), p["cuts"]) for n, p in saved["plateaus"].items()},
    )
    session.parts.stepper.skipped_in_row = saved["skipped_in_row"].to(session.parts.compute.device)
    for name, value in saved.get("steered", {}).items():
        session.steering.set_again(name, value)
    warning = _restore_process(session, saved["ranks"])
    _restore_guard(session, saved, where)
    return warning


def _restore_guard(session: Session, saved: Mapping[str, Any], where: Path) -> None:
    """A checkpoint of before there was one does not have it: the state as it is counts as good."""
    if "guard" not in saved:
        return
    ranks, rank = saved["ranks"], session.parts.compute.rank
    unread = ranks[rank].get("unread", ()) if len(ranks) == session.parts.compute.world else ()
    if misfit := restored(session.guard, saved["guard"], unread, saved["position"]["step"]):
        raise _misfit(where, f"{misfit} is of another shape")


def _restore_process(session: Session, ranks: list[dict[str, Any]]) -> str:
    """Random state and running means of this process."""
    compute = session.parts.compute
    if len(ranks) != compute.world:
        return (
            f"this run was trained by {len(ranks)} process(es) and goes on with {compute.world}: "
            "it continues, but not bit for bit"
        )
    own, device = ranks[compute.rank], compute.device
    torch.set_rng_state(own["rng"])
    if "device_rng" in own and device.type == "cuda":
        torch.cuda.set_rng_state(own["device_rng"], device)
    elif "device_rng" in own and device.type == "mps":
        torch.mps.set_rng_state(own["device_rng"])
    session.state.tally.restore(own["tally"], device)
    # Until there were tasks, an autoencoder's was the window of its code usage.
    session.parts.task.restore(own.get("task", own.get("window")))
    return ""


def _restore_optimizer(session: Session, saved: Mapping[str, Any], where: Path) -> None:
    scaler = session.parts.compute.scaler
    try:
        session.parts.stepper.inner.load_state_dict(saved["optimizer"])
        if scaler is not None and saved.get("scaler") is not None:
            scaler.load_state_dict(saved["scaler"])
    except (ValueError, KeyError) as error:  # What torch raises for the state of other parameters.
        raise _misfit(where, f"optimizer: {error}") from None


def _restore_average(session: Session, found: checkpoint.Checkpoint, steps: int) -> None:
    average = session.parts.average
    if average is None:
        return
    path = found.folder / "ema.safetensors"
    # A run that kept no average until now begins one with the weights that it has.
    slow = checkpoint.read_tensors(path) if steps or path.is_file() else average.live
    if {k: t.shape for k, t in slow.items()} != {k: t.shape for k, t in average.slow.items()}:
        raise UserError(
            f"{path} does not fit the model of its spec",
            why="it names other weights",
            fix="restore the checkpoint as tilework wrote it",
        )
    for name, tensor in average.slow.items():
        tensor.copy_(slow[name].detach())
    average.steps = steps


# A checkpoint is read with suspicion: each entry is there and of its type before anything is taken over -----------------


def _check(saved: Mapping[str, Any], where: Path) -> None:
    _check_entries(saved, _STATE, "", where)
    _check_entries(saved["optimizer"], {"state": dict, "param_groups": list}, "optimizer.", where)
    position = {**dict.fromkeys(_POSITION_LATER, 0), **saved["position"]}
    _check_entries(position, _POSITION | _POSITION_LATER, "position.", where, only=True)
    _check_type(saved.get("clock", []), list, "clock", where)
    for number, mark in enumerate(saved.get("clock", [])):
        if not (isinstance(mark, list) and len(mark) == 2 and all(isinstance(n, (int, float)) for n in mark)):
            raise _misfit(where, f"clock.{number} is not a step and its epochs")
    for name in ("best", "early"):
        _check_entries(saved[name], _PATIENCE, f"{name}.", where, only=True)
    for name, plateau in saved["plateaus"].items():
        _check_type(plateau, dict, f"plateaus.{name}", where)
        _check_entries(plateau, {"cuts": int, "patience": dict}, f"plateaus.{name}.", where)
        _check_entries(plateau["patience"], _PATIENCE, f"plateaus.{name}.patience.", where, only=True)
    for number, rank in enumerate(saved["ranks"]):
        _check_type(rank, dict, f"ranks.{number}", where)
        _check_entries(rank, _RANK, f"ranks.{number}.", where)
        _check_entries(rank["tally"], {"names": list, "steps": int, "closed": dict}, f"ranks.{number}.tally.", where)
        _check_type(rank.get("unread", []), list, f"ranks.{number}.unread", where)
        for step, unread in enumerate(rank.get("unread", [])):
            _check_type(unread, dict, f"ranks.{number}.unread.{step}", where)
            _check_entries(unread, UNREAD, f"ranks.{number}.unread.{step}.", where)
    if "guard" in saved:
        _check_type(saved["guard"], dict, "guard", where)
        for given, wanted, prefix in entries_of(saved["guard"]):
            _check_type(given, dict, prefix.rstrip("."), where)
            _check_entries(given, wanted, prefix, where, only=True)
    for name, value in saved.get("steered", {}).items():
        _check_type(value, (int, float), f"steered.{name}", where)


def _check_entries(
    given: Mapping[str, Any], wanted: Mapping[str, Any], prefix: str, where: Path, *, only: bool = False
) -> None:
    for name, kind in wanted.items():
        if name not in given:
            raise _misfit(where, f"{prefix}{name} is missing")
        _check_type(given[name], kind, f"{prefix}{name}", where)
    if only and given.keys() - wanted.keys():
        raise _misfit(where, f"{prefix}{sorted(given.keys() - wanted.keys())[0]} is unknown")


def _check_type(value: Any, kind: Any, name: str, where: Path) -> None:
    if not isinstance(value, kind):
        raise _misfit(where, f"{name} is a {type(value).__name__}")


def _misfit(where: Path, why: str) -> UserError:
    return UserError(
        f"{where} does not fit the run",
        why=f"it is not the state that this spec needs ({why})",
        fix="restore the checkpoint as tilework wrote it",
    )
