"""Checks of a YOLOE network from a file, whose every attribute the file may choose."""

from __future__ import annotations

from typing import Any

from samdesk.engine.yolo.self_test import find_bad_numbers

_SIDE = 64
_MOST_WIDTH, _MOST_STRIDE = 4096, 64


def find_fault(network: Any) -> str:
    """What is wrong with a network in evaluation mode, "" if nothing.

    It is used as a detector will be: an exemplar and a text are encoded, and found on a small image.
    """
    import torch

    from samdesk.engine.yoloe.network import VISUAL_STRIDE, YoloeNetwork

    fault = find_bad_numbers(network)
    if fault:
        return fault
    parts = YoloeNetwork(network)
    if not 0 < parts.width <= _MOST_WIDTH or not all(0 < s <= _MOST_STRIDE for s in parts.strides):
        return "the sizes of its head are damaged"
    with torch.no_grad():
        features = parts.features(torch.full((1, 3, _SIDE, _SIDE), 0.5))
        masks = torch.ones(1, _SIDE // VISUAL_STRIDE, _SIDE // VISUAL_STRIDE)
        text = torch.full((1, parts.width), parts.width**-0.5)
        vectors = torch.cat((parts.exemplar_vectors(features, masks), parts.text_vectors(text)))
        answer = parts.answer(features, parts.fold(vectors))
        boxes = parts.decode(answer, 0, torch.arange(answer.logits.shape[2]))
        masks = answer.coefficients[0].T @ parts.prototypes(features)[0].flatten(1)
    if not all(bool(torch.isfinite(t).all()) for t in (vectors, answer.logits, boxes, masks)):
        return "it answers with NaN or infinity, so it is damaged"
    return ""
