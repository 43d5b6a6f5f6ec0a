"""The assignment problem: the one-to-one matching between two lists with the largest sum of gains.

It is solved by the Hungarian method with potentials, which adds rows one by one along shortest augmenting paths, in
O(rows^2 columns). Source: E. Lawler, "Combinatorial Optimization" (1976), chapter 5. The results equal those of scipy's
linear_sum_assignment; scipy is too large for the Lambda package.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


class Budget:
    """A number of steps that may still be made. One step examines one column."""

    __slots__ = ("steps",)

    def __init__(self, steps: float = math.inf) -> None:
        self.steps = steps


class BudgetSpentError(Exception):
    """An assignment that needs more steps than its budget allows."""


def assign(gains: Sequence[Sequence[float]], budget: Budget | None = None) -> list[tuple[int, int]]:
    """Return the pairs (row, column) with the largest sum of gains, in the order of rows.

    Rows and columns whose gain would be 0 or less stay unpaired.

    Args:
        gains: rows of equal length.
        budget: the steps that may be made, which are subtracted from it; None for no limit.

    Raises:
        BudgetSpentError: the budget does not suffice.
    """
    budget = budget or Budget()
    if not gains or not gains[0]:
        return []
    if len(gains) > len(gains[0]):
        turned = assign(list(zip(*gains, strict=True)), budget)
        return sorted((row, column) for column, row in turned)
    costs = [[-max(gain, 0.0) for gain in row] for row in gains]
    return sorted((row, column) for column, row in _solve(costs, budget).items() if gains[row][column] > 0)


def _solve(costs: Sequence[Sequence[float]], budget: Budget) -> dict[int, int]:
    """Return the row of each column in the cheapest assignment of all rows.

    There may not be more rows than columns. In the lists, rows and columns count from 1, and 0 means none.
    """
    rows, columns = len(costs), len(costs[0])
    of_row = [0.0] * (rows + 1)
    of_column = [0.0] * (columns + 1)
    matched = [0] * (columns + 1)
    for row in range(1, rows + 1):
        matched[0] = row
        slack = [math.inf] * (columns + 1)
        came_from = [0] * (columns + 1)
        used = [False] * (columns + 1)
        column = 0
        while True:
            used[column] = True
            budget.steps -= columns
            if budget.steps < 0:
                raise BudgetSpentError
            current = matched[column]
            line, potential = costs[current - 1], of_row[current]
            delta, following = math.inf, 0
            for j in range(1, columns + 1):
                if used[j]:
                    continue
                reduced = line[j - 1] - potential - of_column[j]
                if reduced < slack[j]:
                    slack[j], came_from[j] = reduced, column
                if slack[j] < delta:
                    delta, following = slack[j], j
            for j in range(columns + 1):
                if used[j]:
                    of_row[matched[j]] += delta
                    of_column[j] -= delta
                else:
                    slack[j] -= delta
            column = following
            if matched[column] == 0:
                break
        while column:
            matched[column] = matched[came_from[column]]
            column = came_from[column]
    return {column - 1: row - 1 for column, row in enumerate(matched) if column and row}
