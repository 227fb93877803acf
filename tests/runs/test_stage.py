"""The stage of a start: reported while somebody listens, and no file is made for someone who does no longer."""

from pathlib import Path

import pytest

from tilework.runs import stage


def test_what_is_noted_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.stage"
    file.touch()
    monkeypatch.setenv(stage.FILE, str(file))
    assert stage.read(file) is None
    for noted in (stage.Stage("images", 340, 1797), stage.Stage("codes")):
        stage.note(noted)
        assert stage.read(file) == noted, "nothing of a longer one before it is left"


def test_a_file_that_was_removed_is_not_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The listener removes it at any instant, also between a look at it and the writing."""
    file = tmp_path / "a.stage"
    monkeypatch.setenv(stage.FILE, str(file))
    monkeypatch.setattr(Path, "is_file", lambda self: True)
    stage.note(stage.Stage("codes"))
    assert list(tmp_path.iterdir()) == []
    monkeypatch.delenv(stage.FILE)
    stage.note(stage.Stage("codes"))
