"""Recalibrates the doubt of a dataset by the user's own decisions, after every 50 of them."""

from __future__ import annotations

from samdesk.dataset.dataset import Dataset
from samdesk.domain.doubt import LEAST_DECISIONS, MOST_DECISIONS, Calibration, fit


def recalibrate(dataset: Dataset) -> Calibration | None:
    """Makes a calibration if enough decisions were made since the last one.

    The doubts of the annotations follow in the background.

    Returns:
        The new calibration; None: it is not due.

    Raises:
        StoreError: It cannot be written.
    """
    decisions = dataset.core.rows.decisions
    if dataset.read_only or decisions.since_calibration < LEAST_DECISIONS:
        return None
    calibration = fit(decisions.newest(MOST_DECISIONS))
    if calibration is not None:
        dataset.set_calibration(calibration)
    dataset.core.transact(decisions.mark_calibrated)
    return calibration
