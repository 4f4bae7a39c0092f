"""Every request kind has a row in the table."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from samdesk.workers.inference import requests
from samdesk.workers.inference.requests.kind import RequestKind
from samdesk.workers.inference.requests.table import KINDS


def test_every_kind_of_every_module_has_one_row_and_a_name_of_its_own() -> None:
    modules = [
        import_module(f"{requests.__name__}.{m.name}") for m in pkgutil.iter_modules(requests.__path__)
    ]
    defined = {kind for m in modules for kind in vars(m).values() if isinstance(kind, RequestKind)}
    assert set(KINDS) == defined
    assert len(KINDS) == len(defined) == len({kind.name for kind in KINDS})


def test_a_kind_displaces_only_kinds_that_come_after_it() -> None:
    for i, kind in enumerate(KINDS):
        assert set(kind.displaces) <= set(KINDS[i + 1 :])
