"""The row of SAM, MobileSAM and SAM 2 in the registry of model families."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samdesk.engine.models.weights_file import WeightsFile
from samdesk.engine.protocols import EngineError, ModelInfo, Predictor, PromptKind

if TYPE_CHECKING:
    from samdesk.engine.sam.predictor import SamPredictor

log = logging.getLogger(__name__)

ID = "sam"
ANSWERS = frozenset({PromptKind.POINT, PromptKind.BOX, PromptKind.MASK, PromptKind.WHOLE_IMAGE})
_MARKS = (
    "image_encoder.patch_embed.proj.weight",  # SAM
    "image_encoder.patch_embed.seq.0.c.weight",  # MobileSAM
    "image_encoder.trunk.blocks.0.norm1.weight",  # SAM 2
)


def recognise(file: WeightsFile) -> bool:
    """Returns whether a checkpoint has a SAM image encoder, under any prefix."""
    return any(name.endswith(_MARKS) for name in file.names)


def load(path: Path, device: str, precision: str) -> Predictor:
    """See ``models.load.load_predictor``.

    With precision "auto", the first one that passes the self-test is used; a precision given by name must
    pass it.
    """
    from samdesk.engine.runtime.device import automatic_precisions, precision_for
    from samdesk.engine.runtime.device import title as title_of_device

    automatic = (precision or "auto").lower() == "auto"
    precisions = automatic_precisions(device) if automatic else (precision_for(device, precision),)
    note = fault = ""
    for candidate in precisions:
        predictor, fault = _load_in(path, device, candidate, note)
        if not fault:
            return predictor
        log.warning("%s in %s on %s: %s", path.name, candidate, device, fault)
        note = f"In {candidate} {title_of_device(device)} gives wrong masks: a slower precision is used."
    raise EngineError(f"{path} cannot be used in {precisions[-1]} on {device}: {fault}")


def _load_in(path: Path, device: str, precision: str, note: str) -> tuple[SamPredictor, str]:
    """Loads the predictor in one precision; returns it and the fault the self-test found ("": none)."""
    import torch

    from samdesk.engine.models.info import network_info
    from samdesk.engine.runtime.device import dtype_of, translate_torch_errors
    from samdesk.engine.sam.architectures import architecture
    from samdesk.engine.sam.checkpoint import load_network
    from samdesk.engine.sam.predictor import SamPredictor
    from samdesk.engine.sam.self_test import find_fault

    module: Any
    name, module = load_network(path)
    row = architecture(name)
    info = network_info(module, path, device, precision, title=row.title, family=ID, answers=ANSWERS)
    dtype = dtype_of(precision)
    saved = (4 - dtype.itemsize) * sum(p.numel() for p in module.image_encoder.parameters())
    info = replace(info, note=note, memory_bytes=info.memory_bytes - saved)
    with translate_torch_errors(f"Loading {path.name}", device), torch.inference_mode():
        module.to(device).eval()  # again: MobileSAM caches its attention biases on the device it is on
        in_precision, in_fp32 = row.assemble(module, dtype)
    predictor = SamPredictor(in_precision, info, name)
    return predictor, find_fault(predictor, SamPredictor(in_fp32, info, name))


def describe(predictor: SamPredictor) -> ModelInfo:
    """Returns the model's info with the GFLOPs of the image encoder at 1024 pixels."""
    from samdesk.engine import ultralytics
    from samdesk.engine.runtime.flops import count_gflops
    from samdesk.engine.sam.prompts import INPUT_SIDE

    # Counted on a newly built stock network: the encoder in use is another module.
    encoder = ultralytics.build_network(predictor.kind).image_encoder
    return replace(predictor.info, gflops=count_gflops(encoder, "forward", INPUT_SIDE))
