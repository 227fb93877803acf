"""The manual of all rules, rendered from their docstrings: `python -m tilework.doctor.reference FILE` writes it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from pathlib import Path

from tilework.doctor.contract import AUTOENCODER, Rule
from tilework.doctor.diagnosis import shipped

_HEAD = """# What the doctor looks for

Every rule of `tilework doctor RUN`, made from the rules themselves. Change them there and run
`uv run python -m tilework.doctor.reference docs/doctor.md`.

A finding has a stable code, a severity, a measured value against its threshold, what to look at, the likely cause, and where
there is one a fix: settings as they are typed after a spec's name.

- **error**: what comes out is not worth keeping.
- **warning**: the run is worse than it need be.
- **info**: good to know; nothing to fix.

A finding that *follows from* another one is shown below it: fix the cause first. A rule that lacks what it needs (a validation,
more steps, a probe of the model) reports that and judges nothing.
"""


def reference_page() -> str:
    """The whole page as Markdown."""
    rules = shipped()
    found = [_HEAD, _index(rules)]
    found += [_of(code, rule) for code, rule in rules.items()]
    return "\n".join(found).rstrip() + "\n"


def _index(rules: Mapping[str, Rule]) -> str:
    rows = [f"| [{code}](#{code}) | {_title(rule)} | {_task(rule)} |" for code, rule in rules.items()]
    return "\n".join(["| code | what | of |", "|---|---|---|", *rows, ""])


def _of(code: str, rule: Rule) -> str:
    about = [inspect.cleandoc(type(rule).__doc__ or ""), ""]
    if rule.probes:
        about += [
            f"**Looks at**: {', '.join(rule.probes)} (the model or the images, beside what the run wrote down).",
            "",
        ]
    known = [f"`{other}`" for other in rule.follows_from]
    if known:
        about += [f"**May follow from**: {', '.join(known)}.", ""]
    return "\n".join([f"## {code}", "", _title(rule), "", *about])


def _title(rule: Rule) -> str:
    """The first line of the rule's file."""
    module = inspect.getmodule(type(rule))
    return (inspect.getdoc(module) or "").partition("\n")[0]


def _task(rule: Rule) -> str:
    return "any run" if len(rule.tasks) > 1 else "autoencoders" if rule.tasks == (AUTOENCODER,) else "priors"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tilework.doctor.reference FILE")
    Path(sys.argv[1]).write_text(reference_page(), encoding="utf-8")
