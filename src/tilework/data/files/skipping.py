"""What a source skipped and why; or, where it is strict, the end."""

from __future__ import annotations

from pathlib import Path

from tilework.errors import UserError


class Skipped:
    """The list behind `SourceConfig.unreadable()`."""

    def __init__(self, strict: bool = False) -> None:
        self.strict = strict
        self.entries: list[tuple[str, str]] = []
        self._fix = ""
        """What to do of the first."""

    def __eq__(self, other: object) -> bool:
        """Two specs with the same settings are equal, so what they note must be."""
        return isinstance(other, Skipped) and (self.strict, self.entries) == (other.strict, other.entries)

    __hash__ = None  # type: ignore[assignment]

    def skip(self, name: str, reason: str, path: Path | str | None = None, fix: str = "") -> None:
        """Note that `name` (wholly or from some place on) is not used; `fix` is what to do, where repairing the file is not it.

        Raises UserError where the source is strict.
        """
        if self.strict:
            raise UserError(
                f"{path or name} cannot be read",
                why=reason,
                fix=f"{fix or 'repair or remove it'}, or write data.strict=false to skip it",
            )
        if not self.entries:
            self._fix = fix
        self.entries.append((name, reason))

    def none_left(self, what: str) -> UserError:
        """The error where everything was skipped."""
        if not self.entries:
            return UserError(
                f"there are no {what} left to take",
                why="the settings leave all of them out",
                fix="check what data's settings leave out",
            )
        name, reason = self.entries[0]
        return UserError(
            f"none of the {len(self.entries)} {what} can be read"
            if len(self.entries) > 1
            else f"{name} cannot be read",
            why=f"{name}: {reason} (the first of them)" if len(self.entries) > 1 else reason,
            fix=self._fix or f"give whole {what}",
        )
