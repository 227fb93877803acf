"""What models and their parts are called."""

from __future__ import annotations

from tilework.explain.facts.latent import LatentSpace
from tilework.explain.facts.network import Kind, Network, Side, Stage, Weights
from tilework.explain.facts.training import Training
from tilework.explain.words.numbers import area, count, large, many, shape, size

_FAMILIES = {
    "vq": "VQ-VAE",
    "rq": "residual VQ-VAE",
    "fsq": "autoencoder with finite scalar quantisation (FSQ)",
    "lfq": "autoencoder with lookup-free quantisation (LFQ)",
    "none": "plain autoencoder",
}
_LAYERS = {"BatchNorm2d": "BatchNorm", "GroupNorm": "GroupNorm", "LeakyReLU": "leaky ReLU", "ToImage": "output"}
_RULES = {
    "ema": "moving averages",
    "gradient": "the gradient of the codebook loss",
    "simvq": "one learnt matrix (SimVQ)",
}


def family(latent: LatentSpace, training: Training) -> str:
    """VQ-VAE, VAE, beta-VAE with beta 0.1, ..."""
    if latent.kind != "gaussian":
        return _FAMILIES.get(latent.kind, f"autoencoder with a bottleneck of kind {latent.kind}")
    beta = next((term.course for term in training.terms if term.name == "kl"), None)
    if beta is None or (beta.low == beta.high == 1):
        return "variational autoencoder (VAE)"
    return f"beta-VAE with beta {beta.start:g}" if beta.low == beta.high else "beta-VAE"


def rule(name: str) -> str:
    """How a codebook learns."""
    return _RULES.get(name, name)


def after(layer: str) -> str:
    """An activation or norm behind a layer."""
    return _LAYERS.get(layer, layer)


def stage_name(stage: Stage) -> str:
    """The name without the side: `stage1_conv`."""
    return stage.name.partition(".")[2] or stage.name


def what(stage: Stage) -> str:
    """What a stage computes, in a few words."""
    if stage.side is Side.IMAGE:
        return "pixels in [0, 1]"
    if stage.kind is Kind.LATENT:
        return f"{stage.layer} bottleneck"
    text = ", ".join(_weights(one) for one in stage.weights) or stage.layer
    if stage.kind is Kind.BLOCK and len(stage.weights) > 1:
        text = f"{stage.layer.lower()} block: {text}"
    return ", ".join([text, *(after(one) for one in stage.then)])


def _weights(one: Weights) -> str:
    if one.kind == "dense":
        return f"dense {one.inputs:,} to {one.outputs:,}"
    kernel = size(one.kernel[1], one.kernel[0])
    stride = f", stride {one.stride[0]}" if one.stride != (1, 1) else ""
    kind = "transposed convolution" if one.kind == "transposed" else "convolution"
    return f"{kernel} {kind}{stride}, {one.inputs:,} to {one.outputs:,} channels"


def blocks(found: tuple[Stage, ...]) -> str:
    """`4 residual blocks with 32 channels inside`; empty where there are none."""
    if not found:
        return ""
    inside = sorted({stage.weights[0].outputs for stage in found if stage.weights})
    channels = " or ".join(map(str, inside))
    return many(len(found), "block") + (f" with {channels} channels inside" if inside else "")


def stage_titles(network: Network) -> list[str]:
    """What is shown of each stage on hover."""
    titles = []
    for stage in network.stages:
        lines = [stage.name, f"gives {shape(stage.shape)}", what(stage)]
        if stage.parameters:
            lines.append(f"{count(stage.parameters)} parameters")
        if stage.multiply_adds:
            lines.append(f"{large(stage.multiply_adds)} multiply-adds")
        if stage.sees is not None and stage.side is Side.ENCODER:
            lines.append(f"a position sees {area(stage.sees)}")
        titles.append("\n".join(lines))
    return titles
