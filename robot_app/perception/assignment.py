"""The assignment problem: pairs of least total cost, each row and each column in one pair at most."""

import math
from collections.abc import Sequence


def assign(costs: Sequence[Sequence[float]], unmatched_cost: float) -> dict[int, int]:
    """Row → column. A row for which no pair is cheaper than `unmatched_cost` stays alone; `math.inf` forbids a pair.

    Rows enter one after the other, each by the cheapest way of moving earlier ones aside (shortest augmenting paths;
    Kuhn 1955, Jonker and Volgenant 1987). The time grows with rows² · (rows + columns).
    """
    rows = len(costs)
    if not rows:
        return {}
    columns = len(costs[0])
    # Every row has a column of its own for staying alone, so that there always is a way.
    table = [[*row, *(unmatched_cost if i == j else math.inf for j in range(rows))] for i, row in enumerate(costs)]
    row_of: list[int | None] = [None] * (columns + rows)
    row_price, column_price = [0.0] * rows, [0.0] * (columns + rows)
    for row in range(rows):
        _enter(row, table, row_of, row_price, column_price)
    return {row: column for column, row in enumerate(row_of[:columns]) if row is not None}


def _enter(
    new_row: int,
    table: Sequence[Sequence[float]],
    row_of: list[int | None],
    row_price: list[float],
    column_price: list[float],
) -> None:
    """Dijkstra's search over columns, with costs reduced by the prices, to the nearest free one; then move along."""
    count = len(row_of)
    distance, came_from = [math.inf] * count, [-1] * count
    done: list[int] = []
    row, column, so_far = new_row, -1, 0.0
    while True:
        for j in range(count):
            reduced = so_far + table[row][j] - row_price[row] - column_price[j]
            if j not in done and reduced < distance[j]:
                distance[j], came_from[j] = reduced, column
        nearest = min((j for j in range(count) if j not in done), key=distance.__getitem__)
        column, so_far = nearest, distance[nearest]
        holder = row_of[column]
        if holder is None:
            break
        done.append(column)
        row = holder
    row_price[new_row] += so_far
    for j in done:
        holder = row_of[j]
        assert holder is not None
        row_price[holder] += so_far - distance[j]
        column_price[j] -= so_far - distance[j]
    while column != -1:
        before = came_from[column]
        row_of[column] = new_row if before == -1 else row_of[before]
        column = before
