"""The only door to ultralytics: its networks, its YOLO loader and its model statistics.

Importing ultralytics looks up hosts, writes a settings file, has analytics on, installs packages by
itself and sets the thread counts of torch and OpenCV. All of that is turned off here, before the
import, unless the user has set the variables himself.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samdesk.base import places
from samdesk.base.cv import cv2
from samdesk.engine.runtime.imports import import_gently, import_torch, import_torchvision
from samdesk.engine.sam.architectures import architecture

if TYPE_CHECKING:
    from torch import nn


def _quiet() -> None:
    os.environ.setdefault("YOLO_CONFIG_DIR", str(places.cache() / "ultralytics"))
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    os.environ.setdefault("YOLO_VERBOSE", "false")


@contextmanager
def _same_threads() -> Iterator[None]:
    """Keeps ultralytics from making torch and OpenCV single-threaded."""
    before = os.environ.get("OMP_NUM_THREADS")
    threads = cv2.getNumThreads()
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
        if before is None:
            os.environ.pop("OMP_NUM_THREADS", None)


def ultralytics() -> Any:
    """The ultralytics package, imported offline, without analytics and without side effects."""
    _quiet()
    import_torch()  # before ultralytics, which sets OMP_NUM_THREADS=1 for whoever comes later
    import torch

    with _same_threads():
        import_gently("ultralytics")
        import ultralytics as package
        from ultralytics.utils import torch_utils

    # What select_device gives torch for the CPU: one thread less than there are, for the whole process.
    vars(torch_utils)["NUM_THREADS"] = torch.get_num_threads()

    # In memory only: a settings file that the user shares with other programs stays as it is.
    dict.__setitem__(package.settings, "sync", False)
    return package


def build_network(name: str) -> nn.Module:
    """The network of a ``SamArchitecture``, by name, with random weights, in evaluation mode, on the CPU.

    MobileSAM caches its attention biases when it enters evaluation mode: call ``eval()`` again after
    loading weights or changing their type.
    """
    ultralytics()
    from ultralytics.models.sam import build

    found = architecture(name)
    network: nn.Module = getattr(build, found.builder)()
    if found.version == "2.1":
        _make_2_1(network)
    return network


def _make_2_1(network: Any) -> None:
    """Adds what SAM 2.1 has more than SAM 2 (video memory only; Ultralytics goes by the file's name)."""
    import torch

    memory = network.mem_dim
    network.no_obj_embed_spatial = torch.nn.Parameter(torch.zeros(1, memory))
    network.obj_ptr_tpos_proj = torch.nn.Linear(network.hidden_dim, memory)
    network.proj_tpos_enc_in_obj_ptrs = True
    network.use_signed_tpos_enc_to_obj_ptrs = True


def sam_predictor(network: nn.Module, name: str, device: str) -> Any:
    """Ultralytics' own ``Predictor`` or ``SAM2Predictor`` as its users get it, with its defaults.

    Its images are BGR; N points of one object are (1, N, 2). It has as many threads as torch has now.

    Args:
        network: One of ``build_network`` with its weights; it is moved to the device in fp32.
        name: The name of its ``SamArchitecture``.
        device: As ``engine.device.resolve`` names it.
    """
    ultralytics()
    import_torchvision()
    import_gently("ultralytics.models.sam")
    from ultralytics.models.sam import Predictor, SAM2Predictor

    kind = SAM2Predictor if architecture(name).is_sam2 else Predictor
    options = {"model": f"{name}.pt", "imgsz": 1024, "device": device, "verbose": False, "save": False}
    predictor: Any = kind(overrides=options)
    predictor.setup_model(network, verbose=False)
    return predictor


def load_yolo(path: Path) -> Any:
    """Ultralytics' ``YOLO`` of a checkpoint (a pickle: only for files the user trusts)."""
    package = ultralytics()
    import_torchvision()  # ultralytics imports it with the first detection
    import_gently("ultralytics.models.yolo")
    return package.YOLO(str(path))


def build_yolo(variant: str, names: Sequence[str]) -> Any:
    """Ultralytics' ``YOLO`` around a detection network with random weights, in fp32 on the CPU.

    The branches of its head are as wide as those of the 80 COCO classes, however many classes there are,
    so that weights for other classes fit in all but the last convolutions.

    Args:
        variant: "yolo11n".
        names: Class names by class id, at least one.
    """
    package = ultralytics()
    import_torchvision()
    import_gently("ultralytics.models.yolo")
    yolo = package.YOLO(f"{variant}.yaml", task="detect")
    _set_classes(yolo.model, names)
    yolo.model.eval()
    return yolo


def _set_classes(network: Any, names: Sequence[str]) -> None:
    """Gives a YOLO detection network other classes: new last convolutions where their number differs."""
    from torch import nn

    head = network.model[-1]
    count = len(names)
    if count != head.nc:
        for branch in head.cv3:
            branch[-1] = nn.Conv2d(branch[-1].in_channels, count, 1)
        head.nc, head.no = count, count + 4 * head.reg_max
        network.yaml["nc"] = count
        head.bias_init()
    network.names = dict(enumerate(names))
    network.nc = count


def half_precision(wanted: bool) -> dict[str, Any]:
    """The argument of Ultralytics' ``predict`` for fp16, whose name depends on the version; {} for fp32."""
    ultralytics()
    from ultralytics.utils import DEFAULT_CFG_DICT

    if not wanted:
        return {}
    return {"quantize": 16} if "quantize" in DEFAULT_CFG_DICT else {"half": True}


def detection_trainer() -> Any:
    """Ultralytics' ``DetectionTrainer`` class."""
    ultralytics()
    import_torchvision()
    import_gently("ultralytics.models.yolo")
    from ultralytics.models.yolo.detect import DetectionTrainer

    return DetectionTrainer


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing of Ultralytics on the console, also where the user's ``YOLO_VERBOSE`` asks for it."""
    ultralytics()
    from ultralytics.utils import LOGGER

    before = LOGGER.level
    LOGGER.setLevel(logging.ERROR)
    try:
        yield
    finally:
        LOGGER.setLevel(before)


def network_facts(network: nn.Module, imgsz: int) -> tuple[int, int, float | None]:
    """(layers, parameters, GFLOPs) as Ultralytics' ``model.info()`` counts them.

    GFLOPs are None where they cannot be counted (a SAM network has no plain ``forward``).
    """
    ultralytics()
    from ultralytics.utils import torch_utils

    layers = sum(1 for module in network.modules() if not list(module.children()))
    parameters = sum(p.numel() for p in network.parameters())
    try:
        count: Any = torch_utils.get_flops
        gflops = float(count(network, imgsz))
    except Exception:  # noqa: BLE001 - a third party's counter; the number is only informative
        gflops = 0.0
    return layers, parameters, gflops or None
