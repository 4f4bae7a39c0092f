"""Loading models by name or file."""

from __future__ import annotations

from pathlib import Path, PurePath

from samdesk.base import places
from samdesk.base.jobs import CancelToken, Progress
from samdesk.base.plugins import Plugin
from samdesk.engine import families
from samdesk.engine.checkpoints.trusted import trust_file
from samdesk.engine.models import open_vocabulary, plugins, registry, weights
from samdesk.engine.models.trained import read_trained
from samdesk.engine.models.weights_file import WeightsFile
from samdesk.engine.protocols import Detector, EngineError, Predictor
from samdesk.engine.runtime.device import resolve


def default_model() -> str:
    """The name of the best predictor whose weights are on disk, else "flint". Imports no torch."""
    return next((name for name in registry.PREFERRED if weights.find(name) is not None), registry.FLINT)


def default_detector() -> str:
    """The name of the best detector whose weights are on disk, else "flint". Imports no torch."""
    here = (name for name in registry.PREFERRED_DETECTORS if weights.find(name) is not None)
    return next(here, registry.FLINT)


def is_gone(name: str) -> bool:
    """Whether a detector's name is that of a plug-in, or of a model trained here, that was uninstalled."""
    names_file = weights.is_path(name) or bool(PurePath(name).suffix)
    if not name or names_file or registry.spec(name) is not None or weights.find(name) is not None:
        return False
    return plugins.find_added(plugins.DETECTORS, name) is None


def class_names(name_or_path: str) -> tuple[str, ...] | None:
    """A detector's class names, where they can be read without loading it; else None. Imports no torch.

    Raises:
        EngineError: The file cannot be read.
    """
    trained = read_trained(name_or_path)
    if trained is not None and trained.names:
        return trained.names
    path = weights.find(name_or_path)
    return None if path is None else families.class_names(path)


def load_predictor(
    name_or_path: str = "",
    device: str = "",
    precision: str = "auto",
    *,
    fetch: bool = False,
    trust: bool = False,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> Predictor:
    """Loads a promptable segmenter.

    Args:
        name_or_path: A name of ``registry.MODELS``, the path of a SAM checkpoint or of Flint weights
            (``.safetensors``) of any name, see ``weights.find``, or the name of a plug-in. "" is
            ``default_model()``, which is never a plug-in.
        device: "" or "auto" for the best, else "cuda", "cuda:1", "0", "mps", "cpu".
        precision: "auto", "fp32", "fp16" or "bf16".
        fetch: Whether to download weights that are not on disk.
        trust: Whether the file may run code that it holds; remembered for its content.
        progress: For the download.
        cancel: For the download.

    Raises:
        UntrustedFileError: The file holds code, and the user has not permitted it.
        EngineError: No such model or device, no weights, or a damaged or unknown checkpoint.
        OutOfMemory: It does not fit on the device.
        Cancelled: ``cancel`` was cancelled.
    """
    name = name_or_path or default_model()
    added = _added(plugins.PREDICTORS, name)
    if added is not None:
        return plugins.load_added_predictor(added, device, precision)
    path = _checkpoint(name, False, fetch, progress, cancel)
    if trust:
        trust_file(path)
    _refuse_detector(path)
    return families.predictor_loader(path)(path, resolve(device), precision)


def load_detector(
    name_or_path: str,
    device: str = "",
    precision: str = "auto",
    *,
    fetch: bool = False,
    trust: bool = False,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> Detector:
    """Loads Flint's detector, an Ultralytics detection or segmentation model, or a plug-in's detector.

    Arguments and errors are those of ``load_predictor``; "" is ``default_detector()``.
    """
    name = name_or_path or default_detector()
    added = _added(plugins.DETECTORS, name)
    if added is not None:
        return plugins.load_added_detector(added, device, precision)
    path = _checkpoint(name, True, fetch, progress, cancel)
    if trust:
        trust_file(path)
    return families.detector_loader(path)(path, resolve(device), precision)


def _added(group: str, name: str) -> Plugin | None:
    """The plug-in of this name; None: the name is that of a built-in model or a file, which come first."""
    if weights.is_path(name) or registry.spec(name) is not None or weights.find(name) is not None:
        return None
    return plugins.find_added(group, name)


def _unknown(name: str, detector: bool) -> EngineError:
    """The error for a name that no model and no file has."""
    other = _added(plugins.PREDICTORS if detector else plugins.DETECTORS, name)
    if other is not None:
        does, cannot_be = ("draws masks", "detector") if detector else ("finds boxes", "mask model")
        return EngineError(
            f"{name!r} of the package {other.owner} {does}: it cannot be used as the {cannot_be}. "
            "Choose another model."
        )
    hint = weights.overlooked(name) or "Choose one from the list or give a path."
    if name.lower().startswith("yoloe"):
        what = f"{name} is not on this machine. {weights.overlooked(name)}".rstrip()
        return EngineError(what, next=open_vocabulary.where_to_get(name))
    if name and not weights.is_path(name) and not PurePath(name).suffix:
        hint = f"{hint} If it was of a plug-in, install its package again."
    return EngineError(f"{name!r} is neither a known model nor a file. {hint}")


def _checkpoint(
    name: str, detector: bool, fetch: bool, progress: Progress | None, cancel: CancelToken | None
) -> Path:
    known = registry.spec(name)
    if known is not None and not (known.finds_boxes if detector else known.draws_masks):
        raise EngineError(
            f"{known.title} {'draws masks' if detector else 'finds boxes'}: "
            f"it cannot be used as the {'detector' if detector else 'mask model'}. Choose another model."
        )
    path = weights.find(name)
    if path is not None:
        return path
    if known is None:
        raise _unknown(name, detector)
    overlooked = weights.overlooked(name)
    if not known.url:
        raise EngineError(f"{known.title} is missing from this installation. Install samdesk again.")
    if not fetch:
        raise EngineError(
            f"The weights of {known.title} ({known.name}) are not on this machine. "
            "Download them in the window (Model > Choose model), "
            f"or put {known.name} into {places.weights()}. {overlooked}".rstrip()
        )
    from samdesk.engine.models.download import download  # it imports TLS and HTTP

    return download(known, progress=progress or _no_progress, cancel=cancel or CancelToken())


def _refuse_detector(path: Path) -> None:
    file = WeightsFile(path)
    family = next((family for family in families.FAMILIES if family.recognise(file)), None)
    if family is not None and not family.draws_masks:
        raise EngineError(
            f"{path} finds objects, but draws no masks of what you point at.",
            next="Choose it in Auto-annotate, or another file as the mask model.",
        )


def _no_progress(_done: int, _total: int) -> None:
    """A ``Progress`` that reports nothing."""
