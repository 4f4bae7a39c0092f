"""Counting a network's floating-point operations without computing anything."""

from __future__ import annotations

from typing import Any


def count_gflops(network: Any, method: str, side: int) -> float | None:
    """The GFLOPs of one of a network's methods for a (1, 3, side, side) image.

    Counted on a copy on torch's meta device (``FlopCounterMode``). None where an operation has no meta
    implementation.
    """
    import copy

    import torch
    from torch.utils.flop_counter import FlopCounterMode

    try:
        shadow = copy.deepcopy(network).to("meta").eval()
        image = torch.empty((1, 3, side, side), device="meta", dtype=next(shadow.parameters()).dtype)
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            getattr(shadow, method)(image)
    except (RuntimeError, NotImplementedError, TypeError):
        return None
    return float(counter.get_total_flops()) / 1e9
