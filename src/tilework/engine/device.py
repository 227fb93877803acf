"""Which device and which arithmetic a run gets, from what was asked for and what is there."""

from __future__ import annotations

import torch

from tilework.errors import UserError


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


def choose_device(wanted: str, setting: str = "device={!r}") -> str:
    """`auto` takes CUDA, then Apple's MPS, then the CPU. Raises UserError for a device that is not there, in the words in which
    it was asked for: `setting` with a device in it."""
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted not in {"auto", *has}:
        raise UserError(
            f"there is no device {wanted!r}",
            why=f"the devices are auto, {', '.join(has)}",
            fix=f"use {setting.format('auto')}",
        )
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if has[name])
    if not has[wanted]:
        raise UserError(
            f"torch finds no {wanted} device here, which {setting.format(wanted)} asks for",
            why="no such hardware, or a torch build without it",
            fix=f"use {setting.format('auto')}",
        )
    return wanted
