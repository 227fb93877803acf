"""Specs for the page's forms, from a worker process that is started when the first is asked for."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tilework.errors import UserError
from tilework.protocol.explain import ExplainResponse
from tilework.protocol.http import FormResponse, Recipe, SpecRight, SpecWrong
from tilework.runs.folder import RunFolder
from tilework.spec.about import about
from tilework.studio.paths import Root, inside
from tilework.studio.responses import NotHere
from tilework.studio.steered import as_overrides, steered

if TYPE_CHECKING:
    from tilework.studio.suggested import Suggestions

MOST_OVERRIDES = 300
MOST_LETTERS = 4000
_PATIENCE_SECONDS = 120.0


class Passed(SpecRight):
    """What the worker returns for a spec that can be trained."""

    yaml: str
    """The spec as the process that trains reads it."""


class Forms:
    """Asks the worker. May be asked from any thread; the worker answers one question at a time."""

    def __init__(self, root: Root, suggestions: Suggestions | None = None) -> None:
        self._root = root
        self._suggestions = suggestions
        self._worker: subprocess.Popen[str] | None = None
        self._one_at_a_time = threading.Lock()
        self._closed = False

    def recipes(self) -> list[Recipe]:
        """{name, about, needs} of every shipped recipe, those that start at once first."""
        from tilework.spec.load import read_yaml, recipe_names, recipe_text
        from tilework.spec.shipped import instead, needs, rank

        shipped = sorted(
            (read_yaml(recipe_text(n), n) for n in recipe_names()), key=lambda raw: (rank(raw), raw["name"])
        )
        return [
            {
                "name": raw["name"],
                "about": str(raw.get("about", "")),
                "needs": [one.value for one in needs(raw)],
                "epochs": raw.get("engine", {}).get("epochs"),
                "steps": raw.get("engine", {}).get("steps"),
                "instead": instead(raw["name"]),
            }
            for raw in shipped
        ]

    def of_recipe(self, name: str) -> FormResponse:
        """{spec, schema} of a shipped recipe. Raises NotHere."""
        return cast(FormResponse, self._ask({"question": "form", "source": _recipe(name)}))

    def of_run(self, run_id: str) -> FormResponse:
        """{spec, schema, steered} of a run: what a next one begins with, and overrides for what was set by hand.

        Raises NotHere, and UserError for a spec that is damaged.
        """
        form = self._ask({"question": "form", "source": self._spec_file(run_id)})
        return FormResponse(
            spec=form["spec"] | {"about": about(form["spec"])},
            schema=form["schema"],
            sets=form["sets"],
            steered=as_overrides(steered(self._root.run(run_id))),
        )

    def of_suggested(self, made: str) -> FormResponse:
        """{spec, schema} of a proposal. Raises NotHere."""
        return cast(FormResponse, self._ask({"question": "form", "source": self._suggested(made)}))

    def suggest(self, paths: list[str], yaml: Path, sheet: Path) -> dict[str, Any]:
        """What the worker proposes for some paths, written to these files. Raises UserError where nothing can be learned from
        them."""
        return self._ask({"question": "suggest", "paths": paths, "yaml": str(yaml), "sheet": str(sheet)})

    def check(self, body: dict[str, Any]) -> Passed | SpecWrong:
        """What the worker's check gives for {recipe, from or suggested, overrides}. Raises UserError, NotHere."""
        source, overrides = self.source(body)
        return cast(Passed | SpecWrong, self._ask({"question": "check", "source": source, "overrides": overrides}))

    def explain(self, body: dict[str, Any]) -> ExplainResponse:
        """What the spec of {recipe or from, overrides} makes, explained. Raises UserError for one that is wrong, NotHere."""
        source, overrides = self.source(body)
        question = {"question": "explain", "source": source, "overrides": overrides, "runs": str(self._root.path)}
        return cast(ExplainResponse, self._ask(question))

    def explain_run(self, run: RunFolder) -> ExplainResponse:
        """A run explained, with what it has measured. Raises UserError where its spec cannot be read."""
        inside(run, "spec.yaml")  # a link to elsewhere is not followed
        return cast(ExplainResponse, self._ask({"question": "explain", "run": str(run.path)}))

    def warm(self) -> None:
        """Start the worker, so that the first form need not wait for torch."""
        with contextlib.suppress(UserError):
            self._ask({"question": "warm"})

    def close(self) -> None:
        """End the worker."""
        self._closed = True
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            worker.wait()
            for pipe in (worker.stdin, worker.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def source(self, body: dict[str, Any]) -> tuple[str, list[str]]:
        """What a body with {recipe, from or suggested, overrides} names: a recipe or the path of a spec, and the overrides."""
        recipe, run_id, overrides = body.get("recipe"), body.get("from"), body.get("overrides", [])
        made = body.get("suggested")
        if not (isinstance(overrides, list) and all(isinstance(o, str) and len(o) <= MOST_LETTERS for o in overrides)):
            raise UserError(
                "overrides must be a list of texts", why="each is section.key=value", fix="send [] for none"
            )
        if len(overrides) > MOST_OVERRIDES:
            raise UserError(f"at most {MOST_OVERRIDES} overrides are taken", why=f"{len(overrides)} were sent")
        if isinstance(recipe, str) and run_id is None and made is None:
            source = _recipe(recipe)
        elif isinstance(run_id, str) and recipe is None and made is None:
            source = self._spec_file(run_id)
        elif isinstance(made, str) and recipe is None and run_id is None:
            source = self._suggested(made)
        else:
            raise UserError(
                "nothing to start from",
                why="a recipe, the id of a run or that of a proposal is needed",
                fix="send one of the three",
            )
        return source, overrides

    def _spec_file(self, run_id: str) -> str:
        return str(inside(self._root.run(run_id), "spec.yaml"))

    def _suggested(self, made: str) -> str:
        if self._suggestions is None:
            raise NotHere(f"there is no proposal '{made[:40]}'", why="none was made here")
        return str(self._suggestions.file(made, "yaml"))

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        with self._one_at_a_time:
            if self._closed:
                raise UserError("the studio is closing")
            try:
                response = self._exchange(question)
            except (OSError, ValueError):
                self._kill()
                response = {"error": {"what": "the process that reads specs has died", "why": "", "fix": "try again"}}
        if "error" in response:
            raise UserError(response["error"]["what"], why=response["error"]["why"], fix=response["error"]["fix"])
        found: dict[str, Any] = response["found"]
        return found

    def _exchange(self, question: dict[str, Any]) -> dict[str, Any]:
        """One question, one answer. Raises OSError or ValueError where the worker is gone or does not answer in time."""
        if self._worker is None or self._worker.poll() is not None:
            self._kill()
            self._worker = subprocess.Popen(
                [sys.executable, "-m", "tilework.studio.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                start_new_session=True,
            )
        worker = self._worker
        assert worker.stdin is not None
        assert worker.stdout is not None
        # A check takes milliseconds and the first a few seconds; one that hangs must not hang the studio.
        alarm = threading.Timer(_PATIENCE_SECONDS, worker.kill)
        alarm.daemon = True
        alarm.start()
        try:
            worker.stdin.write(json.dumps(question) + "\n")
            worker.stdin.flush()
            found: dict[str, Any] = json.loads(worker.stdout.readline())
        finally:
            alarm.cancel()
        return found

    def _kill(self) -> None:
        closed, self._closed = self._closed, False
        self.close()
        self._closed = closed


def _recipe(name: str) -> str:
    """The name, if a shipped recipe has it: what the page sends is never taken for a path."""
    from tilework.spec.load import recipe_names

    if name not in recipe_names():
        raise NotHere(f"there is no recipe '{name[:80]}'", why="it is none of those that are shipped")
    return name
