"""A model explained, and the terms of the glossary: what the explain page and the labels of the studio show."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypedDict


class TextPiece(TypedDict):
    """A piece of a line."""

    text: Annotated[str, "as it is read"]
    mark: Annotated[Literal["text", "code", "term"], "how it is set"]
    strong: Annotated[bool, "whether it stands out"]
    term: Annotated[str, "name of the term of the glossary that it leads to; empty = none"]


Line = Sequence[TextPiece]


class ParagraphBlock(TypedDict):
    """A paragraph."""

    kind: Literal["paragraph"]
    line: Annotated[Line, "its text"]


class PointsBlock(TypedDict):
    """A list."""

    kind: Literal["points"]
    lines: Annotated[Sequence[Line], "one an entry"]


class TableRow(TypedDict):
    """A row of a table."""

    cells: Annotated[Sequence[Line], "one a column"]
    key: Annotated[str, "the stage or metric that it is about; empty = none"]
    tone: Annotated[Literal["", "good", "low", "bad"], "how its value is to be taken"]


class TableBlock(TypedDict):
    """A table."""

    kind: Literal["table"]
    heads: Annotated[Sequence[str], "of its columns"]
    rows: Annotated[Sequence[TableRow], "from top to bottom"]
    numbers: Annotated[Sequence[int], "columns of numbers"]


class FigureBlock(TypedDict):
    """A drawing."""

    kind: Literal["figure"]
    drawing: Annotated[Literal["network", "token"], "what it shows"]
    svg: Annotated[str, "SVG; its groups of class `stage` have the key of a row as `data-stage`"]
    caption: Annotated[Line, "what stands below it"]


ExplainBlock = ParagraphBlock | PointsBlock | TableBlock | FigureBlock


class ExplainSection(TypedDict):
    """A titled part of an explanation."""

    heading: Annotated[str, "its title"]
    tone: Annotated[
        Literal["", "good", "low", "bad"], "`low` or `bad`: it states what is wrong, and stands before all else"
    ]
    blocks: Annotated[Sequence[ExplainBlock], "from top to bottom"]


class ExplainCard(TypedDict):
    """A number that stands for the model."""

    name: Annotated[str, "what it is"]
    big: Annotated[str, "the number"]
    unit: Annotated[str, "of the number; empty = none"]
    more: Annotated[str, "what it means; may be empty"]


class ExplainResponse(TypedDict):
    """A model explained in its own numbers."""

    title: Annotated[str, "name of the recipe or run"]
    form: Annotated[Literal["recipe", "run"], "what is explained"]
    step: Annotated[int | None, "of a run: where it stood"]
    lead: Annotated[Line, "the whole in one sentence"]
    cards: Annotated[Sequence[ExplainCard], "numbers that stand for it"]
    sections: Annotated[Sequence[ExplainSection], "in the order in which they are read"]
    note: Annotated[Line, "what it was computed from"]


class TermEntry(TypedDict):
    """A term of the glossary."""

    name: Annotated[str, "what is typed after `tilework explain`"]
    title: Annotated[str, "as it is written"]
    text: Annotated[str, "what it is"]
    formula: Annotated[str, "may be empty"]
    source: Annotated[str, "paper and place in it; empty for a word that this program defines"]
    related: Annotated[Sequence[str], "names of other terms"]
    also: Annotated[Sequence[str], "other names that find it, metrics and settings among them"]
    purpose: Annotated[str, "of a loss term: what it is for; empty for other terms"]


class GlossaryResponse(TypedDict):
    """All terms."""

    terms: Annotated[Sequence[TermEntry], "in the order of the glossary"]
