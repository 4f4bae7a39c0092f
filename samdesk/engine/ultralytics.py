"""All use of the ultralytics package: its networks, YOLO loader, trainer and model statistics.

Importing ultralytics resolves host names, writes a settings file, enables analytics, installs packages and
changes the process for everyone (``runtime.process_state``). All of that is turned off here before the
import. It opens checkpoints, which are pickles, with all the code in them; here it only gets checkpoints that
``engine.checkpoints`` has read.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from samdesk.base import places
from samdesk.engine.runtime.imports import import_torch, import_torchvision, import_without_gc
from samdesk.engine.runtime.process_state import preserved
from samdesk.engine.sam.architectures import architecture

if TYPE_CHECKING:
    from torch import nn


ReadCheckpoint: TypeAlias = Callable[[Path], Mapping[str, Any]]
"""Reads the dictionary in a checkpoint of Ultralytics. Raises ``EngineError``."""

_SERVICES = (
    "sync", "hub", "platform", "clearml", "comet", "dvc", "mlflow", "neptune", "raytune", "tensorboard",
    "wandb",
)  # fmt: skip
"""Settings of ultralytics that send what is trained, or analytics, somewhere else."""


def set_environment() -> None:
    """Sets the environment variables that keep ultralytics quiet and offline, and from installing packages.

    A window calls it before it starts a thread: the environment must not change afterwards.
    """
    os.environ.setdefault("YOLO_CONFIG_DIR", str(places.cache() / "ultralytics"))
    if os.environ.get("YOLO_OFFLINE") != "true":
        os.environ["YOLO_OFFLINE"] = "true"
    if os.environ.get("YOLO_AUTOINSTALL") != "false":  # a user may have set it for other programs
        os.environ["YOLO_AUTOINSTALL"] = "false"
    os.environ.setdefault("YOLO_VERBOSE", "false")
    os.environ.setdefault("KINETO_LOG_LEVEL", "5")  # torch's profiler counts the GFLOPs


def import_ultralytics() -> Any:
    """Imports the ultralytics package offline, without analytics and without side effects."""
    set_environment()
    import_torch()
    import torch

    import_without_gc("ultralytics")
    import ultralytics as package
    from ultralytics.utils import torch_utils

    # select_device sets torch's CPU threads to this: by default one less than the cores, process-wide.
    vars(torch_utils)["NUM_THREADS"] = torch.get_num_threads()

    # In memory only: other programs share the user's settings file.
    for service in _SERVICES:
        if service in package.settings:
            dict.__setitem__(package.settings, service, False)
    return package


def import_with_its_defaults() -> None:
    """Imports ultralytics as a script of its user does, with its changes to the process; before torch.

    Unless the user has chosen, it sets torch to one thread (``OMP_NUM_THREADS``), older versions to all
    cores but one. Only for a process in which Ultralytics is measured.
    """
    if "ultralytics" in sys.modules:
        return
    set_environment()
    importlib.import_module("ultralytics")
    import torch
    from ultralytics.utils import torch_utils

    torch.set_num_threads(vars(torch_utils).get("NUM_THREADS", torch.get_num_threads()))


def build_network(name: str, *, random: bool = True) -> nn.Module:
    """Builds a ``SamArchitecture`` by name, in evaluation mode, on the CPU.

    MobileSAM caches its attention biases in ``eval()``: call it again after loading weights or changing
    their dtype or device.

    Args:
        name: Of the architecture.
        random: Whether it gets random weights, which takes most of the time for a large one; else its
            parameters are whatever is in memory.
    """
    import_ultralytics()
    from ultralytics.models.sam import build

    row = architecture(name)
    with nullcontext() if random else _without_random_weights():
        network: nn.Module = getattr(build, row.builder)()
        if row.version == "2.1":
            _upgrade_to_sam2_1(network)
    return network


def _without_random_weights() -> AbstractContextManager[Any]:
    """Lets torch's functions that draw random weights do nothing, on this thread."""
    import torch
    from torch.overrides import TorchFunctionMode

    skipped = {
        torch.Tensor.normal_,
        torch.Tensor.uniform_,
        torch.Tensor.erfinv_,
        torch.nn.init.kaiming_uniform_,
    }

    class Skip(TorchFunctionMode):
        def __torch_function__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
            named = kwargs or {}
            if func in skipped:
                return args[0] if args else named["tensor"]
            return func(*args, **named)

    return Skip()


def _upgrade_to_sam2_1(network: Any) -> None:
    """Adds the parameters that SAM 2.1 has over SAM 2 (video memory; Ultralytics decides by file name)."""
    import torch

    memory = network.mem_dim
    network.no_obj_embed_spatial = torch.nn.Parameter(torch.zeros(1, memory))
    network.obj_ptr_tpos_proj = torch.nn.Linear(network.hidden_dim, memory)
    network.proj_tpos_enc_in_obj_ptrs = True
    network.use_signed_tpos_enc_to_obj_ptrs = True


def sam_predictor(network: nn.Module, name: str, device: str) -> Any:
    """Returns Ultralytics' own ``Predictor`` or ``SAM2Predictor`` with its defaults.

    Its images are BGR; N points of one object are (1, N, 2). It uses as many threads as torch has now.

    Args:
        network: A network of ``build_network`` with its weights; it is moved to the device in fp32.
        name: Name of its ``SamArchitecture``.
        device: A name that ``engine.runtime.device.resolve`` returns.
    """
    import_ultralytics()
    import_torchvision()
    import_without_gc("ultralytics.models.sam")
    from ultralytics.models.sam import Predictor, SAM2Predictor

    kind = SAM2Predictor if architecture(name).is_sam2 else Predictor
    options = {"model": f"{name}.pt", "imgsz": 1024, "device": device, "verbose": False, "save": False}
    predictor: Any = kind(overrides=options)
    predictor.setup_model(network, verbose=False)
    return predictor


def auto_annotate_function(replace_masks: Callable[[Any, float], Any] | None) -> Any:
    """Returns Ultralytics' ``auto_annotate``, which then loads each model only once. For benchmarks.

    Args:
        replace_masks: Called with (N, 4) boxes, xyxy in image pixels, and the longest side of the image; its
            (N, 256, 256) logits take the place of the network's, with scores that are not filtered out.
    """
    package: Any = import_ultralytics()
    import_torchvision()
    import torch
    from ultralytics.data import annotator
    from ultralytics.models.sam import Predictor

    vars(annotator).update(YOLO=cache(package.YOLO), SAM=cache(package.SAM))
    infer: Any = Predictor.inference

    def inference(self: Any, image: Any, bboxes: Any = None, *rest: Any, **options: Any) -> Any:
        boxes = torch.as_tensor(self.prompts.get("bboxes", bboxes)).cpu().double().reshape(-1, 4).numpy()
        masks, scores = infer(self, image, bboxes, *rest, **options)
        assert replace_masks is not None
        replaced = replace_masks(boxes, float(max(self.batch[1][0].shape[:2])))
        return torch.from_numpy(replaced).to(masks), torch.full_like(scores, 0.9)

    if replace_masks is not None:
        setattr(Predictor, "inference", inference)  # noqa: B010 - a method is replaced
    return annotator.auto_annotate


class CheckpointReader:
    """Takes the place of ``ultralytics.nn.tasks.torch_safe_load``, which opens every checkpoint.

    Args:
        original: The function it replaces; it stays in use on threads that ask for nothing else.
    """

    def __init__(self, original: Callable[..., Any]) -> None:
        self._original = original
        self._here = threading.local()

    def __call__(self, weight: Any, *arguments: Any, **named: Any) -> Any:
        """Returns (checkpoint, file)."""
        read: ReadCheckpoint | None = getattr(self._here, "read", None)
        if read is None:
            return self._original(weight, *arguments, **named)
        return dict(read(Path(weight))), str(weight)

    @contextmanager
    def reading_with(self, read: ReadCheckpoint) -> Iterator[None]:
        """Reads checkpoints with a function on this thread."""
        before = getattr(self._here, "read", None)
        self._here.read = read
        try:
            yield
        finally:
            self._here.read = before


@contextmanager
def checkpoints_read_with(read: ReadCheckpoint) -> Iterator[None]:
    """Lets ultralytics read checkpoints with a function in place of its own, on this thread."""
    import_ultralytics()
    from ultralytics.nn import tasks

    if not isinstance(vars(tasks)["torch_safe_load"], CheckpointReader):
        vars(tasks)["torch_safe_load"] = CheckpointReader(vars(tasks)["torch_safe_load"])
    with vars(tasks)["torch_safe_load"].reading_with(read):
        yield


def load_yolo(path: Path, checkpoint: Mapping[str, Any]) -> Any:
    """Makes Ultralytics' ``YOLO`` of a checkpoint.

    Args:
        path: Its file, for the name.
        checkpoint: From ``engine.checkpoints.read.read_checkpoint``.
    """
    package = import_ultralytics()
    import_without_gc("ultralytics.models.yolo")
    # It sets CUBLAS_WORKSPACE_CONFIG. It takes a file of another suffix for an exported model.
    with preserved(), checkpoints_read_with(lambda _: checkpoint):
        return package.YOLO(str(path.absolute().with_suffix(".pt")))


def load_yoloe(path: Path, checkpoint: Mapping[str, Any]) -> nn.Module:
    """Makes the network of a YOLOE checkpoint: in fp32, in evaluation mode, with its batch norms folded.

    Ultralytics' own ``YOLOE`` is not used: its words need a module that installs packages on import.

    Args:
        path: Its file, for messages.
        checkpoint: From ``engine.checkpoints.read.read_checkpoint``.
    """
    import_ultralytics()
    from ultralytics.nn import tasks

    with preserved(), checkpoints_read_with(lambda _: checkpoint):
        network: Any = vars(tasks)["load_checkpoint"](str(path))[0]
    network.fuse(verbose=False)
    fused: nn.Module = network
    return fused


def build_yolo(variant: str, names: Sequence[str]) -> Any:
    """Builds Ultralytics' ``YOLO`` with a detection network of random weights, in fp32 on the CPU.

    The head's branches have the width for the 80 COCO classes, whatever the number of classes, so that
    weights trained on other classes fit all but the last convolutions.

    Args:
        variant: "yolo11n".
        names: Class names by class id, at least one.
    """
    package = import_ultralytics()
    import_without_gc("ultralytics.models.yolo")
    with preserved():
        yolo = package.YOLO(f"{variant}.yaml", task="detect")
    _set_classes(yolo.model, names)
    yolo.model.eval()
    return yolo


def _set_classes(network: Any, names: Sequence[str]) -> None:
    """Changes a YOLO detection network's classes; replaces its last convolutions if their number differs."""
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


def detection_predictor(yolo: Any, device: str) -> Any:
    """Returns the class of Ultralytics' predictor to detect with on a resolved device.

    Its own imports torchvision, and with it torch's compiler, before the first detection. On the CPU that is
    all that its warm-up does, and newer versions have a non-maximum suppression of their own, with the same
    results, for where torchvision is not loaded: their warm-up is left out. Older ones (8.3.100) need
    torchvision; it is imported here, without blocking other threads.
    """
    kind: Any = yolo.task_map[yolo.task]["predictor"]
    if yolo.task == "segment":
        kind = _with_mask_logits(kind)
    if device != "cpu" or not _has_own_nms():
        import_torchvision()
        return kind

    class WarmPredictor(kind):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.done_warmup = True

    return WarmPredictor


def _with_mask_logits(kind: Any) -> Any:
    """Returns a segmentation predictor whose ``Results`` have, in place of masks, what these are made of.

    ``Results.masks_from`` is (coefficients (N, C), prototypes (C, h, w), boxes (N, 4) in pixels of the
    network's input, height and width of that); the masks that Ultralytics draws from them, enlarged to the
    size of the input, cost more than the boxes.
    """

    class LogitsPredictor(kind):  # type: ignore[misc]
        def construct_result(self, pred: Any, img: Any, orig_img: Any, img_path: Any, proto: Any) -> Any:
            boxes = pred[:, :4].clone()
            result = super(kind, self).construct_result(pred, img, orig_img, img_path)  # the detection's
            result.masks_from = pred[:, 6:], proto, boxes, tuple(img.shape[2:])
            return result

    return LogitsPredictor


def _has_own_nms() -> bool:
    """Whether Ultralytics suppresses overlapping boxes without torchvision."""
    try:
        from ultralytics.utils import nms
    except ImportError:
        return False
    return hasattr(nms, "TorchNMS")


def half_precision(enabled: bool) -> dict[str, Any]:
    """Returns the argument of Ultralytics' ``predict`` for fp16 (its name varies by version); {} for fp32."""
    import_ultralytics()
    from ultralytics.utils import DEFAULT_CFG_DICT

    if not enabled:
        return {}
    return {"quantize": 16} if "quantize" in DEFAULT_CFG_DICT else {"half": True}


def detection_trainer() -> Any:
    """Returns Ultralytics' ``DetectionTrainer`` class."""
    import_ultralytics()
    import_torchvision()
    import_without_gc("ultralytics.models.yolo")
    from ultralytics.models.yolo.detect import DetectionTrainer

    return DetectionTrainer


@contextmanager
def quiet() -> Iterator[None]:
    """Silences Ultralytics' console output, even if the user has set ``YOLO_VERBOSE``."""
    import_ultralytics()
    from ultralytics.utils import LOGGER

    before = LOGGER.level
    LOGGER.setLevel(logging.ERROR)
    try:
        yield
    finally:
        LOGGER.setLevel(before)


def network_facts(network: nn.Module, imgsz: int) -> tuple[int, int, float | None]:
    """Returns (layers, parameters, GFLOPs) as Ultralytics' ``model.info()`` counts them.

    GFLOPs are None if they cannot be counted (a SAM network has no plain ``forward``).
    """
    import_ultralytics()
    from ultralytics.utils import torch_utils

    layers = sum(1 for module in network.modules() if not list(module.children()))
    parameters = sum(p.numel() for p in network.parameters())
    try:
        count: Any = torch_utils.get_flops
        gflops = float(count(network, imgsz))
    except Exception:  # noqa: BLE001 - third-party code; the number is only informative
        gflops = 0.0
    return layers, parameters, gflops or None
