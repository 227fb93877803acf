"""YAML as a spec reads and writes it."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tilework.errors import UserError
from tilework.spec.text import read_value, read_yaml, write_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4), ("1E3", 1000.0), (".5", 0.5), ("-2.5e-3", -0.0025), ("1.", 1.0), ("+3", 3), ("010", 10),
        ("1_000", 1000), ("0x28", "0x28"), ("16:9", "16:9"), ("128x72", "128x72"), ("no", "no"), ("off", "off"), ("y", "y"),
        ("true", True), ("False", False), ("null", None), ("~", None), ("none", "none"), ("2024-01-01", "2024-01-01"),
        ("1.2.3", "1.2.3"), ("e5", "e5"), ("30 epochs", "30 epochs"), ("'1e-4'", "1e-4"), (".inf", math.inf),
    ],
)  # fmt: skip
def test_numbers_and_words(text: str, value: Any) -> None:
    for got in (read_yaml(f"key: {text}", "f")["key"], read_value(text)):
        assert got == value
        assert type(got) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a b.png", "a b.png"), ("C:\\pics\\new folder", "C:\\pics\\new folder"), ("#1.png", "#1.png"), ("a: b", "a: b"),
        ("pics #2", "pics #2"), ("*.png", "*.png"), ("@home", "@home"), ("[x].png", "[x].png"), ("- a", "- a"),
        ("[64, 128]", [64, 128]), ("{weight: 0.1}", {"weight": 0.1}), ('"007"', "007"), ("", None), ("  5 ", 5),
        ("http://x/y?a=1", "http://x/y?a=1"), ("[1, [2, 3]]", [1, [2, 3]]), ("{a: 1, a: 2}", "{a: 1, a: 2}"),
    ],
)  # fmt: skip
def test_values_of_overrides(text: str, value: Any) -> None:
    assert read_value(text) == value


def test_a_key_given_twice_is_refused_with_both_lines() -> None:
    text = "name: a\nengine:\n  epochs: 3\n  steps: 4\n  epochs: 5\n"
    with pytest.raises(UserError) as caught:
        read_yaml(text, "f.yaml")
    assert caught.value.what == "f.yaml line 5: the key 'epochs' is there twice (first in line 3)"
    assert caught.value.fix == "remove one of them"
    for nested in ("a: {b: 1, b: 2}", "a: 1\nc:\n  - {d: 1, d: 1}\n", "a: 1\n'a': 2"):
        with pytest.raises(UserError, match="is there twice"):
            read_yaml(nested, "f")


def test_anchors_and_merges_are_fine_and_a_merged_key_may_be_set_again() -> None:
    text = "x: &a {q: 1, s: 2}\ny: {<<: *a, q: 3}\nz: *a\n"
    assert read_yaml(text, "f") == {"x": {"q": 1, "s": 2}, "y": {"q": 3, "s": 2}, "z": {"q": 1, "s": 2}}


BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghijkl"))
"""Twelve lines that stand for 62 billion values."""


def test_an_override_whose_aliases_multiply_is_text() -> None:
    text = "[&a [x], " + ", ".join(f"&{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in pairwise("abcdefghijkl")) + "]"
    assert read_value(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\nb: 2", "f line 2: expected ',' or ']'"),
        ("a: 1\n\tb: 1", "f line 2: found character '\\t'"),
        ("a: 'open", "f line 1: found unexpected end of stream"),
        ("a: *nobody", "f line 1: found undefined alias 'nobody'"),
        ("a: 1\n---\nb: 2", "f line 2: but found another document"),
        ("a: !!python/object:os.system {}", "f line 1: could not determine a constructor"),
        ("a: \x00", "f: this is not text that YAML allows"),
        ("- 1\n- 2", "f holds no settings"),
        ("just text", "f holds no settings"),
        ("", "f holds no settings"),
        ("a: " + "[" * 5000, "f cannot be read as YAML"),
        (BOMB, "f cannot be read as YAML"),
    ],
)
def test_what_is_not_a_spec_is_reported_with_its_place(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        read_yaml(text, "f")
    assert caught.value.what.startswith(message)
    assert caught.value.why
    assert caught.value.fix


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]))
NUMBER_LIKE = st.from_regex(r"\A[-+.0-9eExX_:]{1,6}\Z")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | NUMBER_LIKE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(value=st.dictionaries(st.text("abcdef", min_size=1), ANYTHING, min_size=1, max_size=3))
def test_what_is_written_is_read_back_equal_here_and_by_another_reader(value: dict[str, Any]) -> None:
    text = write_yaml(value)
    assert read_yaml(text, "f") == value
    assert yaml.safe_load(text) == value
