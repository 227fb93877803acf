"""What a figure depends on: the machine and the versions, kept beside every figure."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

_PACKAGES = ("torch", "jax", "flax", "optax", "numpy", "pillow", "gradio", "x-transformers", "tilework")


def facts() -> dict[str, object]:
    """CPU model, cores that this process may use, memory, Python and the versions of what computes."""
    return {
        "cpu": _cpu_model(),
        "cores": len(usable_cores()),
        "memory_gib": _memory_gib(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: _version(name) for name in _PACKAGES},
    }


def usable_cores() -> list[int]:
    """Numbers of the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def keep_to_cores(count: int) -> None:
    """Run this process and all that it starts on `count` cores, where the system allows it, with as many threads."""
    chosen = usable_cores()[:count]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, chosen)
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(len(chosen))


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return platform.processor() or platform.machine()
    fields = {}
    for line in info.read_text(encoding="utf-8").splitlines():
        if not line.strip() and fields:
            break
        key, _, value = line.partition(":")
        fields[key.strip()] = value.strip()
    # Virtual machines often hide the model behind a bare brand; family and model number then show which it is.
    parts = (f"{key} {fields[key]}" for key in ("cpu family", "model") if key in fields)
    features = {"avx512_bf16", "amx_bf16"} & set(fields.get("flags", "").split())
    return ", ".join([fields.get("model name", platform.machine()), *parts, *sorted(features)])


def _memory_gib() -> float | None:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
