"""tilework's own training loop with the guard on, or with `--off`: the same settings, the same steps."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sides.real_loop import main

if __name__ == "__main__":
    off = "--off" in sys.argv
    if off:
        sys.argv.remove("--off")
    main(__doc__ or "", f"engine.guard.enabled={'false' if off else 'true'}")
