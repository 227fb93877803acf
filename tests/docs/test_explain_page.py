"""docs/explain.md: its commands run in their order, and the order of meanings is the program's."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Outcome

from tilework.explain import named
from tilework.explain.bounds import COLLAPSED_SHARE, WELL_SHARE
from tilework.runs.folder import RunFolder

PAGE = Path(__file__).parents[2] / "docs" / "explain.md"


def test_the_page_runs(
    tilework: Callable[..., Outcome], small_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = []
    for block in re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.splitlines():
            words = line.partition(" #")[0].split()
            done = tilework(*words[1:])
            assert done.code == 0, f"{line}: {done.err}"
            ran.append(line)
    assert len(ran) >= 6
    assert Path("explained.html").is_file()


def test_the_order_on_the_page_is_the_programs() -> None:
    def numbered(text: str) -> list[str]:
        return re.findall(r"^(\d\. .*)$", text, re.MULTILINE)

    assert numbered(PAGE.read_text(encoding="utf-8")) == numbered(named.__doc__ or "")


def test_the_bounds_on_the_page_are_the_programs() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for share in (COLLAPSED_SHARE, WELL_SHARE):
        assert f"1/{1 / share:.0f}" in text


def test_the_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(example, "explain.md", "exec"), {})
