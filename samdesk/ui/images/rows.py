"""ImageRows: which images are listed, and in which order. Images are numbers in the dataset's list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from samdesk.domain.document import ImageKey

Numbers = npt.NDArray[np.int32]
"""(N,) int32, numbers of images."""


def numbers_of(keys: Iterable[ImageKey], numbering: Mapping[ImageKey, int]) -> Numbers:
    """Returns the numbers of images, those without one left out. Takes time in proportion to the images."""
    found = (numbering.get(key, -1) for key in keys)
    return np.fromiter((number for number in found if number >= 0), np.int32)


class ImageRows:
    """An immutable list of images: row to number and back, each in no time."""

    def __init__(self, count: int, numbers: Numbers | None = None) -> None:
        """Lists images.

        Args:
            count: How many images the dataset has.
            numbers: Those that are listed, in this order; None: all of them.
        """
        self._count = count
        self._numbers = numbers
        self._rows: Numbers | None = None
        if numbers is not None:
            self._rows = np.full(count, -1, np.int32)
            self._rows[numbers] = np.arange(len(numbers), dtype=np.int32)
            self._ascending = bool((numbers[1:] > numbers[:-1]).all())

    def __len__(self) -> int:
        return self._count if self._numbers is None else len(self._numbers)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ImageRows) or self._count != other._count:
            return False
        if self._numbers is None or other._numbers is None:
            return self._numbers is other._numbers
        return np.array_equal(self._numbers, other._numbers)

    __hash__ = None  # type: ignore[assignment]

    def number(self, row: int) -> int:
        """The image of a row."""
        return row if self._numbers is None else int(self._numbers[row])

    def row(self, number: int) -> int:
        """The row of an image; -1 if it is not listed."""
        if not 0 <= number < self._count:
            return -1
        return number if self._rows is None else int(self._rows[number])

    def near(self, number: int, step: int) -> int:
        """The row ``step`` (not 0) rows after an image, which need not be listed; -1 beyond the ends."""
        row = self.row(number)
        if row >= 0:
            row += step
        elif self._numbers is not None and self._ascending:
            row = int(np.searchsorted(self._numbers, number)) + (step - 1 if step > 0 else step)
        else:
            row = step - 1  # it has no place in another order: after it comes the first one
        return row if 0 <= row < len(self) else -1

    def with_also(self, number: int, row: int) -> ImageRows:
        """The list with one more image: at its place in the dataset's order, in another order at a row."""
        if self._numbers is None or self.row(number) >= 0:
            return self
        if self._ascending:
            row = int(np.searchsorted(self._numbers, number))
        place = min(max(row, 0), len(self._numbers))
        return ImageRows(self._count, np.insert(self._numbers, place, number).astype(np.int32))
