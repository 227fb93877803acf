"""Where a run computes and in which arithmetic, for every combination of hardware and wish."""

from __future__ import annotations

import itertools

import pytest
import torch
from tiny_runs import session, tiny

import tilework
from tilework.engine import device as chosen
from tilework.engine.compute import Compute
from tilework.engine.device import choose_device, choose_precision
from tilework.errors import UserError


@pytest.mark.parametrize(("cuda", "mps"), list(itertools.product([True, False], repeat=2)))
def test_device(monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device("auto") == ("cuda" if cuda else "mps" if mps else "cpu")
    assert choose_device("cpu") == "cpu"
    for name, there in (("cuda", cuda), ("mps", mps)):
        if there:
            assert choose_device(name) == name
        else:
            for setting in ("engine.device={}", "--device {}", "?device={}"):
                with pytest.raises(UserError, match=f"no {name} device here") as refused:
                    choose_device(name, setting)
                assert setting.format(name) in refused.value.what, "in the words in which it was asked for"
                assert setting.format("auto") in refused.value.fix


@pytest.mark.parametrize(
    ("device", "hardware_bf16", "expected"),
    [
        ("cuda", True, "bf16"),
        ("cuda", False, "fp16"),  # Volta, Turing: scaled fp16
        ("cpu", True, "bf16"),
        ("cpu", False, "float32"),
        ("mps", True, "float32"),
        ("mps", False, "float32"),
    ],
)
def test_automatic_precision(monkeypatch: pytest.MonkeyPatch, device: str, hardware_bf16: bool, expected: str) -> None:
    asked: list[bool] = []

    def supported(including_emulation: bool = True) -> bool:
        asked.append(including_emulation)
        return hardware_bf16 or including_emulation  # an emulated bf16 is slower than float32

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    monkeypatch.setattr(chosen, "cpu_has_bf16", lambda: hardware_bf16)
    assert choose_precision("auto", device) == expected
    assert not any(asked)


@pytest.mark.parametrize("device", ["cuda", "mps", "cpu"])
@pytest.mark.parametrize("wanted", ["float32", "bf16", "fp16"])
def test_wished_precision_is_kept_or_refused_never_changed(wanted: str, device: str) -> None:
    if wanted == "fp16" and device != "cuda":
        with pytest.raises(UserError, match="fp16"):
            choose_precision(wanted, device)
    else:
        assert choose_precision(wanted, device) == wanted


def test_bf16_on_a_cpu_asks_for_the_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    for amx, avx in itertools.product([True, False], repeat=2):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda amx=amx: amx, raising=False)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda avx=avx: avx, raising=False)
        assert chosen.cpu_has_bf16() == (amx or avx)
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported")
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    assert not chosen.cpu_has_bf16()  # a torch without these questions


def test_two_runs_in_one_process_each_have_their_own_precision() -> None:
    for wanted in ("bf16", "float32", "bf16"):
        made = session(tiny("vq", f"engine.precision={wanted}"))
        assert made.parts.compute.precision == wanted
        weight = made.parts.model.encoder[0].weight
        x = torch.rand(2, 1, 16, 16)
        with torch.no_grad():
            autocast = made.parts.model.encoder[0](x) if wanted == "float32" else None
            recon, latent = made.parts.model(x)
        assert autocast is None or autocast.dtype == torch.float32
        assert weight.dtype == torch.float32
        assert recon.dtype == torch.float32
        assert latent.z.dtype == torch.float32


def test_precision_changes_the_arithmetic() -> None:
    """The same weights and images: bf16 differs from float32, by about its 8 bits."""
    found = {}
    for wanted in ("float32", "bf16"):
        made = session(tiny("none", f"engine.precision={wanted}"))
        with torch.no_grad():
            found[wanted] = made.parts.model(torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0)))[0]
    difference = (found["bf16"] - found["float32"]).abs().max().item()
    assert 1e-6 < difference < 3e-2


def test_threads_are_set() -> None:
    before = torch.get_num_threads()
    try:
        Compute(tiny("vq", "engine.threads=2").engine)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow  # the compiler alone takes half a minute
def test_compiled_run_trains_and_loads() -> None:
    run = tilework.train(tiny("none", "engine.compile=true", "engine.steps=2"))
    plain = tilework.train(tiny("none", "engine.steps=2"))
    x = torch.rand(2, 1, 16, 16)
    # Compiled kernels add in another order; the names of the weights stay the same.
    torch.testing.assert_close(
        tilework.load(run, which="last").reconstruct(x),
        tilework.load(plain, which="last").reconstruct(x),
        rtol=0,
        atol=1e-3,
    )
