"""Two friendly words that make a run easy to name, such as quiet-fox."""

from __future__ import annotations

import random

_ADJECTIVES = (
    "amber autumn bold brave breezy bright brisk calm candid clear clever copper coral cosy crisp curious daring dapper deft "
    "eager early easy fair fleet fond frosty gentle glad golden happy hazy honest humble jolly keen kind lively lucid lucky "
    "mellow merry misty modest mossy neat nimble noble patient plucky polite proud quick quiet rosy rustic sandy silver sleek "
    "snowy spry steady sunny swift tidy tender velvet vivid warm wise witty woven young zesty"
)
_NOUNS = (
    "acorn alder badger beacon birch bison brook canyon cedar clover comet cove crane cricket delta dove dune ember falcon "
    "fern finch fjord fox garnet glade grove harbor hare hazel heron iris ivy jay juniper kestrel kite lagoon lantern lark "
    "lotus lynx maple marten meadow mole moon moth newt oak olive orchid otter owl pebble pine plum pond poppy quail quartz "
    "raven reed ridge robin sage seal shore sparrow spruce stork swan thistle tiger tulip walnut willow wren yarrow"
)


def two_words() -> str:
    """An adjective and a noun, from the system's entropy: the same seed gets a new name each time, and no seed is used up."""
    choose = random.SystemRandom().choice
    return f"{choose(_ADJECTIVES.split())}-{choose(_NOUNS.split())}"
