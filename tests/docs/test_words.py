"""Words that are not used towards people: in messages, help, settings, pages, recipes and docs (docs/design.md, "Words")."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTEAD = {
    r"pictures?": "image",
    r"told|said": "reported, printed, shown; given",
    r"tells?": "shows, reports; distinguishes",
    r"mend(s|ed|ing)?": "fix, repair",
    r"ripe": "due",
    r"cure[sd]?": "fix",
    r"doubt|remarks?": "warning, note",
    r"foreign": "unreadable; of another program",
    r"without a word": "with no error message",
    r"knobs?": "setting",
}
"""What stands for each word, for whoever meets this test."""
BANNED = re.compile(rf"\b({'|'.join(INSTEAD)})\b", re.IGNORECASE)
ALLOWED = {
    "src/tilework/data/files/layout.py": "names of folders that people have",
    "src/tilework/report/album.py": "the HTML element",
}
"""Files whose strings are read by programs."""


def sentences_of_python(file: Path) -> Iterator[tuple[int, str]]:
    """Texts with a space, but for docstrings; of commands the docstrings as well, which are their help."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    help_texts = file.parent.name == "cli"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and help_texts and not node.name.startswith("_"):
            yield node.lineno, ast.get_docstring(node) or ""
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and " " in node.value
            and id(node) not in docs
        ):
            yield node.lineno, node.value


def sentences_of_page(file: Path) -> Iterator[tuple[int, str]]:
    """The texts between tags, and literals with a space."""
    text = file.read_text(encoding="utf-8")
    text = re.sub(r"<style.*?</style>", lambda m: "\n" * m[0].count("\n"), text, flags=re.DOTALL)
    text = re.sub(r"/\*.*?\*/|<!--.*?-->", lambda m: "\n" * m[0].count("\n"), text, flags=re.DOTALL)
    script = file.suffix == ".ts"
    for number, line in enumerate(text.splitlines(), start=1):
        script |= "<script" in line
        code = re.sub(r"(^|\s)//\s.*", "", line)
        for literal in re.findall(r"'([^'\n]* [^'\n]*)'|\"([^\"\n]* [^\"\n]*)\"|`([^`\n]* [^`\n]*)`", code):
            yield number, re.sub(r"\$?\{[^}]*\}", "", "".join(literal))
        if not script:
            for words in re.findall(r">([^<>{}]+)(?=[<{]|$)|\}([^<>{}]+)(?=[<{]|$)", code):
                yield number, "".join(words)
        script &= "</script" not in line or file.suffix == ".ts"


def sentences_of_docs(file: Path) -> Iterator[tuple[int, str]]:
    """Prose, without what is quoted as code."""
    text = re.sub(r"```.*?```", lambda m: "\n" * m[0].count("\n"), file.read_text(encoding="utf-8"), flags=re.DOTALL)
    for number, line in enumerate(text.splitlines(), start=1):
        yield number, re.sub(r"`[^`]*`|\]\([^)]*\)", "", line)


Sentences = Callable[[Path], Iterator[tuple[int, str]]]


def found_in(files: list[Path], sentences: Sentences) -> list[str]:
    """Where a banned word stands."""
    assert files, "nothing was looked at"
    return [
        f"{file.relative_to(ROOT)}:{number}: {match[0]!r} in {text.strip()[:120]!r}"
        for file in files
        if str(file.relative_to(ROOT)) not in ALLOWED
        for number, text in sentences(file)
        for match in BANNED.finditer(text)
    ]


def files_of(folder: str, *endings: str) -> list[Path]:
    return sorted(file for ending in endings for file in (ROOT / folder).rglob(f"*{ending}"))


def test_messages_and_help() -> None:
    assert not found_in(files_of("src/tilework", ".py"), sentences_of_python)


def test_recipes() -> None:
    assert not found_in(files_of("src/tilework/recipes", ".yaml"), sentences_of_docs)


def test_docs() -> None:
    files = [file for file in [ROOT / "README.md", *files_of("docs", ".md")] if file.name != "LOG.md"]
    assert not found_in(files, sentences_of_docs)


def test_page() -> None:
    if not (ROOT / "web" / "src").is_dir():
        pytest.skip("the sources of the page are not here")
    files = [
        file for file in files_of("web/src", ".svelte", ".ts") if not file.name.endswith((".test.ts", "protocol.ts"))
    ]
    assert not found_in(files, sentences_of_page)


@pytest.mark.parametrize(
    ("name", "text", "sentences"),
    [
        ("x.py", 'def f():\n    "A picture."\n    raise ValueError("no picture here")\n', sentences_of_python),
        ("x.svelte", "<script>const a = 1</script>\n<p>One picture</p>\n", sentences_of_page),
        ("x.ts", "// a picture\nconst a = `no picture of ${b}`\n", sentences_of_page),
        ("x.md", "`picture` and a picture\n", sentences_of_docs),
    ],
)
def test_the_list_is_looked_for(tmp_path: Path, name: str, text: str, sentences: Sentences) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert [bool(BANNED.search(one)) for _, one in sentences(tmp_path / name)].count(True) == 1
