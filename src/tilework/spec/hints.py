"""What a setting's JSON Schema holds beside its type: values for whoever draws a form or a table, which put them in
words."""

from __future__ import annotations

from typing import Any


def unset(meaning: str) -> dict[str, Any]:
    """For `Field(json_schema_extra=...)` of a setting that may be null: what holds then, in a few words."""
    return {"unset": meaning}
