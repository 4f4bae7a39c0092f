"""Errors of runs in shards."""

from __future__ import annotations

from samdesk.base.errors import UserError


class ShardsError(UserError):
    """A run in shards cannot begin, go on or be merged."""

    code = "shards"


def import_failed(error: ImportError, extra: str) -> ShardsError:
    """The error for a missing library of an extra ("tables", "cluster")."""
    library = error.name or str(error)
    return ShardsError(
        f"The Python package {library} is not installed.", next=f'Install it: pip install "samdesk[{extra}]"'
    )
