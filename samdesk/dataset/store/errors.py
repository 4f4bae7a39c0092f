"""Errors of the store, for the user."""

from __future__ import annotations

from samdesk.base.errors import UserError

REPLACE = (
    "Put back a copy of it, or use the label files: the history, the review states and the prompts are lost "
    "then. The damaged file is kept."
)
"""What to do about a store that cannot be opened."""


class StoreError(UserError):
    """The store cannot be read or written."""

    code = "store"


class DamagedError(StoreError):
    """The store, or a row of it, does not hold what samdesk has written."""

    code = "damaged"


class RefusedError(StoreError):
    """A change that does not fit the dataset as it is: the same change would be refused again.

    Any other ``StoreError`` is one of the disk: the change is tried again, and nothing is saved before it.
    """

    code = "refused"


class OutOfOrderError(RefusedError):
    """An undo or redo of a step that may not overtake the steps before it."""

    code = "order"


class InConflictError(RefusedError):
    """A change that has to wait until conflicts about label files are resolved."""

    code = "conflict"


class DamagedRowsError(InConflictError):
    """The rows of an image are damaged: a change of it has to wait until the user has chosen."""

    code = "damaged-rows"
