"""The process of one open model: `python -m tilework.studio.models.process`, started by the studio. What it computes is
`tilework.explore`; here it is loaded once, and asked.

The first line of its input names the model; the rest are orders (pipe.py). It ends when its input does.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from pathlib import Path
from typing import Any

from tilework.studio.models.courtesy import Courtesy
from tilework.studio.models.progress import here
from tilework.studio.models.serving import Voice, listen, problem_of, serve


def main() -> None:
    """Load, report that, answer until the input ends."""
    voice = Voice.taken()
    faulthandler.enable()
    wanted: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    waiting, courtesy = listen(sys.stdin.buffer, voice), Courtesy()
    try:
        from tilework.studio.models.asks import ABILITIES
        from tilework.studio.models.opening import opening

        voice.state("loading")

        def between() -> None:
            courtesy.give_way()
            here().heed()

        model = opening(wanted["run"], wanted["which"], wanted["device"], Path(wanted["images"]), between)
    except BaseException as error:  # whatever it is, the studio is notified before the process ends
        voice.state("ended", error=problem_of(error))
        os._exit(1)
    voice.state("ready", device=model.device)
    serve(model, ABILITIES, waiting, voice, courtesy)


if __name__ == "__main__":
    main()
