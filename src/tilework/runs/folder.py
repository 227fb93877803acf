"""The run folder: one run, whole and portable. What is in it, how one is made, and how one is found again."""

from __future__ import annotations

import difflib
import json
import os
import secrets
import shlex
import shutil
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from tilework.errors import UserError
from tilework.runs.atomic import atomic_write_text, fsync_folder, write_error
from tilework.runs.words import two_words
from tilework.runs.written import last_written, newest_entry

FORMAT = 1


def default_root() -> Path:
    """Where runs live: `$TILEWORK_RUNS`, or `runs` in the working folder."""
    return Path(os.environ.get("TILEWORK_RUNS") or "runs")


@dataclass(frozen=True)
class RunFolder:
    """One run on disk. Copy the folder anywhere and it is the same run."""

    path: Path

    @property
    def id(self) -> str:
        """The folder's name, for example `rqvae-digits-quiet-fox`."""
        return self.path.name

    @property
    def typed(self) -> str:
        """The run as a command names it: its id where `tilework runs` lists it from here, else its folder, quoted for a shell."""
        if self.path.parent == default_root().absolute():
            return self.id
        here = Path.cwd()
        return shlex.quote(str(self.path.relative_to(here) if self.path.is_relative_to(here) else self.path))

    @property
    def spec_file(self) -> Path:
        """The whole spec, with the engine's settings of later resumes."""
        return self.path / "spec.yaml"

    @property
    def info_file(self) -> Path:
        """Format number, tilework's version, time of creation and the recipe's name."""
        return self.path / "run.json"

    @property
    def db(self) -> Path:
        """The SQLite store: metrics, events, findings, commands, index of snapshots."""
        return self.path / "run.db"

    @property
    def checkpoints(self) -> Path:
        """Model and optimiser state."""
        return self.path / "checkpoints"

    @property
    def snapshots(self) -> Path:
        """Images and arrays stored while training, named by the store."""
        return self.path / "snapshots"

    @property
    def live(self) -> Path:
        """The newest probe frame, written only while someone watches."""
        return self.path / "live"

    @property
    def lock_file(self) -> Path:
        """Held by the process that trains."""
        return self.path / "lock"

    @property
    def info(self) -> dict[str, Any]:
        """What `run.json` holds: {format, tilework, created (seconds since 1970), name}. Raises UserError if it is no
        run's."""
        return _read_info(self.path)

    @classmethod
    def create(cls, root: Path, name: str, spec_yaml: str) -> RunFolder:
        """A new run folder in `root`, named after its recipe and two words; it appears whole or not at all.

        Raises UserError where `root` cannot be written.
        """
        temp = root / f".new-{name}-{secrets.token_hex(4)}"
        try:
            temp.mkdir(parents=True)
            info = {"format": FORMAT, "tilework": metadata.version("tilework"), "created": time.time(), "name": name}
            atomic_write_text(temp / "run.json", json.dumps(info, indent=1) + "\n")
            atomic_write_text(temp / "spec.yaml", spec_yaml)
            (temp / "checkpoints").mkdir()
            (temp / "snapshots").mkdir()
            path = _claim(temp, root, name)
            fsync_folder(root)
        except OSError as error:
            raise write_error(root / name, error) from error
        finally:
            shutil.rmtree(temp, ignore_errors=True)
        return cls(path.absolute())

    @classmethod
    def open(cls, path: Path | str) -> RunFolder:
        """The run in the folder `path`. Raises UserError where it is no run folder or one of another format version."""
        path = Path(path)
        _read_info(path)
        return cls(path.absolute())

    @classmethod
    def find(cls, text: str, root: Path | None = None) -> RunFolder:
        """The run meant by a path, an id, the unique beginning or the two last words of an id, or `last`.

        `last` is the run written to most recently, the first of `tilework runs`. Raises UserError for none (with the nearest
        names) and for several.
        """
        root = default_root() if root is None else Path(root)
        as_path = Path(text).expanduser()
        written_as_path = len(as_path.parts) > 1 or text.startswith(".") or os.sep in text
        if written_as_path or (as_path / "run.json").is_file():
            return cls.open(as_path)
        names = run_names(root)
        if text == "last" and names:
            return cls.open(max((root / name for name in names), key=_newest))
        if text in names:
            return cls.open(root / text)
        if text and (root / text).is_dir():
            return cls.open(root / text)  # reports what is wrong with it
        meant = [n for n in names if text and n.startswith(text)] or [
            n for n in names if text and n.endswith(f"-{text}")
        ]
        if len(meant) == 1:
            return cls.open(root / meant[0])
        if meant:
            raise UserError(
                f"'{text}' could be {len(meant)} runs: {_some(meant)}",
                why="several ids fit",
                fix=f"write more of the id, for example {max(meant, key=lambda n: last_written(root / n))}",
            )
        if text and as_path.is_dir():
            return cls.open(as_path)  # no run of that name, but a folder here: reports what is wrong with it
        raise _no_such_run(text, names, root)


def _newest(run: Path) -> float:
    """When it was last written to, as the list of runs has it: of a run that cannot be read when its files were."""
    try:
        _read_info(run)
        return newest_entry(run)
    except Exception:  # one odd folder must not hide all the others
        return last_written(run)


def run_names(root: Path) -> list[str]:
    """Ids of the run folders in `root` (whatever has a `run.json`), sorted; none where `root` does not exist."""
    try:
        with os.scandir(root) as entries:
            return sorted(
                e.name for e in entries if not e.name.startswith(".") and os.path.lexists(f"{e.path}/run.json")
            )
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UserError(
            f"the runs in {root} cannot be listed",
            why=error.strerror or str(error),
            fix="set TILEWORK_RUNS to another folder",
        ) from error


def _claim(temp: Path, root: Path, name: str) -> Path:
    """Rename `temp` to a free id. A run folder is never empty, so a rename onto one that another process made fails."""
    for attempt in range(200):
        words = two_words() if attempt < 100 else f"{two_words()}-{secrets.token_hex(2)}"
        path = root / f"{name}-{words}"
        if path.exists():
            continue
        try:
            temp.rename(path)
        except OSError:
            if path.exists():
                continue
            raise
        return path
    raise UserError(
        f"no free name was found for a run of {name} in {root}", why="200 names were taken", fix="delete old runs"
    )


def _read_info(path: Path) -> dict[str, Any]:
    try:
        info = json.loads((path / "run.json").read_text(encoding="utf-8"))
        found = info["format"]
    except FileNotFoundError:
        raise UserError(
            f"{path} is not a run folder",
            why="it has no run.json" if path.is_dir() else "there is no such folder",
            fix="`tilework runs` lists the runs",
        ) from None
    except OSError as error:
        raise UserError(
            f"{path} cannot be read", why=error.strerror or str(error), fix="see that you may read the folder"
        ) from error
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f"{path} is not a run that can be read",
            why="its run.json is damaged or not tilework's",
            fix="restore run.json from a copy of the run; the other files are untouched",
        ) from None
    if found != FORMAT:
        made_by = info.get("tilework", "another version")
        newer = isinstance(found, int) and found > FORMAT
        raise UserError(
            f"run {path.name} has format {found}, this tilework reads format {FORMAT}",
            why=f"it was made by tilework {made_by}",
            fix="update tilework: pip install -U tilework" if newer else f"open it with tilework {made_by}",
        )
    assert isinstance(info, dict)
    return info


def _no_such_run(text: str, names: list[str], root: Path) -> UserError:
    if not names:
        return UserError(
            f"there is no run '{text}'",
            why=f"{root.absolute()} holds no runs" + (" ($TILEWORK_RUNS)" if os.environ.get("TILEWORK_RUNS") else ""),
            fix="start one with `tilework demo`, or set TILEWORK_RUNS to the folder that holds your runs",
        )
    # Compare with the ids and with their two words alone, which is what people remember.
    by_key = {n: n for n in names} | {"-".join(n.split("-")[-2:]): n for n in names}
    close = list(dict.fromkeys(by_key[k] for k in difflib.get_close_matches(text, by_key, n=3, cutoff=0.4)))
    return UserError(
        f"there is no run '{text}' in {root}",
        why=f"the nearest names are {_some(close)}"
        if close
        else f"it holds {len(names)} run{'s' if len(names) != 1 else ''}, none with a name like that",
        fix=f"did you mean {close[0]}? `tilework runs` lists all" if close else "`tilework runs` lists all",
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
