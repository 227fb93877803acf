"""What is worth knowing of inputs that were used, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tilework.data.contract import Note

STATIC, STATIC_WITH_MOUSE, BLOCKED = "static", "static-with-mouse", "blocked"


def words(note: Note) -> str:
    """One note, for a person."""
    match note.kind:
        case "static":
            return "it does not move, so one frame is kept"
        case "static-with-mouse":
            return "it does not move, so one frame is kept; it asks for the mouse, which --set pointer=circle moves"
        case "blocked":
            more = f" and {len(note.values) - 2} more" if len(note.values) > 2 else ""
            return f"drawn without what it asked for from the network: {', '.join(note.values[:2])}{more}"
        case "animated":
            return "it moves, and only its first frame is taken; --kind animations takes all of them"
        case "pages":
            return "it has several pages, and only the first is taken; save each as a file of its own to have them all"
        case "labels-taken":
            return f"labels are taken from {' and '.join(note.values)} (--set labels_key=none leaves them out)"
        case "labels-unnamed" | "labels-several":
            more = " as others may" if note.kind == "labels-several" else ""
            return (
                f"{note.values[0]} may hold labels{more}, and is not taken; --set labels_key={note.values[0]} takes it"
            )
        case "labels-fractions":
            return (
                f"{note.values[0]} holds fractions and is not taken for labels; --set labels_key={note.values[0]} takes it "
                "all the same"
            )
        case "labels-shape":
            name, shape, count = note.values
            return f"{name} has shape {shape} and not one label for each of {count} images, so there are no labels"
    return note.kind


def summary(notes: Sequence[Note]) -> Iterator[str]:
    """A line for each kind of note, with the first input of which it is true."""
    for kind in dict.fromkeys(note.kind for note in notes):
        these = [note for note in notes if note.kind == kind]
        more = f" (and {len(these) - 1:,} more)" if len(these) > 1 else ""
        yield f"{these[0].file}: {words(these[0])}{more}"
