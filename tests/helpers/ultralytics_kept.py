"""Keeps what a training in this process replaces in Ultralytics, so that other tests have it as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from samdesk.engine.ultralytics import import_ultralytics


@contextmanager
def ultralytics_kept() -> Iterator[None]:
    """Restores the functions of Ultralytics that ``ultralytics_trainer.segmentation_trainer`` replaces."""
    import_ultralytics()
    from ultralytics.data import dataset, utils
    from ultralytics.engine import trainer
    from ultralytics.utils import checks, downloads, plotting

    before = [
        (vars(module), dict(vars(module)))
        for module in (dataset, utils, trainer, checks, downloads, plotting)
    ]
    try:
        yield
    finally:
        for values, kept in before:
            values.update(kept)
