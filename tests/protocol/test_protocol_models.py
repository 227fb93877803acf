"""The models themselves, what is made of them, and that what the fakes send is as they define it."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints, is_typeddict

import children
import numpy as np
import pytest
from conforming import faults, frame_faults
from fakes.trainer import FakeTrainer

from tilework.metrics import AUTOENCODER, Metric
from tilework.protocol import explore, http, reference, run, socket
from tilework.protocol.arrays import ARRAYS, LEGEND
from tilework.protocol.commands import COMMANDS, CommandKind
from tilework.protocol.frame import Channel, DType, Header
from tilework.protocol.models import fields_of
from tilework.protocol.typescript import page_types
from tilework.runs.frames import DTYPES, unpack
from tilework.runs.live import CHANNELS, LiveReader
from tilework.spec import Setting

ROOT = Path(__file__).resolve().parents[2]
SELF_EXPLANATORY = {"type", "ok", "kind"}
"""Fields whose value is their meaning."""


def models(hint: Any) -> set[Any]:
    """Every model that a type is made of."""
    if not is_typeddict(hint):
        return {model for inner in get_args(hint) for model in models(inner)}
    return {hint}.union(*(models(field.hint) for field in fields_of(hint)))


EVERY = models(
    Header | socket.RunsMessage | socket.RunMessage | socket.PageMessage | http.ResponseBody | http.SpecBody | http.FileBody
    | explore.ResponseHeader | socket.ModelMessage | socket.ModelPageMessage
).union(*(models(one.facts) for one in explore.ASKS.values()))  # fmt: skip


def test_the_types_of_the_page_are_up_to_date() -> None:
    again = "run `uv run python -m tilework.protocol.typescript web/src/lib/protocol.ts`"
    assert (ROOT / "web/src/lib/protocol.ts").read_text(encoding="utf-8") == page_types(), (
        f"protocol.ts is stale; {again}"
    )


def test_the_tables_of_the_document_are_up_to_date() -> None:
    again = "run `uv run python -m tilework.protocol.reference docs/studio.md`"
    text = (ROOT / "docs/studio.md").read_text(encoding="utf-8")
    assert text == reference.with_tables(text), f"docs/studio.md is stale; {again}"
    assert set(re.findall(r"<!-- made from src/tilework/protocol: (\w+) -->", text)) == set(reference.TABLES)


def test_every_model_has_words_and_every_field_too() -> None:
    assert len(EVERY) > 30
    for model in EVERY:
        assert reference._about(model).endswith("."), model
        for field in fields_of(model):
            assert field.meaning or field.name in SELF_EXPLANATORY, f"{model.__name__}.{field.name} is not described"
            assert "|" not in field.meaning


def test_what_is_defined_twice_is_the_same() -> None:
    """The metrics and the steerable settings have classes of their own, the live file its channels."""
    assert [field.name for field in fields_of(run.MetricEntry)] == [field.name for field in fields(Metric)]
    assert get_type_hints(run.Steerable) == get_type_hints(Setting)
    assert set(CHANNELS) < set(get_args(Channel))
    assert set(get_args(CommandKind)) == set(COMMANDS)
    assert set(get_args(DType)) == DTYPES == {one.dtype for one in ARRAYS}
    assert {letter for one in ARRAYS for letter in one.shape if isinstance(letter, str)} == set(LEGEND)
    answered = [array for one in explore.ASKS.values() for array in one.arrays]
    assert {letter for one in answered for letter in one.shape if isinstance(letter, str)} == set(
        explore.EXPLORE_LEGEND
    )
    assert {one.dtype for one in answered} <= DTYPES
    assert tuple(explore.ASKS) == get_args(explore.AskKind)
    assert {one.ask for one in explore.ASKS.values()} == set(get_args(explore.Ask))
    for kind, one in explore.ASKS.items():
        (hint,) = (field.hint for field in fields_of(one.ask) if field.name == "kind")
        assert get_args(hint) == (kind,)
    for entry in AUTOENCODER.as_list():
        assert list(faults(json.loads(json.dumps(entry)), run.MetricEntry)) == []


@pytest.mark.parametrize(
    ("value", "model", "fault"),
    [
        ({"id": 1, "step": 2, "time": 3, "kind": "set", "text": "x"}, run.Mark, None),
        ({"id": 1, "step": 2, "time": 3, "kind": "set"}, run.Mark, "has no text"),
        ({"id": 1, "step": 2, "time": 3, "kind": "set", "text": "x", "more": 1}, run.Mark, "more is not in Mark"),
        ({"id": True, "step": 2, "time": 3, "kind": "set", "text": "x"}, run.Mark, "it.id is True"),
        ({"id": 1.5, "step": 2, "time": 3, "kind": "set", "text": "x"}, run.Mark, "it.id is 1.5"),
        ({"step": [1], "loss": [None]}, run.Spark, None),
        ({"step": [1], "loss": ["much"]}, run.Spark, "it.loss[0]"),
        ({"step": {}, "loss": []}, run.Spark, "not a list"),
        ({"ok": True, "spec": {}, "fitting": {}}, http.CheckResponse, None),
        ({"ok": 1, "spec": {}, "fitting": {}}, http.CheckResponse, "it.ok is 1"),
        ({"ok": False, "spec": {}, "fitting": {"a": 1}}, http.CheckResponse, "it"),
        ({"type": "state", "status": "deleted", "reasons": [], "resume": False, "command": None}, socket.RunMessage, None),
        ({"type": "state", "status": "gone", "reasons": [], "resume": False, "command": None}, socket.RunMessage, "gone"),
        ([], run.Mark, "not Mark"),
    ],
)  # fmt: skip
def test_what_is_not_as_a_model_defines_is_found(value: Any, model: Any, fault: str | None) -> None:
    found = list(faults(value, model))
    assert found == [] if fault is None else any(fault in one for one in found), found


def test_an_array_that_is_not_as_it_is_described_is_found() -> None:
    view = {"kind": "plane", "dim": 2, "levels": 2, "codes": 4, "grid": [1, 1], "variance": None, "points_of": "window",
            "classes": []}  # fmt: skip
    header = {"channel": "motion", "view": view}
    good = {"points": np.zeros((5, 2), "f4"), "assigned": np.zeros((5, 2), "i4"), "codes": np.zeros((2, 4, 2), "f4")}

    def found(**arrays: Any) -> list[str]:
        return [one for one in frame_faults(header, good | arrays) if not one.startswith("header ")]

    assert found() == []
    assert "assigned" in found(assigned=np.zeros((6, 2), "i4"))[0]
    assert "codes" in found(codes=np.zeros((2, 5, 2), "f4"))[0]
    assert "usage is int32" in found(usage=np.zeros((2, 4), "i4"))[0]
    assert "not of the channel" in found(thumbs=np.zeros((3, 4, 4, 1), "u1"))[0]
    assert "there is no array" in found(other=np.zeros(1, "f4"))[0]


def test_the_fake_trainer_sends_what_the_models_define(tmp_path: Path) -> None:
    """What tests and benchmarks see is what a trainer sends."""
    import zlib

    trainer = FakeTrainer(tmp_path)
    number = trainer.store.command("set", name="optimizer.lr", value=0.5)
    trainer.store.command("set", name="optimizer.lr", value=3.0)
    trainer.obey()
    trainer.keep()
    frames = [zlib.decompress(file.read_bytes()) for file in sorted(trainer.run.snapshots.glob("*.frame"))]
    reader = LiveReader(trainer.run.live)
    for channel in ("motion", "images"):
        trainer.frame(channel)
        newest = reader.newest(channel)
        assert newest is not None
        frames.append(newest[1])
    for frame in frames:
        header, arrays = unpack(frame)
        assert list(frame_faults(header, arrays)) == []
        assert len(arrays) >= 5
        assert [one["status"] for one in header["applied"]] == ["applied", "refused"]
        assert header["applied"][0]["id"] == number
    trainer.end()


def test_it_comes_quickly_and_alone() -> None:
    """Whoever reads a run's folder needs it: no arrays, no checks, no server come with it."""
    code = (
        "import sys, tilework.protocol.http, tilework.protocol.socket, tilework.runs.steer; print(*sorted(sys.modules))"
    )
    done = children.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "numpy", "pydantic", "starlette", "uvicorn"}
    assert heavy & set(done.stdout.split()) == set()
