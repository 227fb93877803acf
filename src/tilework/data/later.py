"""The message for sources that recipes name already and that this version does not read."""

from __future__ import annotations

from tilework.errors import UserError


def not_in_this_version(kind: str, reads: str) -> UserError:
    """What to tell a person whose spec names source `kind`, which would read `reads`."""
    return UserError(
        f"data.kind={kind} is not part of this version of tilework",
        why=f"it cannot read {reads} yet; the recipe's network, codebook and losses are all here and work on any pictures",
        fix=f"take a folder of pictures: data.kind=images data.path=FOLDER (or try it with data.kind=loops) in place of {kind}",
    )
