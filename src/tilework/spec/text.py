"""YAML as a spec uses it: the plain rules of YAML 1.2 for numbers and words, and no key twice.

The library's own rules (YAML 1.1) read `1e-4` as text, `010` as 8, `0x28` as 40, `16:9` as 969 and `no` as false, and keep
the last of two equal keys with no error message.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from tilework.errors import UserError

_INTEGER = re.compile(r"^[-+]?[0-9][0-9_]*$")
_FLOAT = re.compile(
    r"^(?:[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)
_RULES = (
    ("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    ("tag:yaml.org,2002:int", _INTEGER, list("-+0123456789")),
    ("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789.")),
    ("tag:yaml.org,2002:merge", re.compile(r"^(?:<<)$"), ["<"]),
)


MOST_VALUES = 100_000
"""A spec has a few hundred; a file of some lines whose aliases multiply would keep the machine busy for minutes."""


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[Any, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key, line = key_node.value, key_node.start_mark.line + 1
            if isinstance(key, str) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key}' is there twice (first in line {seen[key]})", key_node.start_mark
                )
            if isinstance(key, str):
                seen[key] = line
        return super().construct_mapping(node, deep)

    def construct_integer(self, node: yaml.ScalarNode) -> int:
        return int(str(self.construct_scalar(node)).replace("_", ""))


class _Dumper(yaml.SafeDumper):
    """Quotes what any reader, of YAML 1.1 or 1.2, would take for something other than text."""


class _ListsInALine(_Dumper):
    """`[32, 128]` in the place of two lines."""


_ListsInALine.add_representer(
    list, lambda dumper, value: dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True)
)
_Loader.yaml_implicit_resolvers = {}
_Dumper.yaml_implicit_resolvers = {k: list(v) for k, v in yaml.SafeDumper.yaml_implicit_resolvers.items()}
for _tag, _pattern, _first in _RULES:
    _Loader.add_implicit_resolver(_tag, _pattern, _first)
    _Dumper.add_implicit_resolver(_tag, _pattern, _first)
    _ListsInALine.add_implicit_resolver(_tag, _pattern, _first)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_integer)


class _TooLarge(ValueError):
    """Written out, the text has more values than any spec."""


def _load(text: str) -> Any:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _values(node, {}) > MOST_VALUES:
            raise _TooLarge(f"its aliases (*name) stand for more than {MOST_VALUES:,} values")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _values(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node stands for with its aliases written out; one that is part of itself counts once."""
    if id(node) not in known:
        known[id(node)] = 1
        parts = node.value if isinstance(node, yaml.CollectionNode) else ()
        inner = (part for pair in parts for part in (pair if isinstance(pair, tuple) else (pair,)))
        known[id(node)] = 1 + sum(_values(part, known) for part in inner)
    return known[id(node)]


def read_yaml(text: str, where: str) -> dict[str, Any]:
    """YAML text -> mapping, or a UserError that names the line."""
    try:
        raw = _load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "this is not text that YAML allows"
        twice = "is there twice" in problem
        raise UserError(
            f"{where}{line}: {problem}",
            why="only one of the two could be used" if twice else "the file is not valid YAML",
            fix="remove one of them"
            if twice
            else f"fix{line or ' the file'}; `tilework recipes show NAME` shows a whole spec",
        ) from None
    except (RecursionError, ValueError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UserError(
            f"{where} cannot be read as YAML", why=why, fix="start from `tilework recipes show NAME`"
        ) from None
    if not isinstance(raw, dict):
        raise UserError(
            f"{where} holds no settings",
            why="a spec is a mapping of sections (data, encoder, bottleneck, ...)" if raw else "it is empty",
            fix="start from `tilework recipes show NAME`",
        )
    return raw


def read_value(text: str) -> Any:
    """The value of an override: a number, word, list or mapping as in YAML; whatever YAML cannot read is plain text.

    Only `[`, `{` and quotes start YAML syntax, so that `#1.png`, `a: b` and `C:\\images` are the text that they look like.
    """
    text = text.strip()
    if text[:1] in {"[", "{", '"', "'"}:
        try:
            return _load(text)
        except (yaml.YAMLError, RecursionError, _TooLarge):
            return text
    loader = _Loader("")
    tag = loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return loader.construct_object(yaml.ScalarNode(tag, text))


def write_yaml(raw: Any, *, lists_in_a_line: bool = False) -> str:
    """YAML that `read_yaml` reads back as an equal value; `lists_in_a_line` as a person would write it."""
    dumper = _ListsInALine if lists_in_a_line else _Dumper
    return yaml.dump(raw, Dumper=dumper, sort_keys=False, allow_unicode=True, width=110)
