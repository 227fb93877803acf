"""Between the encoder's output and a list of tokens: layout, precision and the refusal of values that are not finite."""

from tilework.bottlenecks.tokens.counting import check_codes, occurrences
from tilework.bottlenecks.tokens.finite import (
    any_usable,
    count_nonfinite,
    finite_rows,
    finite_tokens,
    mean_over,
    mean_row,
    refuse_nonfinite,
    usable_only,
)
from tilework.bottlenecks.tokens.layout import codes_from_tokens, from_tokens, split_channels, to_tokens
from tilework.bottlenecks.tokens.precision import float32

__all__ = [
    "any_usable",
    "check_codes",
    "codes_from_tokens",
    "count_nonfinite",
    "finite_rows",
    "finite_tokens",
    "float32",
    "from_tokens",
    "mean_over",
    "mean_row",
    "occurrences",
    "refuse_nonfinite",
    "split_channels",
    "to_tokens",
    "usable_only",
]
