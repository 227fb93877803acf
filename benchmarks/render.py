"""Write the kept results into docs/benchmarks.md. Run: uv run benchmarks/render.py

Only what stands between the two marks is written; the words around it are kept.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness import fault_table
from harness.report import RESULTS, figure_text, memory_text, speed_text, target_text, verdict

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- results: written by benchmarks/render.py -->", "<!-- end of results -->"


def rendered(page: str, results: Path = RESULTS) -> str:
    """The page with its results block made from the JSON files in `results`."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise ValueError(f"the page has no lines '{BEGIN}' and '{END}'")
    return f"{before}{BEGIN}\n\n{block(results)}\n{END}{after}"


def block(results: Path) -> str:
    """The table of all kept rows and a line for each machine that they were measured on."""
    rows, quality = (
        list(kept(results)),
        [*learned(results), *drawn(results), *fault_table.table(fault_table.kept(results / "faults.json"))],
    )
    if not rows:
        return "\n".join(quality).lstrip() + "\n" if quality else "No results are kept yet.\n"
    lines = [
        "| comparison | tilework | peer | figure: median (range) | target | | peak memory, tilework / peer |",
        "|---|---|---|---|---|---|---|",
    ]
    notes: dict[str, list[str]] = {}
    for name, row in rows:
        ours, peer = row.get("ours"), row.get("peer")
        memory = f"{memory_text(ours)} / {memory_text(peer)}" if ours else "-"
        cells = [name, speed_text(ours), speed_text(peer), figure_text(row), target_text(row), verdict(row), memory]
        lines.append(f"| {' | '.join(cells)} |")
        notes.setdefault(conditions(row), []).append(name)
    lines += ["", *(f"- {', '.join(names)}: {condition}." for condition, names in notes.items())]
    return "\n".join([*lines, *quality]) + "\n"


def kept(results: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, row) of everything in the results folder, by file name and then in the order of the file."""
    for path in sorted(results.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        if "comparisons" in found:
            yield from found["comparisons"].items()
        elif "medians" in found:
            yield path.stem.replace("_", "-"), epoch_row(found)


def learned(results: Path) -> list[str]:
    """Tables of what models learnt with each quantiser: one for each set and K, best first."""
    path = results / "learning.json"
    if not path.is_file():
        return []
    found = json.loads(path.read_text(encoding="utf-8"))
    groups: dict[tuple[str, int, int], dict[str, list[dict[str, Any]]]] = {}
    for run in found["runs"]:
        groups.setdefault((run["set"], run["codes"], run["steps"]), {}).setdefault(run["config"], []).append(run)
    lines = []
    for (name, codes, steps), configs in sorted(groups.items()):
        means = {config: statistics.mean(r["mse"] for r in runs) for config, runs in configs.items()}
        default = means.get("peer-default")
        n_over_k = next(iter(configs.values()))[0]["tokens"] / codes
        lines += [
            "", f"{name}, K = {codes:,}, {steps:,} steps, held-out N/K = {n_over_k:,.0f}:", "",
            "| quantiser | held-out MSE (lowest to highest seed) | against its defaults | codes used | perplexity / K | seeds |",
            "|---|---|---|---|---|---|",
        ]  # fmt: skip
        for config in sorted(configs, key=means.__getitem__):
            runs = configs[config]
            mse = [r["mse"] for r in runs]
            used = statistics.mean(r["used"] for r in runs) / codes
            spread = statistics.mean(r["perplexity"] for r in runs) / codes
            against = f"{means[config] / default - 1:+.1%}" if default else "-"
            lines.append(
                f"| {config} | {means[config]:.5f} ({min(mse):.5f} to {max(mse):.5f}) | {against} | {used:.1%} | {spread:.2f} "
                f"| {len(runs)} |"
            )
    return lines


def drawn(results: Path) -> list[str]:
    """What priors reach on each set: bits of held-out tokens beside plain codes, and what their samples are worth."""
    path = results / "prior_quality.json"
    if not path.is_file():
        return []
    lines = [
        "", "Priors, held out (bits per token; per dimension = per pixel and channel):", "",
        "| set and prior | bits/token | uniform | unigram | copy | bits/dim | accuracy | parameters | best step of | samples |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name, one in json.loads(path.read_text(encoding="utf-8"))["priors"].items():
        plain = [one.get(f"coding.{kind}") for kind in ("uniform", "unigram", "copy")]
        shown = [f"{value:.2f}" if value is not None else "-" for value in plain]
        cells = [name, f"**{one['best_bits']:.3f}**", *shown, f"{one['bits_per_dim']:.4f}", f"{one['accuracy']:.3f}",
                 f"{one['parameters']:,}", f"{one['best_step']:,} of {one['steps']:,}", samples_text(one)]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def samples_text(one: dict[str, Any]) -> str:
    """How samples were judged, in one phrase."""
    parts = [f"z {one['novelty_z']:+.1f}"] if one.get("novelty_z") is not None else []
    if "classifier" in one:
        read, prdc = one["classifier"], one["prdc"]
        parts.append(f"read as asked {read['samples']:.1%} (held-out digits {read['held_out']:.1%})")
        parts += [
            f"{figure} {prdc['samples'][figure]:.2f} (held-out digits {prdc['held_out'][figure]:.2f})"
            for figure in ("precision", "recall")
        ]
    return ", ".join(parts) or "-"


def epoch_row(found: dict[str, Any]) -> dict[str, Any]:
    """A result of `data_delivery.py` (seconds per epoch of two sides) as a row like the others."""
    (_, ours), (_, peer) = found["medians"].items()
    pairs = zip(*found["runs"].values(), strict=True)
    ratios = [b["seconds"] / a["seconds"] for a, b in pairs]
    sides = [{"images_per_second": m["frames"] / m["seconds"], "peak_mib": m["peak_mib"]} for m in (ours, peer)]
    return {
        "figure": "speedup",
        "target": found["target"],
        "value": {"median": found["ratio"], "min": min(ratios), "max": max(ratios)},
        "ours": sides[0],
        "peer": sides[1],
        "pairs": len(ratios),
        "machine": {"cores": found["cores"], "python": found["python"]} | found.get("machine", {}),
        "date": found.get("date"),
    }


def conditions(row: dict[str, Any]) -> str:
    """Where, when and with which versions a row was measured, in one phrase."""
    facts = row.get("machine", {})
    versions = [
        f"{name} {facts[name]}" for name in ("torch", "jax", "flax", "gradio", "chromium", "python") if facts.get(name)
    ]
    parts = [row.get("date"), facts.get("cpu"), f"{facts['cores']} cores" if "cores" in facts else None, *versions]
    ours = row.get("ours") or {}
    if "precision" in ours:
        parts.append(f"tilework in {ours['precision']}")
    if row.get("pairs", 1) > 1:
        parts.append(f"{row['pairs']} pairs" + (f" of {row['steps']} steps" if row.get("steps") else ""))
    return ", ".join(part for part in parts if part)


def main() -> None:
    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(PAGE.parent.parent)}")


if __name__ == "__main__":
    main()
