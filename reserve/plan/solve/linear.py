"""Linear and integer programs for HiGHS, built column by column and row by row, solved through scipy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

NOTHING = -1  # a column that is always zero


class Rows:
    """Sparse constraints `row @ x <= upper`."""

    def __init__(self) -> None:
        self.row: list[np.ndarray] = []
        self.col: list[np.ndarray] = []
        self.val: list[np.ndarray] = []
        self.upper: list[float] = []

    def add(self, cols: Sequence[int] | np.ndarray, vals: Sequence[float] | np.ndarray, upper: float = 0.0) -> None:
        """One constraint; columns that are NOTHING are left out."""
        cols, vals = np.asarray(cols, np.int64), np.asarray(vals, float)
        keep = cols >= 0
        self.row.append(np.full(int(keep.sum()), len(self.upper)))
        self.col.append(cols[keep])
        self.val.append(vals[keep])
        self.upper.append(upper)

    def add_many(self, row: np.ndarray, col: np.ndarray, upper: np.ndarray) -> None:
        """Rows with coefficients 1; `row` counts from 0 within this call."""
        self.row.append(row + len(self.upper))
        self.col.append(col)
        self.val.append(np.ones(len(row)))
        self.upper.extend(upper.tolist())


@dataclass(frozen=True)
class Optimum:
    """A solution: its objective, the solver's bound on the objective, the columns, and for a program of real columns
    what one more of each row's upper limit would save (at least 0; of `rows` first)."""

    value: float
    bound: float
    x: np.ndarray
    saves: np.ndarray = field(default_factory=lambda: np.zeros(0))


class Program:
    """Columns (all >= 0), `rows` (<=) and `equal` (==)."""

    def __init__(self) -> None:
        self.columns = 0
        self.upper: list[np.ndarray] = []
        self.rows, self.equal = Rows(), Rows()
        self.infeasible = False  # whether the last whole solution was proven not to exist

    def several(self, count: int, upper: float) -> np.ndarray:
        """New variables, each from 0 to `upper`; int[count], their columns."""
        self.upper.append(np.full(count, float(upper)))
        self.columns += count
        return np.arange(self.columns - count, self.columns)

    def one(self, upper: float) -> int:
        """A new variable from 0 to `upper`; its column."""
        return int(self.several(1, upper)[0])

    def _matrix(self, *sets: Rows):  # type: ignore[no-untyped-def]
        from scipy.sparse import coo_array

        shift = np.cumsum([0, *(len(rows.upper) for rows in sets)])
        row = [part + shift[i] for i, rows in enumerate(sets) for part in rows.row]
        upper = np.array([value for rows in sets for value in rows.upper], float)
        if not len(upper):
            return None, None
        entries = (
            np.concatenate([part for rows in sets for part in rows.val]),
            (np.concatenate(row), np.concatenate([part for rows in sets for part in rows.col]).astype(np.int64)),
        )
        return coo_array(entries, shape=(len(upper), self.columns)).tocsr(), upper

    def solve(self, cost: np.ndarray, extra: Rows | None = None, seconds: float = 60.0) -> Optimum | None:
        """Minimise `cost` over real columns. None: infeasible, or no optimum in time."""
        from scipy.optimize import linprog

        if not self.columns:  # nothing to decide
            return Optimum(0.0, 0.0, np.zeros(0))
        a_ub, b_ub = self._matrix(self.rows, *([extra] if extra else []))
        a_eq, b_eq = self._matrix(self.equal)
        bounds = np.column_stack([np.zeros(self.columns), np.concatenate(self.upper)])
        options = {"time_limit": max(0.2, seconds)}
        result = linprog(cost, a_ub, b_ub, a_eq, b_eq, bounds, method="highs", options=options)
        if result.status != 0:
            return None
        saves = np.maximum(0.0, -result.ineqlin.marginals) if a_ub is not None else np.zeros(0)
        return Optimum(float(cost @ result.x), float(cost @ result.x), result.x, saves)

    def solve_whole(
        self, cost: np.ndarray, seconds: float = 60.0, gap: float = 0.0, real: Sequence[int] = ()
    ) -> Optimum | None:
        """Minimise `cost` over whole columns (but `real` ones). None: infeasible, or nothing found in time."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        whole = np.ones(self.columns)
        whole[list(real)] = 0
        constraints = []
        for sets, both in (((self.rows,), False), ((self.equal,), True)):
            matrix, upper = self._matrix(*sets)
            if matrix is not None:
                constraints.append(LinearConstraint(matrix, upper if both else -np.inf, upper))
        options = {"time_limit": max(0.2, seconds), "mip_rel_gap": gap}
        bounds = Bounds(np.zeros(self.columns), np.concatenate(self.upper))
        result = milp(cost, integrality=whole, bounds=bounds, constraints=constraints, options=options)
        self.infeasible = result.status == 2
        if result.x is None:
            return None
        x = np.where(whole > 0, np.round(result.x), result.x)
        bound = result.mip_dual_bound if result.mip_dual_bound is not None else -np.inf
        return Optimum(float(cost @ x), float(bound), x)
