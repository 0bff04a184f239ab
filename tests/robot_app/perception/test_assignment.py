import itertools
import math
import random

import pytest

from robot_app.perception.assignment import assign

ALONE = 10.0


def total(costs, pairs):
    return sum(costs[row][column] for row, column in pairs.items()) + ALONE * (len(costs) - len(pairs))


def cheapest(costs, columns):
    """By trying all."""
    rows = range(len(costs))
    choices = [*range(columns), *(None for _ in rows)]
    every = (
        {row: column for row, column in zip(rows, picked, strict=True) if column is not None}
        for picked in itertools.permutations(choices, len(costs))
    )
    return min(total(costs, pairs) for pairs in every)


@pytest.mark.parametrize("seed", range(40))
def test_no_other_pairing_is_cheaper(seed):
    draw = random.Random(seed)
    rows, columns = draw.randint(1, 4), draw.randint(1, 4)
    costs = [[math.inf if draw.random() < 0.2 else draw.uniform(0, 15) for _ in range(columns)] for _ in range(rows)]
    pairs = assign(costs, ALONE)
    assert len(set(pairs.values())) == len(pairs)
    assert total(costs, pairs) == pytest.approx(cheapest(costs, columns))


def test_the_best_pair_gives_way_when_both_together_gain():
    assert assign([[1.0, 2.0], [1.5, 9.0]], ALONE) == {0: 1, 1: 0}


@pytest.mark.parametrize(
    ("costs", "expected"), [([], {}), ([[]], {}), ([[math.inf]], {}), ([[11.0]], {}), ([[9.0]], {0: 0})]
)
def test_who_has_nobody_stays_alone(costs, expected):
    assert assign(costs, ALONE) == expected


def test_many_are_paired_quickly():
    draw = random.Random(0)
    costs = [[draw.uniform(0, 9) for _ in range(30)] for _ in range(30)]
    assert len(assign(costs, ALONE)) == 30
