"""What a sketch's script holds, read without running it: whether it draws, with which p5, and what it names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_MOST_BYTES = 4 * 2**20
# Strings, comments, templates and braces; regular expressions are distinguished from divisions by what stands before
# them.
_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z)|<!--[^\n]*)
    |(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |(?P<template>`(?:\\.|[^`\\])*`)
    |(?P<regex>(?<=[=(,:;!&|?{}\[+\n])\s*/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]*)
    |(?P<open>[{])|(?P<close>[}])""",
    re.VERBOSE | re.DOTALL,
)
_CALLBACKS = r"(?:setup|draw)"
_DECLARED = re.compile(
    rf"\b(?:async\s+)?function\s*\*?\s*{_CALLBACKS}\s*\(|\b(?:const|let|var)\s+{_CALLBACKS}\s*=|(?:^|[;\n}}])\s*{_CALLBACKS}\s*=(?!=)"
)
_EXPOSED = re.compile(
    rf"\b(?:window|globalThis|self)\s*\.\s*{_CALLBACKS}\s*=(?!=)|\bnew\s+p5\s*\(|\bnew\s+p5\s*;|\bObject\.assign\(\s*window\s*,"
)
_NAMES = re.compile(
    r"\b(?:async\s+)?function\s*\*?\s*([\w$]+)|\bclass\s+([\w$]+)|\b(?:const|let|var)\s+([\w$]+(?:\s*,\s*[\w$]+)*)|(?:^|[;\n}])\s*([\w$]+)\s*=(?!=)"
)
_GIVEN = re.compile(r"\b(?:window|globalThis|self|p5\.prototype)\s*\.\s*([\w$]+)\s*=(?!=)")
_MODULE = re.compile(
    r"^\s*(?:import\s*(?:[\w${*]|(?=\"))|export\s+(?:default|const|let|var|function|class|async|\{|\*))", re.MULTILINE
)
_IMPORTS = re.compile(r"""\b(?:import|from)\s*\(?\s*["']([^"'\n]+)["']""")
_ONLY_2 = re.compile(
    r"\basync\s+function\s+(?:setup|draw)\b|\b(?:setup|draw)\s*=\s*async\b|\bawait\s+(?:\w+\s*\.\s*)?load(?:Image|Font|JSON|Strings|Table|Model|Shader|XML|Bytes|Sound)\b"
    r"|\b(?:splineVertex|splineProperty|splineProperties|bezierOrder|textToContours|textToModel|textWeight|loadFilterShader"
    r"|buildColorShader|buildMaterialShader|buildNormalShader|buildStrokeShader|buildFilterShader|getWorldInputs|registerAddon)\b"
)
_ONLY_1 = re.compile(
    r"\bfunction\s+preload\s*\(|\bpreload\s*=|\b(?:curveVertex|quadraticVertex|registerMethod|curveTightness)\b"
)
_CANVAS = re.compile(r"\bgetContext\s*\(|\bcreateCanvas\s*\(|\btransferControlToOffscreen\b|\bWebGLRenderer\b")
_IMAGES = re.compile(
    r"\b(?:loadImage|createImg|loadGif|loadTable|loadJSON|loadStrings|TextureLoader|Image\s*\()\b|\.(?:png|jpe?g|gif|webp)\b"
)


@dataclass(frozen=True)
class Script:
    """One script; `code` is without comments and strings, `outer` also without what stands in braces."""

    code: str
    outer: str
    texts: tuple[str, ...]

    @property
    def is_main(self) -> bool:
        """Whether p5 would begin with it: it declares setup() or draw(), or makes a p5 of its own."""
        return bool(_DECLARED.search(self.outer) or _EXPOSED.search(self.code))

    @property
    def is_module(self) -> bool:
        """Whether it imports or exports."""
        return _MODULE.search(self.outer) is not None

    @property
    def draws(self) -> bool:
        """Whether it draws on a canvas, with p5 or without."""
        return self.is_main or _CANVAS.search(self.code) is not None

    @property
    def wants(self) -> int | None:
        """The generation of p5 whose words it uses, where it uses any that only one has."""
        return 2 if _ONLY_2.search(self.code) else 1 if _ONLY_1.search(self.code) else None

    @property
    def uses_images(self) -> bool:
        """Whether it seems to read image files."""
        return _IMAGES.search(self.code) is not None or any(_IMAGES.search(text) for text in self.texts)

    @property
    def defines(self) -> frozenset[str]:
        """Names that scripts after it can use."""
        found = {
            name.strip() for match in _NAMES.findall(self.outer) for one in match if one for name in one.split(",")
        }
        return frozenset(found | set(_GIVEN.findall(self.code)))

    @property
    def needs(self) -> frozenset[str]:
        """Names in its code that it does not declare anywhere itself."""
        own = {name.strip() for match in _NAMES.findall(self.code) for one in match if one for name in one.split(",")}
        return frozenset(set(re.findall(r"[\w$]+", self.code)) - own)

    @property
    def needs_at_once(self) -> frozenset[str]:
        """Names that it uses outside of all braces: what a class extends, what a constant is made from."""
        return frozenset(re.findall(r"[\w$]+", self.outer)) - self.defines


def imports(text: str) -> list[str]:
    """What a module's text imports, as written."""
    return _IMPORTS.findall(text)


@lru_cache(maxsize=512)
def _read(path: Path, size: int, modified: int) -> Script:
    try:
        return parse(path.read_bytes()[:_MOST_BYTES].decode("utf-8", "replace"))
    except OSError:  # reported when it is drawn
        return parse("")


def read(path: Path) -> Script:
    """The script in a file; an empty one where it cannot be read."""
    try:
        about = path.stat()
    except OSError:
        return parse("")
    return _read(path, about.st_size, about.st_mtime_ns)


def parse(text: str) -> Script:
    """Take a script apart. Never fails: text that is no script has no names."""
    code: list[str] = []
    outer: list[str] = []
    texts: list[str] = []
    depth = at = 0
    for token in _TOKEN.finditer(text):
        between = text[at : token.start()]
        at = token.end()
        code.append(between)
        if depth == 0:
            outer.append(between)
        kind, part = token.lastgroup, token.group()
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(0, depth - 1)
        elif kind in {"text", "template"}:
            texts.append(part[1:-1])
        kept = {"open": "{", "close": "}", "text": '""', "template": '""', "comment": " "}.get(str(kind), " 0 ")
        code.append(kept)
        if depth == 0 or (depth == 1 and kind == "open"):
            outer.append(kept)
    code.append(text[at:])
    if depth == 0:
        outer.append(text[at:])
    return Script("".join(code), "".join(outer), tuple(texts))
