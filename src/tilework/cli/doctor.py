"""`tilework doctor`: what is wrong with a run, with evidence and one fix."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from tilework.cli.options import RunsFolder

if TYPE_CHECKING:
    from tilework.doctor.diagnosis import Diagnosis
    from tilework.runs.folder import RunFolder
    from tilework.runs.status import RunInfo


def doctor(
    run: Annotated[
        str,
        typer.Argument(
            help="A run's name, the beginning of it, its folder, or 'last' (the default).",
            metavar="[RUN]",
            show_default=False,
        ),
    ] = "last",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON (docs/studio.md: FindingsResponse).")] = False,
    probes: Annotated[
        bool, typer.Option("--probes/--no-probes", help="Measure at the model itself what its rows do not show.")
    ] = True,
    runs: RunsFolder = None,
) -> None:
    """Print what is wrong with a run, the cause first, each with its fix. Exit code 1 where an error is found, else
    0."""
    from tilework.doctor.finding import Severity
    from tilework.runs.folder import RunFolder
    from tilework.runs.status import run_info

    folder = RunFolder.find(run, runs)
    info = run_info(folder.path)
    found = _diagnosis(folder, probes)
    if as_json:
        from tilework.doctor.entries import findings_response
        from tilework.runs.frames import without_nan

        typer.echo(json.dumps(without_nan(findings_response(folder, info.step, found)), indent=1, ensure_ascii=False))
    else:
        _print(folder, info, found)
    if any(finding.severity is Severity.ERROR for finding in found.findings):
        raise typer.Exit(1)


def _diagnosis(folder: RunFolder, probes: bool) -> Diagnosis:
    """From the run's rows and what it keeps of its probes; the probes are made where it keeps none, which loads torch."""
    from tilework.doctor.diagnosis import diagnose
    from tilework.doctor.opening import opened

    with opened(folder) as case:
        if case.probes or not probes:
            return diagnose(case, tolerant=True)
    from rich.console import Console

    with Console(stderr=True).status("looking at the model"):
        from tilework.engine.findings import diagnosis_of

        return diagnosis_of(folder, probes=True)


def _print(folder: RunFolder, info: RunInfo, found: Diagnosis) -> None:
    from rich.text import Text

    from tilework.cli.findings import count, print_diagnosis
    from tilework.cli.output import console_for_text

    console = console_for_text()
    total = f" of {info.total_steps:,}" if info.total_steps else ""
    console.print(
        Text.assemble((info.id, "bold"), f"  {info.status}, step {info.step:,}{total}: {count(found.findings)}"),
        soft_wrap=True,
    )
    print_diagnosis(console, folder.typed, found)
