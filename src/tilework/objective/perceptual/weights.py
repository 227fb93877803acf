"""Where the weights of LPIPS come from, and the error when they are not there or not right."""

from __future__ import annotations

import importlib
import importlib.util
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from tilework.errors import UserError
from tilework.objective.perceptual.backbones import BACKBONES
from tilework.spec.paths import cache_folder

NetName = Literal["squeeze", "alex", "vgg"]

_TORCHVISION = {
    "squeeze": ("squeezenet1_1", "SqueezeNet1_1_Weights"),
    "alex": ("alexnet", "AlexNet_Weights"),
    "vgg": ("vgg16", "VGG16_Weights"),
}

_GET = (
    "give the weights: a file with objective.lpips.weights=PATH, or objective.lpips.weights=torchvision after "
    "pip install torchvision lpips, which needs a network (docs/recipes.md describes such a file)"
)


def load_weights(net: NetName, source: str | None) -> dict[str, Tensor]:
    """All weights of `net` as float32: `features.*` of the backbone and `lin<l>.weight` (1, C_l, 1, 1) of the comparison.

    `source` None: `$TILEWORK_LPIPS` (a file, or a folder with `lpips_<net>_v0.1.npz`), then the cache folder. `torchvision`:
    the backbone as the torchvision package downloads it, `lin` from the installed lpips package (torchvision has none).
    Anything else: a path to an .npz or .safetensors file. Raises UserError for whatever is missing or does not fit.
    """
    if source == "torchvision":
        weights = _from_packages(net)
        where = "the installed torchvision and lpips packages"
    else:
        path = Path(source).expanduser() if source else _find(net)
        weights = _from_file(path)
        where = str(path)
    return _fitting(net, weights, where)


def _file_name(net: str) -> str:
    return f"lpips_{net}_v0.1.npz"


def _find(net: str) -> Path:
    named = os.environ.get("TILEWORK_LPIPS")
    if named:
        path = Path(named).expanduser()
        return path / _file_name(net) if path.is_dir() else path
    path = cache_folder() / _file_name(net)
    if path.is_file():
        return path
    raise UserError(
        f"objective.lpips has no weights for net {net}",
        why=f"TILEWORK_LPIPS is not set and there is no file {path}; the term never runs without them",
        fix=f"train without it: objective.lpips=0. Or {_GET}",
        field="objective.lpips.weights",
    )


def _from_file(path: Path) -> dict[str, Tensor]:
    fix = f"train without it: objective.lpips=0. Or {_GET}"
    if path.suffix not in {".npz", ".safetensors"}:
        raise UserError(
            f"{path} is not a file of LPIPS weights",
            why="only .npz and .safetensors are read: other formats can run code when they are opened",
            fix=fix,
            field="objective.lpips.weights",
        )
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return {name: value.float() for name, value in load_file(path).items()}
        stored = np.load(path, allow_pickle=False)
        if not isinstance(stored, np.lib.npyio.NpzFile):
            raise ValueError("it is one array, not an archive of named arrays")
        with stored:
            return {name: torch.from_numpy(stored[name].astype(np.float32)) for name in stored.files}
    except FileNotFoundError:
        raise UserError(
            f"there is no file {path}",
            why="objective.lpips needs its weights from it",
            fix=fix,
            field="objective.lpips.weights",
        ) from None
    # A damaged zip, pickled arrays, a truncated safetensors header: each library has its own exception for it.
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, _safetensors_error()) as error:
        raise UserError(
            f"{path} cannot be read as LPIPS weights",
            why=str(error) or type(error).__name__,
            fix=fix,
            field="objective.lpips.weights",
        ) from None


def _safetensors_error() -> type[Exception]:
    from safetensors import SafetensorError

    kind: type[Exception] = SafetensorError
    return kind


def _from_packages(net: str) -> dict[str, Tensor]:
    for package in ("torchvision", "lpips"):
        if importlib.util.find_spec(package) is None:
            raise UserError(
                f"objective.lpips.weights=torchvision needs the package {package}, which is not installed",
                why="the backbone's weights come with torchvision, the comparison's weights with lpips",
                fix="pip install torchvision lpips, or name a file with objective.lpips.weights=PATH",
                field="objective.lpips.weights",
            )
    function, enum = _TORCHVISION[net]
    models: Any = importlib.import_module("torchvision.models")
    try:
        model = getattr(models, function)(weights=getattr(models, enum).IMAGENET1K_V1)
    except OSError as error:
        raise UserError(
            f"torchvision could not get the weights of {function}",
            why=f"{error}; it downloads them at first use",
            fix="run once with a network, or name a file with objective.lpips.weights=PATH",
            field="objective.lpips.weights",
        ) from None
    weights = {n: v.detach().float() for n, v in model.state_dict().items() if n.startswith("features.")}
    found = importlib.util.find_spec("lpips")
    assert found is not None
    assert found.origin is not None
    lin = Path(found.origin).parent / "weights" / "v0.1" / f"{net}.pth"
    try:
        stored = torch.load(lin, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(
            f"the lpips package has no file {lin}",
            why=str(error),
            fix="pip install --force-reinstall lpips, or name a file with objective.lpips.weights=PATH",
            field="objective.lpips.weights",
        ) from None
    # The package keeps each 1x1 convolution behind a dropout: `lin0.model.1.weight`.
    return weights | {f"{n.split('.')[0]}.weight": v.float() for n, v in stored.items()}


def _fitting(net: str, weights: dict[str, Tensor], where: str) -> dict[str, Tensor]:
    """Only what `net` uses, after checking that all of it is there, in the right shape, and finite."""
    shapes = BACKBONES[net].shapes()
    # Files differ in whether a 1x1 weight is stored as a vector.
    weights = {n: v.reshape(1, -1, 1, 1) if n.startswith("lin") else v for n, v in weights.items()}
    fault = _misfit(weights, shapes)
    if fault:
        fits = [name for name, backbone in BACKBONES.items() if not _misfit(weights, backbone.shapes())]
        raise UserError(
            f"{where} does not hold the weights of LPIPS net {net}",
            why=fault,
            fix=f"it holds those of {fits[0]}: set objective.lpips.net={fits[0]}"
            if fits
            else "name a whole file of that net with objective.lpips.weights=PATH",
            field="objective.lpips.weights",
        )
    return {name: weights[name].contiguous() for name in shapes}


def _misfit(weights: dict[str, Tensor], shapes: dict[str, tuple[int, ...]]) -> str:
    missing = [name for name in shapes if name not in weights]
    if missing:
        return f"{len(missing)} of its {len(shapes)} tensors are missing, the first is {missing[0]}"
    for name, shape in shapes.items():
        if weights[name].shape != shape:
            return f"{name} has the shape {tuple(weights[name].shape)}, not {shape}"
        if not bool(torch.isfinite(weights[name]).all()):
            return f"{name} holds numbers that are not finite"
    return ""
