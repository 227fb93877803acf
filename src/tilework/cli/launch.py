"""`accelerate launch --cpu --num_processes N`, made to do what its options ask for.

Accelerate starts N processes only for GPUs; for the CPU it starts one and drops the number with no error message (its
issue 2741). A run that silently used one process instead of two would be the wrong run, so the command starts itself
anew under torch's own launcher, with as many processes as were asked for.
"""

from __future__ import annotations

import os
import sys


def relaunch_if_asked() -> None:
    """Replace this process by N of them where Accelerate was asked for N on the CPU and started one. Else do nothing."""
    if "ACCELERATE_USE_CPU" not in os.environ or "WORLD_SIZE" in os.environ:
        return
    import psutil  # comes with accelerate

    parent = psutil.Process().parent()
    wanted = processes_asked_for(parent.cmdline() if parent is not None else [])
    if wanted > 1:
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={wanted}", "-m", "tilework"]
        os.execv(sys.executable, [sys.executable, *launcher, *sys.argv[1:]])


def processes_asked_for(command: list[str]) -> int:
    """The number after `--num_processes` in the launcher's own part of an `accelerate launch` command line; 1 if none."""
    for at, word in enumerate(command):
        if word in {"-m", "--module"} and at > 2:
            break  # What follows is the program's, not the launcher's.
        name, _, value = word.partition("=")
        if name in {"--num_processes", "--num-processes"}:
            text = value or (command[at + 1] if at + 1 < len(command) else "")
            return int(text) if text.isdigit() else 1
    return 1
