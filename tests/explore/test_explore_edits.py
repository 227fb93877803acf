"""Edits of a code grid: what they change, what they leave, and everything that is refused."""

from __future__ import annotations

import numpy as np
import pytest

from tilework.errors import UserError
from tilework.explore.edits import Edit, copy_region, fill, parse_region, set_cells
from tilework.explore.token_grid import Region, TokenGrid

GRID = TokenGrid(2, 4, 5, 10)
CODES = np.random.default_rng(0).integers(0, 10, (2, 4, 5))


def test_cells_are_set_and_the_old_grid_stays() -> None:
    before = CODES.copy()
    changed = set_cells(GRID, CODES, [(1, 0, 4), (2, 3, 0)], 7)
    expected = before.copy()
    expected[0, 0, 4] = expected[1, 3, 0] = 7
    assert np.array_equal(changed, expected)
    assert np.array_equal(before, CODES)
    assert changed.dtype == np.int64


def test_a_region_is_filled_on_one_level() -> None:
    changed = fill(GRID, CODES, 2, Region(1, 2, 3, 2), 3)
    expected = CODES.copy()
    expected[1, 1:4, 2:4] = 3
    assert np.array_equal(changed, expected)


@pytest.mark.parametrize(("to", "levels"), [(None, None), ((2, 3), [2]), ((0, 0), [1, 2])])
def test_a_region_is_copied(to: tuple[int, int] | None, levels: list[int] | None) -> None:
    other = (CODES + 1) % 10
    changed = copy_region(GRID, CODES, other, Region(1, 1, 2, 2), to=to, levels=levels)
    expected = CODES.copy()
    y, x = to or (1, 1)
    for level in levels or [1, 2]:
        expected[level - 1, y : y + 2, x : x + 2] = other[level - 1, 1:3, 1:3]
    assert np.array_equal(changed, expected)


def test_a_grid_may_be_copied_onto_itself() -> None:
    changed = copy_region(GRID, CODES, CODES, Region(0, 0, 3, 3), to=(1, 1))
    assert np.array_equal(changed[:, 1:4, 1:4], CODES[:, :3, :3])


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("1,3,4=9", np.s_[0, 3, 4]),
        (" 2 , 0-1 , * = 9", np.s_[1, 0:2, :]),
        ("*,2,1-3=9", np.s_[:, 2, 1:4]),
        ("1-2,*,0=9", np.s_[:, :, 0]),
    ],
)
def test_an_edit_as_it_is_typed(text: str, place: tuple[slice, ...]) -> None:
    expected = CODES.copy()
    expected[place] = 9
    assert np.array_equal(Edit.parse(text).apply(GRID, CODES), expected)


def test_the_level_may_be_left_out_where_there_is_one() -> None:
    flat = TokenGrid(1, 4, 5, 10)
    assert Edit.parse("3,4=9").apply(flat, CODES[:1])[0, 3, 4] == 9
    with pytest.raises(UserError, match="does not give the level"):
        Edit.parse("3,4=9").apply(GRID, CODES)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,2,3",
        "1,2,3=",
        "1,2,3=x",
        "1,2=3=4",
        "1,2,3,4=5",
        "a,2,3=4",
        "1,2-,3=4",
        "1.5,2,3=4",
        "1,2,3=1e2",
        "1,-2,3=4",
    ],
)
def test_what_is_no_edit_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="no edit") as refused:
        Edit.parse(text)
    assert refused.value.fix


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("1,4,0=1", "row 4"),
        ("1,0,5=1", "column 5"),
        ("0,0,0=1", "level 0"),
        ("3,0,0=1", "level 3"),
        ("2-1,0,0=1", "level"),
        ("1-3,0,0=1", "level 3"),
        ("1,0,0=10", "code 10"),
        ("1,0,0=-1", "code -1"),
        ("1,3-2,0=1", "empty"),
        ("1,2-9,0=1", "row 9"),
    ],
)
def test_what_the_grid_does_not_have_is_refused(text: str, part: str) -> None:
    edit = Edit.parse(text)
    with pytest.raises(UserError) as refused:
        edit.apply(GRID, CODES)
    assert part in refused.value.what
    assert refused.value.why
    assert refused.value.fix


def test_regions_as_they_are_typed() -> None:
    assert parse_region("1-2,*", GRID) == Region(1, 0, 2, 5)
    assert str(Region(1, 0, 2, 5)) == "1-2,0-4"
    assert parse_region(str(Region(3, 4)), GRID) == Region(3, 4)
    for text in ("1", "1,2,3", "a,1", "5,1", "2-1,0", "1,"):
        with pytest.raises(UserError) as refused:
            parse_region(text, GRID)
        assert refused.value.fix
    with pytest.raises(UserError):
        copy_region(GRID, CODES, CODES, Region(0, 0, 3, 3), to=(2, 0))


@pytest.mark.parametrize(
    "codes",
    [
        CODES[:1],
        CODES.astype(np.float32),
        CODES - 10,
        CODES + 10,
        CODES.reshape(-1)[:-1],
        np.zeros((2, 4, 5), bool),
        np.full((2, 4, 5), 2**63, np.uint64),
        "tokens",
        [[1, 2], [3]],
    ],
)
def test_what_are_no_codes_of_the_model_is_refused(codes: object) -> None:
    with pytest.raises(UserError) as refused:
        GRID.codes(codes)
    assert refused.value.fix


def test_a_flat_list_is_a_grid() -> None:
    assert np.array_equal(GRID.codes(CODES.reshape(-1).tolist()), CODES)
    assert np.array_equal(GRID.codes(CODES.astype(np.uint8)), CODES)
