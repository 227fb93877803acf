"""The commands, in the order in which a person meets them."""

from __future__ import annotations

import typer

from tilework.cli import (
    atlas,
    check,
    compare,
    data_sets,
    data_show,
    decode,
    demo,
    doctor,
    dream,
    encode,
    explain,
    interpolate,
    latent_walk,
    recipes,
    repaint,
    replay,
    report,
    resume,
    runs,
    sample,
    selftest,
    show,
    studio,
    suggest,
    tokens,
    train,
    traverse,
)

app = typer.Typer(
    name="tilework",
    help="A workbench for image autoencoders: VAE, beta-VAE, VQ-VAE, residual VQ and FSQ.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("train", context_settings={"ignore_unknown_options": True})(train.train)
app.command("suggest")(suggest.suggest)
app.command("check", context_settings={"ignore_unknown_options": True})(check.check)
app.command("studio")(studio.studio)
app.command("resume", context_settings={"ignore_unknown_options": True})(resume.resume)
app.command("replay")(replay.replay)
app.command("runs")(runs.runs)
app.command("show")(show.show)
app.command("doctor")(doctor.doctor)
app.command("report")(report.report)
app.command("explain", context_settings={"ignore_unknown_options": True})(explain.explain)
app.command("sample")(sample.sample)
app.command("traverse")(traverse.traverse)
app.command("interpolate")(interpolate.interpolate)
app.command("latent-walk")(latent_walk.latent_walk)
app.command("dream")(dream.dream)
app.command("repaint")(repaint.repaint)
app.command("tokens")(tokens.tokens)
app.command("atlas")(atlas.atlas)
app.command("encode")(encode.encode)
app.command("decode")(decode.decode)
app.command("compare")(compare.compare)
app.command("selftest")(selftest.selftest)
data_sets.app.command("show")(data_show.show)
app.add_typer(data_sets.app, name="data")
app.add_typer(recipes.app, name="recipes")


def _version(asked: bool) -> None:
    if asked:
        from tilework import __version__

        typer.echo(f"tilework {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    pass
