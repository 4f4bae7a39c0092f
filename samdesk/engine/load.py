"""From a name or a file to a model that is ready for work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from samdesk.engine import registry, weights
from samdesk.engine.device import dtype_of, errors_in_words, precision_for, resolve, title
from samdesk.engine.protocols import CancelToken, Detector, EngineError, ModelInfo, Predictor, Progress

if TYPE_CHECKING:
    from samdesk.engine.sam_predictor import SamNetwork

_SIZES = {"t": "tiny", "s": "small", "b": "base", "l": "large", "h": "huge"}


def default_model() -> str:
    """The name of the best predictor whose weights are on disk, else GrabCut's. Imports no torch."""
    return next((name for name in registry.PREFERRED if weights.find(name) is not None), registry.GRABCUT)


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
        name_or_path: A name of ``registry.MODELS``, a SAM checkpoint file of any name, "grabcut", or ""
            for ``default_model()``.
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
    name = name_or_path or default_model()
    if name == registry.GRABCUT:
        from samdesk.engine.grabcut import GrabCutPredictor

        return GrabCutPredictor()
    path = _checkpoint(name, False, fetch, progress, cancel)
    place = resolve(device)
    return _sam(path, place, precision_for(place, precision))


def load_detector(
    name_or_path: str,
    device: str = "",
    precision: str = "auto",
    *,
    fetch: bool = False,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> Detector:
    """An Ultralytics detection or segmentation model; arguments and errors as ``load_predictor``.

    A YOLO checkpoint is a pickle, which can run code as it is opened: only for files that are trusted.
    """
    from samdesk.engine.yolo import YoloDetector

    path = _checkpoint(name_or_path, True, fetch, progress, cancel)
    return YoloDetector(path, resolve(device), precision)


def _checkpoint(
    name: str, detector: bool, fetch: bool, progress: Progress | None, cancel: CancelToken | None
) -> Path:
    known = registry.spec(name)
    if known is not None and known.detector is not detector:
        raise EngineError(
            f"{known.title} {'finds boxes' if known.detector else 'draws masks'}: "
            f"it cannot be used as the {'detector' if detector else 'SAM model'}. Choose another model."
        )
    path = weights.find(name)
    if path is not None:
        return path
    if known is None:
        raise EngineError(f"There is no model and no file {name!r}. Choose a model of the list or a file.")
    if not fetch:
        raise EngineError(
            f"The weights of {known.title} ({known.name}) are not on this machine. "
            f"Download them under Models, or put {known.name} into {weights.weights_folder()}."
        )
    return weights.download(known, progress=progress or _silent, cancel=cancel or CancelToken())


def _silent(_done: int, _total: int) -> None:
    """For who does not want to know."""


def _sam(path: Path, device: str, precision: str) -> Predictor:
    from samdesk.engine.checkpoint import load_network
    from samdesk.engine.sam_predictor import SamPredictor

    name, module = load_network(path)
    with errors_in_words(f"Loading {path.name}", device):
        network = _moved(name, module, device, precision)
    tensors = [*module.parameters(), *module.buffers()]
    info = ModelInfo(
        name=path.name,
        title=title_of(name),
        device=device,
        device_title=title(device),
        precision=precision,
        layers=sum(1 for m in module.modules() if not list(m.children())),
        parameters=sum(p.numel() for p in module.parameters()),
        memory_bytes=sum(t.numel() * t.element_size() for t in tensors),
        path=str(path),
        sha256=weights.file_hash(path)[:16],
    )
    return SamPredictor(network, info)


def title_of(network: str) -> str:
    """A network's name for users: "sam2.1_t" is "SAM 2.1 tiny"."""
    if network == "mobile_sam":
        return "MobileSAM"
    family, _, size = network.partition("_")
    return f"SAM {family.removeprefix('sam')}".strip() + f" {_SIZES[size]}"


def _moved(name: str, module: Any, device: str, precision: str) -> SamNetwork:
    """The network on its device. Its prompt encoder stays in fp32: half floats cannot tell pixels apart."""
    import torch

    from samdesk.engine.sam1 import Sam1Network
    from samdesk.engine.sam2 import Sam2Network

    second = name.startswith("sam2")
    prompts = module.sam_prompt_encoder if second else module.prompt_encoder
    exact = {key: value.clone() for key, value in prompts.state_dict().items()}
    module.to(device=device, dtype=dtype_of(precision))
    prompts.float().load_state_dict(exact)
    module.eval()  # again: MobileSAM caches its attention biases in the type they have now
    with torch.inference_mode():
        return Sam2Network(module) if second else Sam1Network(module)
