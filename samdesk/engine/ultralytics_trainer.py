"""Use of Ultralytics' segmentation trainer; beside ``engine.ultralytics`` no other module imports it.

Left to itself the trainer writes caches (pickles, which it also reads) beside the labels, rewrites JPEG files
that end too early, and downloads fonts and a model. It may do none of that here.
"""

from __future__ import annotations

import importlib.util
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from samdesk.base.regular import read_text
from samdesk.engine.runtime.imports import import_torchvision, import_without_gc
from samdesk.engine.ultralytics import import_ultralytics

if TYPE_CHECKING:
    from torch import nn

_DROPPED = ("optimizer", "best_fitness", "stopper", "ema", "updates", "scaler", "git")
"""Parts of a checkpoint that only training needs, or that say where it was made."""


def default_arguments() -> dict[str, Any]:
    """The arguments of Ultralytics with their defaults, read from its file without importing the package.

    Raises:
        OSError: The installation lacks the file.
    """
    found = importlib.util.find_spec("ultralytics")
    if found is None or found.origin is None:
        raise FileNotFoundError(2, "Ultralytics is not installed")
    return dict(yaml.safe_load(read_text(Path(found.origin).parent / "cfg" / "default.yaml")))


def check_arguments(arguments: Mapping[str, Any]) -> None:
    """Lets Ultralytics check arguments of its trainer.

    Raises:
        TypeError: One is of a wrong type.
        ValueError: One is out of its range.
        SyntaxError: There is no such argument.
    """
    import_ultralytics()
    from ultralytics.cfg import get_cfg

    get_cfg(overrides=dict(arguments))


def segmentation_trainer() -> Any:
    """Returns Ultralytics' ``SegmentationTrainer``, kept from writing beside the images and from the network.

    Functions of the package are replaced for that, for good: only for a process that does nothing else.
    """
    import_ultralytics()
    import_torchvision()
    import_without_gc("ultralytics.models.yolo")
    from ultralytics.data import dataset, utils
    from ultralytics.engine import trainer
    from ultralytics.models.yolo.segment import SegmentationTrainer
    from ultralytics.utils import checks, downloads, plotting

    for module, name, function in (
        (dataset, "load_dataset_cache_file", _no_cache),
        (dataset, "save_dataset_cache_file", _unsaved_cache),
        (utils, "ImageOps", _UnsavedImageOps),
        (utils, "_replace_image", _no_repair),
        (utils, "check_font", _nothing),
        (plotting, "check_font", _nothing),
        (checks, "check_font", _nothing),
        (utils, "safe_download", _no_download),
        (downloads, "safe_download", _no_download),
        (trainer, "check_amp", _may_use_amp),
    ):
        if name in vars(module):  # versions differ
            vars(module)[name] = function
    return SegmentationTrainer


def _nothing(*_arguments: Any, **_named: Any) -> None:
    """Does nothing."""


def _no_repair(*_arguments: Any, **_named: Any) -> None:
    raise OSError("it ends too early")  # the trainer leaves the image out


def _no_cache(path: Path) -> Any:
    raise FileNotFoundError(path)


def _unsaved_cache(_prefix: str, _path: Path, content: dict[str, Any], version: str) -> None:
    content["version"] = version  # it is looked for


def _no_download(url: object = "", **_named: Any) -> None:
    raise ConnectionError(f"{url} is not on this machine, and nothing is downloaded while training")


class _UnsavedImageOps:
    """In place of Pillow's ``ImageOps`` where Ultralytics rewrites files."""

    @staticmethod
    def exif_transpose(image: Any) -> Any:
        from PIL import ImageOps

        turned: Any = ImageOps.exif_transpose(image)
        turned.save = _no_repair
        return turned


def _may_use_amp(network: nn.Module) -> bool:
    """As Ultralytics decides, without its test, for which it downloads a network."""
    import torch

    device = next(network.parameters()).device
    if device.type != "cuda":
        return False
    known = r"(nvidia|geforce|quadro|tesla).*?(1660|1650|1630|t400|t550|t600|t1000|t1200|t2000|k40m)"
    return not re.search(known, torch.cuda.get_device_name(device), re.IGNORECASE)


class _UncolouredFormatter(logging.Formatter):
    """Leaves out the colours of terminals."""

    def format(self, record: logging.LogRecord) -> str:
        return re.sub(r"\x1b\[[0-9;]*m", "", super().format(record))


@contextmanager
def logging_to(file: Path) -> Iterator[None]:
    """Appends what Ultralytics logs to a file, and to nothing else, for the whole process."""
    import_ultralytics()
    from ultralytics.utils import LOGGER

    before, level = list(LOGGER.handlers), LOGGER.level
    with file.open("a", encoding="utf-8", errors="backslashreplace") as stream:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(_UncolouredFormatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
        LOGGER.handlers[:] = [handler]
        LOGGER.setLevel(logging.INFO)
        try:
            yield
        finally:
            LOGGER.handlers[:] = before
            LOGGER.setLevel(level)


def stripped(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a trainer's checkpoint as Ultralytics leaves it after training: to predict with, in fp16."""
    import_ultralytics()
    from ultralytics.utils import DEFAULT_CFG_DICT

    network = checkpoint.get("ema") or checkpoint["model"]
    if not isinstance(getattr(network, "args", {}), dict):
        network.args = dict(vars(network.args))
    if hasattr(network, "criterion"):
        network.criterion = None
    network.half()
    for parameter in network.parameters():
        parameter.requires_grad = False
    given = {k: v for k, v in checkpoint.get("train_args", {}).items() if k in DEFAULT_CFG_DICT}
    return {
        **checkpoint,
        **dict.fromkeys(_DROPPED),
        "epoch": -1,
        "model": network,
        "train_args": {**DEFAULT_CFG_DICT, **given},
    }
