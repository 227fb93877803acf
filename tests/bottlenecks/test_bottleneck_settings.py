"""Settings that cannot work are refused before anything is built, with the field and the fix named."""

from __future__ import annotations

import pytest

from tilework.bottlenecks import FSQ, RQ, VQ
from tilework.errors import UserError
from tilework.spec import BOTTLENECKS


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"kind": "vq", "codes": 1}, ["bottleneck.codes", "2"]),
        ({"kind": "vq", "dim": 0}, ["bottleneck.dim"]),
        ({"kind": "vq", "decay": 1.0}, ["bottleneck.decay", "1"]),
        ({"kind": "vq", "decay": 0}, ["bottleneck.decay", "0"]),
        ({"kind": "vq", "code": 512}, ["bottleneck.code", "did you mean codes?"]),
        ({"kind": "vq", "distance": "manhattan"}, ["bottleneck.distance", "euclidean"]),
        ({"kind": "vq", "revival": {"threshold": 2}}, ["bottleneck.revival.threshold"]),
        ({"kind": "vq", "revival": {"patients": 2}}, ["bottleneck.revival.patients"]),
        ({"kind": "rq", "levels": 0}, ["bottleneck.levels"]),
        ({"kind": "rq", "distance": "cosine"}, ["bottleneck.distance"]),
        ({"kind": "fsq", "levels": [8, 1]}, ["bottleneck.levels", "2 to 256"]),
        ({"kind": "fsq", "levels": []}, ["bottleneck.levels"]),
        ({"kind": "fsq", "levels": [256] * 4}, ["bottleneck.levels", "more than"]),
        ({"kind": "fsq", "distance": "cosine"}, ["bottleneck.distance"]),
        ({"kind": "lfq", "dim": 40}, ["bottleneck.dim"]),
        ({"kind": "lfq", "temperature": 0}, ["bottleneck.temperature"]),
        ({"kind": "lfq", "codes": 512}, ["bottleneck.codes"]),
        ({"kind": "rq", "level_dropout": 2}, ["bottleneck.level_dropout"]),
        ({"kind": "gaussian", "dim": -1}, ["bottleneck.dim"]),
        ({"kind": "rqq"}, ["rqq", "rq"]),
    ],
)
def test_a_spec_is_refused_by_field(raw, words):
    with pytest.raises(UserError) as caught:
        BOTTLENECKS.parse(raw)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: VQ(dim=4, codes=1), "codes"),
        (lambda: VQ(dim=4, codes=8, decay=2.0), "decay"),
        (lambda: VQ(dim=4, codes=8, codebook="sgd"), "codebook"),
        (lambda: VQ(dim=4, codes=8, revival={"jitter": -1}), "revival.jitter"),
        (lambda: RQ(dim=4, codes=8, levels=0), "levels"),
        (lambda: RQ(dim=4, codes=8, levels=2, distance="cosine"), "distance"),
        (lambda: FSQ(levels=[1, 5]), "2 to 256"),
        (lambda: FSQ(levels=8), "must be a list"),
    ],
)
def test_a_constructor_refuses_the_same(make, word):
    with pytest.raises(UserError, match=word):
        make()


def test_a_constructor_knows_every_setting_of_its_kind():
    """`Config.build` hands every field on, so a field that the class does not take would fail here."""
    for kind in BOTTLENECKS.kinds:
        BOTTLENECKS.config(kind)().build()


@pytest.mark.parametrize("kind", BOTTLENECKS.kinds)
def test_every_field_is_described(kind):
    for name, field in BOTTLENECKS.config(kind).model_fields.items():
        assert name == "kind" or field.description, f"{kind}.{name}"


def test_revival_can_be_written_in_three_ways():
    assert VQ(dim=2, codes=4, revival=None).book.revival is None
    assert VQ(dim=2, codes=4, revival={"enabled": False}).book.revival is None
    assert VQ(dim=2, codes=4, revival={"threshold": 0.1}).book.revival.threshold == 0.1
