"""The table of injected faults: what the doctor found first, how early, what its fix was worth, and what its peers
found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

KINDS = ("fixed", "random fix", "new seed")
"""Of a faulty recipe, trained once more: with the first finding's fix, and the controls."""
PEERS = ("torchmortem", "torch-audit")
Runs = Mapping[str, Mapping[str, Any]]


def kept(path: Path) -> dict[str, dict[str, Any]]:
    """The runs of a results file, by name; none where it is not there."""
    return dict(json.loads(path.read_text(encoding="utf-8"))["runs"]) if path.is_file() else {}


def table(runs: Runs) -> list[str]:
    """Lines of Markdown; none where no fault was tried."""
    if not runs:
        return []
    lines = [
        "", "Injected faults (runs whose first finding is right; found within the first tenth of the budget; held-out error back "
        "within 10 % of the healthy run's by the fix, by a random one, by a new seed; the first finding of other doctors):", "",
        "| fault | found first | right | early | fix | random fix | new seed | torchmortem | torch-audit |",
        "|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    names = list(dict.fromkeys(key.split(" ")[0] for key in runs if not key.startswith("healthy")))
    lines += [f"| {' | '.join(row(name, runs))} |" for name in names]
    lines.append(f"| **all** | | {' | '.join(shares(runs))} |")
    return [*lines, "", *alarms(runs)]


def row(name: str, runs: Runs) -> Iterator[str]:
    """The cells of one fault."""
    own = {key: run for key, run in runs.items() if key.split(" ")[0] == name}
    judged = without_fix(own)
    yield name
    yield ", ".join(sorted({run["first"] or "nothing" for run in judged}))
    yield of(run["right"] for run in judged)
    yield of(run["early"] for run in judged) if any(run["shows_early"] for run in judged) else "-"
    for kind in KINDS:
        yield of(recovered(key, run, runs) for key, run in own.items() if key.endswith(kind))
    for peer in PEERS:
        found = [peer_found(key, runs, peer) for key, run in own.items() if "peers" in run]
        yield f"{of(right for _, right in found)} ({', '.join(sorted({first or 'nothing' for first, _ in found}))})"


def shares(runs: Runs) -> Iterator[str]:
    """The cells of all faults together."""
    judged = without_fix(runs)
    yield share(run["right"] for run in judged)
    yield share(run["early"] for run in judged if run["shows_early"])
    for kind in KINDS:
        yield share(recovered(key, run, runs) for key, run in runs.items() if key.endswith(kind))
    for peer in PEERS:
        watched = [key for key, run in runs.items() if "peers" in run and not key.startswith("healthy")]
        yield share(peer_found(key, runs, peer)[1] for key in watched)


def without_fix(runs: Runs) -> list[Mapping[str, Any]]:
    """Faulty runs as they are, neither healthy nor trained again."""
    return [run for key, run in runs.items() if not key.startswith("healthy") and not key.endswith(KINDS)]


def alarms(runs: Runs) -> Iterator[str]:
    """What was reported of healthy runs."""
    sound = {key: run for key, run in runs.items() if key.startswith("healthy")}
    loud = {key: [code for code, severity, _ in run["findings"] if severity != "info"] for key, run in sound.items()}
    listed = [f"{key.removeprefix('healthy ')} ({', '.join(codes)})" for key, codes in loud.items() if codes]
    yield f"Healthy runs with a finding of severity warning or above: {share(bool(c) for c in loud.values())}" + (
        f": {'; '.join(listed)}." if listed else "."
    )
    for peer in PEERS:
        seen = [run["peers"][peer]["findings"] for run in sound.values() if "peers" in run]
        if seen:
            yield f"{peer} on healthy runs: a warning or more in {share(bool(one) for one in seen)}."


def peer_found(key: str, runs: Runs, peer: str) -> tuple[str, bool]:
    """What a peer found first, and whether it is right. What it finds in the healthy run as well is not counted, in its
    favour."""
    _, data, seed = key.split(" ")[:3]
    healthy = (
        runs.get(f"healthy {runs[key]['base']} {data} {seed}", {}).get("peers", {}).get(peer, {}).get("findings", [])
    )
    usual = {code for code, _ in healthy}
    own = runs[key]["peers"][peer]
    first = next((code for code, _ in own["findings"] if code not in usual), "")
    return first, first in own["may"]


def recovered(key: str, run: Mapping[str, Any], runs: Runs) -> bool:
    """Whether held-out error is back within 10 % of the healthy run's."""
    name, data, seed = key.split(" ")[:3]
    base = runs[f"{name} {data} {seed}"]["base"]
    own, shared = f"healthy {name} {data} {seed}", f"healthy {base} {data} {seed}"
    sound = runs.get(own, runs.get(shared, {})).get("mse")
    return run["mse"] is not None and sound is not None and run["mse"] <= 1.1 * sound


def of(values: Iterable[bool]) -> str:
    """`3 of 4`, or a dash."""
    found = list(values)
    return f"{sum(found)} of {len(found)}" if found else "-"


def share(values: Iterable[bool]) -> str:
    """`3 of 4 (75 %)`."""
    found = list(values)
    return f"{of(found)} ({sum(found) / len(found):.0%})" if found else "-"
