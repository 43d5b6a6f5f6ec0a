"""Assignment: the one-to-one choice between two lists with the largest sum of gains.

The Hungarian method with potentials, rows added one by one along shortest augmenting paths: O(rows^2 columns), after
E. Lawler, "Combinatorial Optimization" (1976), chapter 5. Equal to scipy's linear_sum_assignment, which a Lambda does
without.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


class Budget:
    """Steps that may still be made; one looks at one column."""

    __slots__ = ("steps",)

    def __init__(self, steps: float = math.inf) -> None:
        self.steps = steps


class BudgetSpentError(Exception):
    """An assignment that takes more steps than its budget has."""


def assign(gains: Sequence[Sequence[float]], budget: Budget | None = None) -> list[tuple[int, int]]:
    """Pairs (row, column) that together gain most, in the order of rows; a gain of 0 or less is no reason to pair.

    Args:
        gains: rows of equal length.
        budget: pays for the steps that are made; none is without end.

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
    """Row by column of the cheapest assignment of every row; no more rows than columns. Index 0 is nobody."""
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
