"""The studio, looking for frames and rows more often than it does for people: `--quick N` times. Else `tilework studio`."""

from __future__ import annotations

import sys

from tilework.cli import main as command_line
from tilework.studio import run_feed


def main() -> None:
    at = sys.argv.index("--quick")
    quick = float(sys.argv[at + 1])
    del sys.argv[at : at + 2]
    run_feed.LOOK_SECONDS /= quick
    run_feed.STORE_SECONDS /= quick
    sys.argv.insert(1, "studio")
    command_line()


if __name__ == "__main__":
    main()
