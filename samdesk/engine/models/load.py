"""From a name or a file to a model that is ready for work."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samdesk.base import places
from samdesk.base.jobs import CancelToken, Progress
from samdesk.base.places import flint_weights
from samdesk.engine.flint import metadata
from samdesk.engine.models import registry, weights
from samdesk.engine.protocols import Detector, EngineError, ModelInfo, Predictor
from samdesk.engine.runtime.device import (
    automatic_precisions,
    dtype_of,
    errors_in_words,
    precision_for,
    resolve,
)
from samdesk.engine.runtime.device import title as title_of_device

if TYPE_CHECKING:
    from samdesk.engine.sam.predictor import SamNetwork, SamPredictor

log = logging.getLogger(__name__)

_SIZES = {"t": "tiny", "s": "small", "b": "base", "l": "large", "h": "huge"}


def default_model() -> str:
    """The name of the best predictor whose weights are on disk, else "flint". Imports no torch."""
    return next((name for name in registry.PREFERRED if weights.find(name) is not None), registry.FLINT)


def default_detector() -> str:
    """The name of the best detector whose weights are on disk, else "flint". Imports no torch."""
    here = (name for name in registry.PREFERRED_DETECTORS if weights.find(name) is not None)
    return next(here, registry.FLINT)


def class_names(name_or_path: str) -> tuple[str, ...] | None:
    """A detector's class names where its file tells them without being loaded. Imports no torch.

    Raises:
        EngineError: The file cannot be read.
    """
    path = weights.find(name_or_path)
    return metadata.class_names(path) if path is not None and metadata.is_flint(path) else None


def load_predictor(
    name_or_path: str = "",
    device: str = "",
    precision: str = "auto",
    *,
    fetch: bool = False,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> Predictor:
    """A promptable segmenter.

    Args:
        name_or_path: A name of ``registry.MODELS``, a SAM checkpoint or a file of Flint weights
            (``.safetensors``) of any name, or "" for ``default_model()``.
        device: "" or "auto" for the best, else "cuda", "cuda:1", "0", "mps", "cpu".
        precision: "auto", "fp32", "fp16" or "bf16".
        fetch: Download weights that are not on disk.
        progress: For the download.
        cancel: For the download.

    Raises:
        EngineError: In words: no such model, no weights, a broken or foreign checkpoint, no such device.
        OutOfMemory: It does not fit on the device.
        Cancelled: ``cancel`` was used.
    """
    path = _checkpoint(name_or_path or default_model(), False, fetch, progress, cancel)
    place = resolve(device)
    load = _flint if metadata.is_flint(path) else _sam
    return load(path, place, precision)


def load_detector(
    name_or_path: str,
    device: str = "",
    precision: str = "auto",
    *,
    fetch: bool = False,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> Detector:
    """Flint's detector, or an Ultralytics detection or segmentation model.

    Arguments and errors are those of ``load_predictor``; "" is ``default_detector()``. A YOLO checkpoint
    is a pickle, which can run code as it is opened: only for files that are trusted. Flint's is none.
    """
    path = _checkpoint(name_or_path or default_detector(), True, fetch, progress, cancel)
    place = resolve(device)
    if metadata.is_flint(path):
        from samdesk.engine.flint.detector import load_flint_detector

        otherwise = "Flint detector" if _is_shipped(path) else path.name
        return load_flint_detector(path, place, precision, title=metadata.title(path, otherwise))
    from samdesk.engine.yolo.detector import YoloDetector

    return YoloDetector(path, place, precision)


def _checkpoint(
    name: str, detector: bool, fetch: bool, progress: Progress | None, cancel: CancelToken | None
) -> Path:
    known = registry.spec(name)
    if known is not None and not (known.finds_boxes if detector else known.draws_masks):
        raise EngineError(
            f"{known.title} {'draws masks' if detector else 'finds boxes'}: "
            f"it cannot be used as the {'detector' if detector else 'SAM model'}. Choose another model."
        )
    path = weights.find(name)
    if path is not None:
        return path
    if known is None:
        raise EngineError(f"There is no model and no file {name!r}. Choose a model of the list or a file.")
    if not known.url:
        raise EngineError(f"{known.title} is missing from this installation. Install samdesk again.")
    if not fetch:
        raise EngineError(
            f"The weights of {known.title} ({known.name}) are not on this machine. "
            f"Download them under Models, or put {known.name} into {places.weights()}."
        )
    return weights.download(known, progress=progress or _silent, cancel=cancel or CancelToken())


def _silent(_done: int, _total: int) -> None:
    """For who does not want to know."""


def _sam(path: Path, device: str, precision: str) -> Predictor:
    """In the first precision that passes the self-test; one that was asked for by name must pass it."""
    asked = (precision or "auto").lower() != "auto"
    note = wrong = ""
    tried = [precision_for(device, precision)] if asked else automatic_precisions(device)
    for wanted in tried:
        predictor, wrong = _sam_in(path, device, wanted, note)
        if not wrong:
            return predictor
        log.warning("%s in %s on %s: %s", path.name, wanted, device, wrong)
        note = f"In {wanted} {title_of_device(device)} gives wrong masks: a slower precision is used."
    raise EngineError(f"{path} cannot be used in {tried[-1]} on {device}: {wrong}")


def _sam_in(path: Path, device: str, precision: str, note: str) -> tuple[SamPredictor, str]:
    """The predictor in one precision, and what is wrong with its masks."""
    from samdesk.engine.sam.checkpoint import load_network
    from samdesk.engine.sam.predictor import SamPredictor
    from samdesk.engine.sam.self_test import complaint

    name, module = load_network(path)
    info = replace(_info(module, path.name, title_of(name), path, device, precision), note=note)
    saved = (4 - dtype_of(precision).itemsize) * sum(p.numel() for p in _encoder(module).parameters())
    info = replace(info, memory_bytes=info.memory_bytes - saved)
    with errors_in_words(f"Loading {path.name}", device):
        network, exact = _networks(name, module, device, precision)
    predictor = SamPredictor(network, info, name)
    return predictor, complaint(predictor, SamPredictor(exact, info, name))


def _flint(path: Path, device: str, precision: str) -> Predictor:
    import torch

    precision = precision_for(device, precision)

    from samdesk.engine.flint.predictor import FlintPredictor
    from samdesk.engine.flint.weights import load_network

    network = load_network(path, flint_weights())
    with errors_in_words(f"Loading {path.name}", device):
        network.to(device).to(memory_format=torch.channels_last)
    name, otherwise = (registry.FLINT, "Flint") if _is_shipped(path) else (path.name, path.name)
    words = metadata.title(path, otherwise)
    return FlintPredictor(network, _info(network, name, words, path, device, precision))


def _is_shipped(path: Path) -> bool:
    return path == weights.find(registry.FLINT)


def _info(module: Any, name: str, words: str, path: Path, device: str, precision: str) -> ModelInfo:
    tensors = [*module.parameters(), *module.buffers()]
    return ModelInfo(
        name=name,
        title=words,
        device=device,
        device_title=title_of_device(device),
        precision=precision,
        layers=sum(1 for m in module.modules() if not list(m.children())),
        parameters=sum(p.numel() for p in module.parameters()),
        memory_bytes=sum(t.numel() * t.element_size() for t in tensors),
        path=str(path),
        sha256=weights.file_hash(path)[:16],
    )


def title_of(network: str) -> str:
    """A network's name for users: "sam2.1_t" is "SAM 2.1 tiny"."""
    if network == "mobile_sam":
        return "MobileSAM"
    family, _, size = network.partition("_")
    return f"SAM {family.removeprefix('sam')}".strip() + f" {_SIZES[size]}"


def _encoder(module: Any) -> Any:
    return module.image_encoder


def _networks(name: str, module: Any, device: str, precision: str) -> tuple[SamNetwork, SamNetwork]:
    """The network on its device, and again with a decoder in fp32 (its encoder is the same one).

    Only the image side is in this precision: tokens are few, and half floats cannot tell pixels apart.
    """
    import torch

    from samdesk.engine.sam.decoder.decoder import Decoder
    from samdesk.engine.sam.encoders.hiera import HieraEncoder
    from samdesk.engine.sam.encoders.vit import encoder_for
    from samdesk.engine.sam.sam1 import Sam1Network
    from samdesk.engine.sam.sam2 import Sam2Network

    second, dtype = name.startswith("sam2"), dtype_of(precision)
    with torch.inference_mode():
        module.to(device).eval()  # eval again: MobileSAM caches its attention biases where they are now
        parts = (
            (module.sam_prompt_encoder, module.sam_mask_decoder)
            if second
            else (module.prompt_encoder, module.mask_decoder)
        )
        decoder, exact = Decoder(*parts, dtype), Decoder(*parts, torch.float32)
        if second:
            finer = HieraEncoder(module, dtype)
            return Sam2Network(finer, decoder), Sam2Network(finer, exact)
        encoder = encoder_for(name, module, dtype)
        return Sam1Network(encoder, decoder), Sam1Network(encoder, exact)
