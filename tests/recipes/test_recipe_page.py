"""docs/recipes.md: its table lists exactly the shipped recipes, its figures and commands are true."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from shipped import AUTOENCODERS, PRIORS

from tilework.spec import load_spec

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if re.match(r"\| `[a-z0-9.-]+` \|.*x", line)
]
TABLE = {row[0].strip("`"): row[1:] for row in ROWS if len(row) == 6}
OF_PRIORS = {row[0].strip("`"): row[1:] for row in ROWS if len(row) == 5}


def test_the_tables_list_exactly_the_shipped_recipes() -> None:
    assert sorted(TABLE) == AUTOENCODERS
    assert sorted(OF_PRIORS) == PRIORS


@pytest.mark.parametrize("name", PRIORS)
def test_the_figures_of_the_table_of_priors_are_true(name: str) -> None:
    spec: Any = load_spec(name)
    kind, network, item, _ = OF_PRIORS[name]
    assert kind == spec.prior.kind
    assert network == f"{spec.prior.depth} x {spec.prior.width}, {spec.prior.heads} heads"
    data = spec.data
    every = {"auto": ", once round", 1: ""}.get(data.stride, f", every {data.stride}.")
    assert item == ("1 image" if data.frames == 1 else f"{data.frames} frames{every}")


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_the_figures_of_the_table_are_true(name: str) -> None:
    spec: Any = load_spec(name)
    image, latent, codes, bits, _ = TABLE[name]
    size, colour = image.split()
    assert size == str(spec.data.size)
    assert colour == {1: "grey", 3: "colour"}[spec.data.channels]

    grid, dim = spec.encoder.grid(spec.data.size), spec.bottleneck.dim
    assert latent == (f"{dim} numbers" if grid == (1, 1) else f"{grid} x {dim}")
    if spec.bottleneck.kind == "gaussian":
        assert (codes, bits) == ("-", "-")
        return
    levels = getattr(spec.bottleneck, "levels", 1)
    assert codes == (f"{levels} x {spec.bottleneck.codes}" if levels > 1 else f"{spec.bottleneck.codes}")
    positions = grid.width * grid.height
    assert bits == f"{positions * levels * math.log2(spec.bottleneck.codes):,.0f}"
    built = spec.bottleneck.build()
    assert built.bits_per_position * positions == float(bits.replace(",", ""))


def test_every_training_command_of_the_page_is_a_valid_spec() -> None:
    commands = re.findall(r"^tilework train (.+)$", PAGE, flags=re.MULTILINE)
    assert len(commands) >= 5
    for command in commands:
        recipe, *overrides = command.split("#")[0].split()
        load_spec(recipe, overrides)


def test_every_setting_that_the_page_explains_exists() -> None:
    spec: Any = load_spec("rqvae-digits")
    explained = [
        name
        for cell in re.findall(r"^\| (`[^|]+`) \| [^|]+ \|$", PAGE, flags=re.MULTILINE)
        for name in re.findall(r"`([a-z_.]+)`", cell)
    ]
    assert len(explained) >= 10
    for name in explained:
        section, _, field = name.rpartition(".")
        assert field in type(getattr(spec, section or "encoder")).model_fields, name
