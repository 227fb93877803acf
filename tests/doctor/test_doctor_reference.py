"""docs/doctor.md is made from the docstrings of the rules."""

from __future__ import annotations

from pathlib import Path

from tilework.doctor.diagnosis import shipped
from tilework.doctor.reference import reference_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "doctor.md"


def test_the_page_of_rules_is_up_to_date() -> None:
    again = "run `uv run python -m tilework.doctor.reference docs/doctor.md`"
    assert PAGE.is_file(), f"docs/doctor.md is missing; {again}"
    assert PAGE.read_text(encoding="utf-8") == reference_page(), f"docs/doctor.md is stale; {again}"


def test_every_rule_has_a_chapter_and_a_line() -> None:
    page = reference_page()
    for code in shipped():
        assert f"\n## {code}\n" in page
        assert f"| [{code}](#{code}) |" in page
