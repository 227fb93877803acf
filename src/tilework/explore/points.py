"""A point of a latent space as text: one notation for the shell, the address bar, the studio's messages and bookmarks.

    point  = origin (";" term)*
    origin = zero | seed:N | validation:N | train:N | image:NAME
    term   = DIM=VALUE          this dimension is VALUE, exactly, whatever else is given
           | DIM~MU,SIGMA       this dimension is MU + SIGMA * eps
           | *~MU,SIGMA         the same for every dimension that no other term names
           | mu@N               every MU that no DIM~ names is drawn from N(0, 1) by seed N (SIGMA is that of *~, else 1)
           | eps@N              the noise is that of seed N, not the origin's
           | pcK*AMOUNT         plus AMOUNT standard deviations along principal direction K (1 = first)
           | A>B*AMOUNT         plus AMOUNT times (mean of label B - mean of label A)

eps is standard normal noise, that of `seed:N` or else of seed 0. Dimensions count from 0 in the order of (D, h, w). In names,
`%25 %3B %3E %2A` stand for `% ; > *`. Needs no torch, so that whoever only reads or checks a point does without.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tilework.errors import UserError

_INTEGER = re.compile(r"[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_PRINCIPAL = re.compile(r"pc([0-9]{1,9})")
_ESCAPED = {"%": "%25", ";": "%3B", ">": "%3E", "*": "%2A"}
_FORMS = "zero, seed:N, validation:N, train:N or image:NAME"
_TERMS = "DIM=VALUE, DIM~MU,SIGMA, *~MU,SIGMA, mu@N, eps@N, pcK*AMOUNT or LABEL>LABEL*AMOUNT"
LARGEST = 1e6
"""Numbers of a point lie between -LARGEST and LARGEST; the prior's are within 6 or so of 0."""


@dataclass(frozen=True)
class Origin:
    """Where a point begins: `number` for a seed or an image of a side, `name` for an image from elsewhere."""

    kind: Literal["zero", "seed", "validation", "train", "image"] = "zero"
    number: int = 0
    name: str = ""

    def __str__(self) -> str:
        if self.kind == "zero":
            return "zero"
        return f"image:{_escaped(self.name)}" if self.kind == "image" else f"{self.kind}:{self.number}"


@dataclass(frozen=True)
class Band:
    """A dimension that is drawn from N(mu, sigma^2)."""

    mu: float
    sigma: float

    def __str__(self) -> str:
        return f"{_text(self.mu)},{_text(self.sigma)}"


@dataclass(frozen=True)
class Principal:
    """A way along principal direction `number` (1 = first), in standard deviations of the encoded images along it."""

    number: int
    amount: float

    def __str__(self) -> str:
        return f"pc{self.number}*{_text(self.amount)}"


@dataclass(frozen=True)
class Towards:
    """A way from the mean of one label to that of another; `amount` 1 is all of it."""

    start: str
    end: str
    amount: float

    def __str__(self) -> str:
        return f"{_escaped(self.start)}>{_escaped(self.end)}*{_text(self.amount)}"


@dataclass(frozen=True)
class Point:
    """A point of a latent space, in the terms in which it was asked for. `str` gives the text, `parse` reads it."""

    origin: Origin = Origin()
    exact: Mapping[int, float] = field(default_factory=dict)
    bands: Mapping[int, Band] = field(default_factory=dict)
    every: Band | None = None
    mu_seed: int | None = None
    noise_seed: int | None = None
    along: tuple[Principal | Towards, ...] = ()

    def __str__(self) -> str:
        terms = [str(self.origin)]
        terms += [f"*~{self.every}"] if self.every is not None else []
        terms += [f"mu@{self.mu_seed}"] if self.mu_seed is not None else []
        terms += [f"eps@{self.noise_seed}"] if self.noise_seed is not None else []
        terms += [f"{dimension}~{band}" for dimension, band in self.bands.items()]
        terms += [f"{dimension}={_text(value)}" for dimension, value in self.exact.items()]
        return ";".join([*terms, *map(str, self.along)])

    def __hash__(self) -> int:
        return hash(str(self))


def parse(text: str) -> Point:
    """Read a point. Raises UserError for text that is none, for a number that is not finite, and for a term given
    twice.

    >>> point = parse("seed:3; 0=1.50; pc1*-2")
    >>> str(point)
    'seed:3;0=1.5;pc1*-2'
    >>> parse(str(point)) == point
    True
    """
    head, *terms = text.split(";")
    origin = _origin(head.strip(), text)
    read = _Terms(text)
    for number, term in enumerate(terms):
        try:
            read.add(term.strip())
        except UserError as error:
            if origin.kind != "image":
                raise
            raise _perhaps_a_name(error, head, terms, number) from None
    return Point(
        origin, read.exact, read.bands, read.every, read.seeds.get("mu"), read.seeds.get("eps"), tuple(read.along)
    )


def _perhaps_a_name(error: UserError, head: str, terms: list[str], number: int) -> UserError:
    """What is no term may be part of a file's name: then the whole point is shown as it is to be written."""
    name = ";".join([head.strip().partition(":")[2], *terms[: number + 1]])
    written = ";".join([f"image:{name.replace(';', _ESCAPED[';'])}", *terms[number + 1 :]])
    return UserError(error.what, why=error.why, fix=f"where the ; is part of the file's name, write {written}")


class _Terms:
    """The terms of one text, as they come."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.exact: dict[int, float] = {}
        self.bands: dict[int, Band] = {}
        self.every: Band | None = None
        self.seeds: dict[str, int] = {}
        self.along: list[Principal | Towards] = []

    def add(self, term: str) -> None:
        if ">" in term:  # a label may hold any of the other signs
            self.along.append(self._towards(term))
        elif term.startswith(("mu@", "eps@")):
            name, _, seed = term.partition("@")
            self._once(name in self.seeds, term, f"{name}@")
            self.seeds[name] = _whole(seed, term, self.text)
        elif "~" in term:
            name, _, band = term.partition("~")
            self._band(name.strip(), band, term)
        elif "=" in term:
            name, _, value = term.partition("=")
            dimension = _whole(name, term, self.text)
            self._once(dimension in self.exact or dimension in self.bands, term, f"dimension {dimension}")
            self.exact[dimension] = _number(value, term, self.text)
        elif (found := _PRINCIPAL.fullmatch(term.partition("*")[0].strip())) and "*" in term:
            number = int(found[1])
            if number < 1:
                raise _wrong(term, self.text, "principal directions count from 1")
            self.along.append(Principal(number, _number(term.partition("*")[2], term, self.text)))
        else:
            raise _wrong(term, self.text, f"a term is {_TERMS}")

    def _band(self, name: str, text: str, term: str) -> None:
        parts = text.split(",")
        if len(parts) != 2:
            raise _wrong(term, self.text, "behind ~ stand two numbers: MU,SIGMA")
        band = Band(_number(parts[0], term, self.text), _number(parts[1], term, self.text))
        if band.sigma < 0:
            raise _wrong(term, self.text, "a standard deviation is not negative")
        if name == "*":
            self._once(self.every is not None, term, "*~")
            self.every = band
            return
        dimension = _whole(name, term, self.text)
        self._once(dimension in self.exact or dimension in self.bands, term, f"dimension {dimension}")
        self.bands[dimension] = band

    def _towards(self, term: str) -> Towards:
        labels, star, amount = term.rpartition("*")
        names = [_unescaped(name.strip()) for name in labels.split(">")]
        if not star or len(names) != 2 or not all(names):
            raise _wrong(term, self.text, "a way between two labels is written LABEL>LABEL*AMOUNT")
        return Towards(names[0], names[1], _number(amount, term, self.text))

    def _once(self, there: bool, term: str, what: str) -> None:
        if there:
            raise _wrong(term, self.text, f"{what} is named twice")


def _origin(head: str, text: str) -> Origin:
    kind, colon, rest = head.partition(":")
    if head == "zero":
        return Origin()
    if colon and kind == "image" and rest:
        return Origin("image", name=_unescaped(rest))
    if colon and kind in {"seed", "validation", "train"}:
        side: Literal["seed", "validation", "train"] = kind  # type: ignore[assignment]
        return Origin(side, _whole(rest, head, text))
    raise _wrong(head, text, f"a point begins with {_FORMS}")


def _whole(text: str, term: str, whole: str) -> int:
    if not _INTEGER.fullmatch(text.strip()):
        raise _wrong(term, whole, f"'{text.strip()}' is not a whole number from 0 on")
    return int(text)


def _number(text: str, term: str, whole: str) -> float:
    value = float(text) if _NUMBER.fullmatch(text.strip()) else math.nan
    if not math.isfinite(value):
        raise _wrong(term, whole, f"'{text.strip()}' is not a finite number")
    if abs(value) > LARGEST:
        raise _wrong(term, whole, f"{value:g} is beyond {LARGEST:,.0f}")
    return value


def _wrong(part: str, text: str, why: str) -> UserError:
    what = f"'{part}' in the point '{text}'" if part != text else f"the point '{text}'"
    return UserError(f"{what} cannot be read", why=why, fix="write for example seed:3, or validation:12;0=1.5")


def _text(value: float) -> str:
    return (
        repr(float(value)).removesuffix(".0").replace("-0", "0")
        if value == 0
        else repr(float(value)).removesuffix(".0")
    )


def _escaped(name: str) -> str:
    return "".join(_ESCAPED.get(sign, sign) for sign in name)


def _unescaped(text: str) -> str:
    for sign, escape in reversed(_ESCAPED.items()):
        text = re.sub(re.escape(escape), lambda _, sign=sign: sign, text, flags=re.IGNORECASE)  # type: ignore[misc]
    return text
