"""Checks of a YOLO network from a file, whose every attribute the file may choose."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

_SIDE = 64
_MOST_MODULES = 1_000_000
_SIZES = (
    "kernel_size",
    "stride",
    "padding",
    "output_padding",
    "dilation",
    "_reversed_padding_repeated_twice",
)
_MOST_SIZE, _MOST_SCALE, _MOST_CHANNELS = 128, 16, 32


def find_odd_structure(network: Any) -> str:
    """What is wrong with the modules of a network, before torch visits them; "" if nothing.

    torch visits a module once for every way to it, so that a small file could make it visit 2^50; and a small
    number in a layer can ask for any amount of memory.
    """
    if _paths(network, {}) > _MOST_MODULES:
        return "its network contains itself"
    for module in network.modules():
        attributes = module.__dict__
        sizes = (value for name in _SIZES for value in _numbers(attributes.get(name)))
        if any(not 0 <= value <= _MOST_SIZE for value in sizes):
            return "the sizes of its layers are damaged"
        if any(not 0 < value <= _MOST_SCALE for value in _numbers(attributes.get("scale_factor"))):
            return "the sizes of its layers are damaged"
    return ""


def find_fault(network: Any) -> str:
    """What is wrong with the numbers of a network in evaluation mode, "" if nothing.

    Damaged weights would find objects whose boxes and scores are NaN.
    """
    import torch

    fault = find_bad_numbers(network)
    if fault:
        return fault
    first = next(iter(network.parameters()))
    channels = first.shape[1] if first.dim() == 4 else 3
    if channels > _MOST_CHANNELS:
        return "its first layer is damaged"
    with torch.no_grad():  # not inference_mode: the network keeps tensors, and may be trained
        output = network(torch.full((1, channels, _SIDE, _SIDE), 0.5))
    if not all(bool(torch.isfinite(t).all()) for t in _tensors(output)):
        return "it answers with NaN or infinity, so it is damaged"
    return ""


def find_bad_numbers(network: Any) -> str:
    """What is wrong with the weights of a network, "" if nothing."""
    import torch

    floats = [t for t in (*network.parameters(), *network.buffers()) if t.is_floating_point()]
    if not all(bool(torch.isfinite(t).all()) for t in floats):
        return "it contains NaN or infinity, so it is damaged"
    if any(
        name.endswith("running_var") and bool((buffer < 0).any()) for name, buffer in network.named_buffers()
    ):
        return "its statistics are negative, so it is damaged"
    return ""


def _paths(module: Any, known: dict[int, float]) -> float:
    """The number of ways to the modules of a network; infinite if it contains itself."""
    if id(module) not in known:
        known[id(module)] = math.inf
        inner = [m for m in module.__dict__.get("_modules", {}).values() if m is not None]
        known[id(module)] = 1 + sum(_paths(m, known) for m in inner)
    return known[id(module)]


def _numbers(value: Any) -> Iterator[float]:
    """The numbers in an attribute such as ``padding``: one, several, or none."""
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from _numbers(part)
    elif isinstance(value, (int, float)):
        yield value


def _tensors(value: Any) -> Iterator[Any]:
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from _tensors(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from _tensors(part)
    elif hasattr(value, "is_floating_point") and value.is_floating_point():
        yield value
