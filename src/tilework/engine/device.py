"""Where and in which arithmetic a run computes."""

from __future__ import annotations

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState

from tilework.engine.memory import keep_freed_memory
from tilework.engine.ranks import leave_group_at_exit
from tilework.errors import UserError
from tilework.spec import EngineSettings


def cpu_has_bf16() -> bool:
    """True where bf16 matrix products run in hardware (AMX or AVX512-BF16); elsewhere they are emulated and slow."""
    checks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(bool(getattr(torch.cpu, name, lambda: False)()) for name in checks)


def choose_precision(wanted: str, device_type: str) -> str:
    """`auto`: bf16 where the hardware has it, fp16 (with loss scaling) on older GPUs, float32 otherwise."""
    if wanted != "auto":
        if wanted == "fp16" and device_type != "cuda":
            raise UserError(
                f"engine.precision is fp16 but the run is on {device_type}",
                why="fp16 needs scaled losses, which torch has for CUDA only",
                fix="use engine.precision=auto",
            )
        return wanted
    if device_type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if device_type == "cpu" and cpu_has_bf16():
        return "bf16"
    return "float32"


def choose_device(wanted: str) -> str:
    """`auto` takes CUDA, then Apple's MPS, then the CPU. Raises UserError for a device that is not there."""
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if has[name])
    if not has[wanted]:
        raise UserError(
            f"engine.device is {wanted} but torch finds no {wanted} device here",
            why="no such hardware, or a torch build without it",
            fix="use engine.device=auto",
        )
    return wanted


def make_accelerator(settings: EngineSettings) -> Accelerator:
    """An Accelerator for these settings; one process, or the group that `accelerate launch` or `torchrun` started."""
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    device = choose_device(settings.device)
    if device == "cpu":
        keep_freed_memory()
    precision = choose_precision(settings.precision, device)
    # The state is a process-wide singleton: without a reset a second run in this process keeps the first one's precision.
    AcceleratorState._reset_state(reset_partial_state=False)
    leave_group_at_exit()
    return Accelerator(
        mixed_precision="no" if precision == "float32" else precision,
        cpu=device == "cpu",
        # Codebooks and statistics are kept equal by the bottleneck itself; broadcasting buffers would cost a step's time.
        kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
    )


def precision_name(accelerator: Accelerator) -> str:
    """`float32`, `bf16` or `fp16`."""
    return "float32" if accelerator.mixed_precision == "no" else str(accelerator.mixed_precision)
