"""Checkpoints of SAM and YOLO: small ones, as torch saves them, whose archives and pickles are mutated."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections import OrderedDict
from pathlib import Path
from random import Random
from typing import Any

from samdesk.engine.protocols import EngineError
from tests.fuzz.mutate import mutate_bytes
from tests.fuzz.target import Target

_YOLO = """
nc: 2
backbone:
  - [-1, 1, Conv, [8, 3, 2]]
  - [-1, 1, C3k2, [16, False, 0.25]]
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
head:
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 2], 1, Concat, [1]]
  - [[5, 3], 1, HEAD]
"""


def mutate_archive(data: bytes, other: bytes, rng: Random) -> bytes:
    """Mutates an archive, or an entry of it, which then has the right checksum."""
    if rng.random() < 0.3 or data[:2] != b"PK" or other[:2] != b"PK":
        return mutate_bytes(data, other, rng)
    entries, others = _entries(data), _entries(other)
    name = rng.choice([n for n in entries if n.endswith("data.pkl")] * 6 + list(entries))
    entries[name] = mutate_bytes(entries[name], others.get(name, entries[name]), rng)
    made = io.BytesIO()
    compression = zipfile.ZIP_DEFLATED if rng.random() < 0.05 else zipfile.ZIP_STORED
    with zipfile.ZipFile(made, "w", compression) as archive:
        for key, content in entries.items():
            archive.writestr(key, content)
    return made.getvalue()


def _entries(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _saved(content: Any, **options: Any) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def _sam_seeds(_folder: Path) -> list[bytes]:
    import torch

    state = OrderedDict(
        (name, torch.rand(768, 2))
        for name in ("image_encoder.patch_embed.proj.weight", "mask_decoder.iou_token.weight", "pixel_mean")
    )
    hiera = {f"image_encoder.trunk.blocks.{i}.norm1.weight": torch.rand(4).half() for i in range(12)}
    return [
        _saved(state),
        _saved({"model": {f"module.{k}": torch.nn.Parameter(v) for k, v in state.items()}, "epoch": 3}),
        _saved({"model": hiera, "path": Path("a"), "set": {1, 2}}),
        _saved(state, _use_new_zipfile_serialization=False),
    ]


def _read_sam(data: bytes, folder: Path) -> None:
    from samdesk.engine.sam.checkpoint import load_network, read_tensors, recognise

    path = folder / "sam_b.pt"
    path.write_bytes(data)
    state = read_tensors(path)
    if recognise(state) is None:
        return
    with contextlib.suppress(EngineError):  # so small a file fits no network, which is not built then
        load_network(path)


def _yolo_seeds(folder: Path) -> list[bytes]:
    import torch

    from samdesk.engine.ultralytics import import_ultralytics

    package, seeds = import_ultralytics(), []
    torch.manual_seed(0)
    for head, task in (("Detect, [nc]", "detect"), ("Segment, [nc, 4, 16]", "segment")):
        source = folder / f"{task}.yaml"
        source.write_text(_YOLO.replace("HEAD", head))
        network = package.YOLO(str(source), task=task).model
        arguments = {**package.utils.DEFAULT_CFG_DICT, "task": task}
        seeds.append(_saved({"epoch": -1, "model": None, "ema": network.half(), "train_args": arguments}))
    return seeds


def _read_yolo(data: bytes, folder: Path) -> None:
    from samdesk.engine.yolo.detector import load_checkpoint

    path = folder / "best.pt"
    path.write_bytes(data)
    load_checkpoint(path)


SAM = Target(_sam_seeds, _read_sam, mutate_archive)
YOLO = Target(_yolo_seeds, _read_yolo, mutate_archive)
