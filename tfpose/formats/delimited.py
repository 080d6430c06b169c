"""Text in rows of cells: any delimiter, decimal comma, comments, and lines of header of any number."""

from __future__ import annotations

import csv
import dataclasses

import numpy as np

from tfpose.errors import DataError

_MISSING = {"", "na", "nan", "n/a", "null", "none", "-", "--"}


@dataclasses.dataclass(frozen=True, eq=False)
class Layout:
    """The cells of a table, and where the coordinates are: `cells` `[T, J, 3, 2]` of row and column, -1 = none; and the
    confidence, `certain` `[T, J, 2]`, if there is one."""

    rows: list[list[str]]
    before: tuple[str, ...]
    delimiter: str
    comma: bool
    cells: np.ndarray
    certain: np.ndarray | None = None


class Table:
    """Rows of cells: `header` lines and the rows of numbers, with their line numbers."""

    def __init__(self, path, text: str):
        self.path = path
        lines = text.split("\n")
        self.before: list[str] = []
        while lines and (not lines[0].strip() or lines[0].lstrip().startswith("#")):
            line = lines.pop(0)
            # A header may be a comment, as numpy writes it.
            if line.lstrip("# ").count(",") >= 8 and not any(map(_is_number, line.lstrip("# ").split(",")[:4])):
                lines.insert(0, line.lstrip("# "))
                break
            self.before.append(line)
        body = [(number, line) for number, line in enumerate(lines, len(self.before) + 1) if line.strip()]
        if not body:
            raise DataError(f"{path}: is empty; expected x y z of each joint in one row per frame")
        self.delimiter = _delimiter(body[min(len(body) - 1, 3)][1])
        if self.delimiter == " ":
            self.rows = [line.split() for _, line in body]
        else:
            self.rows = [
                [cell.strip() for cell in row]
                for row in csv.reader((line for _, line in body), delimiter=self.delimiter)
            ]
        self.lines = [number for number, _ in body]
        if len(self.rows) != len(self.lines):
            raise DataError(f"{path}: has a quoted cell of several lines")
        heads = 0
        while heads < min(len(self.rows), 6) and not _is_data(self.rows[heads], after_header=heads > 0):
            heads += 1
        self.header = self.rows[:heads]
        self.start = heads
        # Any line may end in a delimiter; beyond it all lines of data have as many cells as the header.
        width = max(len(row) - (row[-1] == "") for row in self.rows)
        for number, row in zip(self.lines[heads:], self.rows[heads:]):
            if len(row) < width:
                raise DataError(f"{path}: line {number} has {len(row)} cells, others have {width}")
        self.header = [[*row, *[""] * (width - len(row))] for row in self.header]
        self.width = width
        self.comma = self.delimiter != "," and any("," in cell for row in self.rows[heads : heads + 20] for cell in row)
        if not self.rows[heads:]:
            raise DataError(f"{path}: has a header and no rows of numbers")

    def column(self, at: int) -> np.ndarray:
        """A column of numbers `[N]`."""
        return np.array([self.number(row, at) for row in range(self.start, len(self.rows))])

    def said(self, row: int, column: int) -> float | None:
        """What a cell says, as `number_of`."""
        cell = self.rows[row][column]
        return number_of(cell.replace(",", ".") if self.comma else cell)

    def number(self, row: int, column: int) -> float:
        value = self.said(row, column)
        if value is None:
            cell = self.rows[row][column]
            raise DataError(f"{self.path}: line {self.lines[row]}: '{cell[:40]}' is not a number")
        return value

    def layout(self, cells: np.ndarray, certain: np.ndarray | None) -> Layout:
        return Layout(self.rows, tuple(self.before), self.delimiter, self.comma, cells, certain)


def _delimiter(line: str) -> str:
    for delimiter in (";", "\t", ",", "|"):
        if delimiter in line:
            return delimiter
    return " "


def number_of(cell: str) -> float | None:
    """What a cell says: NaN where it is missing, None where it is no number."""
    if cell.lower() in _MISSING:
        return np.nan
    try:
        return float(cell)
    except ValueError:
        return None


def _is_number(cell: str) -> bool:
    return number_of(cell.strip().replace(",", ".")) is not None


def _is_data(row: list[str], after_header: bool) -> bool:
    """Whether a row holds numbers: not names, and not the empty cells beside a merged name."""
    given = [cell for cell in row if cell]
    numbers = sum(map(_is_number, given))
    if after_header and numbers == len(given) <= 2:
        return True  # a frame with nobody in it
    return numbers >= 3 and numbers > 0.5 * len(given)
