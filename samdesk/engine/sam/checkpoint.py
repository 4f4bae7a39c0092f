"""Loading SAM checkpoints: recognises the network by its tensors and builds it with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samdesk.engine import ultralytics
from samdesk.engine.checkpoints.read import read_checkpoint
from samdesk.engine.protocols import EngineError
from samdesk.engine.sam.architectures import architecture

if TYPE_CHECKING:
    import torch
    from torch import nn

    State = dict[str, torch.Tensor]

_NESTED = ("model", "state_dict", "model_state_dict")
_PREFIXES = ("module.", "model.", "sam_model.", "sam.", "_orig_mod.")
_MOST_NESTED = 8
_LEAST_PART, _MOST_PARTS = 0.5, 3
"""Of a network's parameters in its checkpoint: those for video may be missing, others may come on top."""
_VIDEO_ONLY = (
    "memory_attention.", "memory_encoder.", "maskmem_tpos_enc", "no_mem_pos_enc", "mask_downsample.",
    "obj_ptr_proj.", "obj_ptr_tpos_proj.", "no_obj_ptr", "no_obj_embed_spatial",
)  # fmt: skip
_IGNORED = ("pixel_mean", "pixel_std")
_VIT = {768: "sam_b", 1024: "sam_l", 1280: "sam_h"}
_HIERA = {12: "t", 16: "s", 24: "b", 48: "l"}


def load_network(path: Path) -> tuple[str, nn.Module]:
    """Builds the network of a SAM checkpoint and loads its weights; on the CPU, fp32.

    The network is recognised by the tensors, so the file may have any name.

    Returns:
        The name of the ``SamArchitecture``, and the network.

    Raises:
        EngineError: The file cannot be read or fits no network; names the file and the mismatch.
    """
    state = read_tensors(path)
    name = recognise(state)
    if name is None:
        raise EngineError(
            f"{path} has {len(state)} tensors, but is not a SAM, MobileSAM or SAM 2 checkpoint "
            f"(first: {', '.join(list(state)[:3]) or 'none'}). Choose another checkpoint file."
        )
    _check_size(path, name, state)
    network = ultralytics.build_network(name, random=False)
    _check_tensors(path, name, state, network.state_dict())
    network.load_state_dict({k: v for k, v in state.items() if k not in _IGNORED}, strict=False)
    network.eval()  # again: MobileSAM caches its attention biases here
    network.requires_grad_(False)
    return name, network


def read_tensors(path: Path) -> State:
    """Reads the named tensors of a checkpoint.

    Raises:
        UntrustedFileError: It holds code, and the user has not permitted it.
        EngineError: The file is missing, damaged or contains no named tensors.
    """
    return _named_tensors(path, read_checkpoint(path))


def _named_tensors(path: Path, loaded: Any) -> State:
    import torch

    for _ in range(_MOST_NESTED):  # it may contain itself
        if not isinstance(loaded, Mapping):
            break
        inner = next((loaded[k] for k in _NESTED if isinstance(loaded.get(k), Mapping)), None)
        if inner is None:
            break
        loaded = inner
    if not isinstance(loaded, Mapping):
        raise EngineError(
            f"{path} contains a {type(loaded).__name__}, not named tensors. Choose another file."
        )
    state = {str(k): v for k, v in loaded.items() if isinstance(v, torch.Tensor)}
    return _without_prefix(state)


def _without_prefix(state: State) -> State:
    for prefix in _PREFIXES:
        if state and all(key.startswith(prefix) for key in state):
            return _without_prefix({key[len(prefix) :]: value for key, value in state.items()})
    return state


def recognise(state: Mapping[str, torch.Tensor]) -> str | None:
    """Returns the name of the ``SamArchitecture`` that has these tensors, or None."""
    vit = state.get("image_encoder.patch_embed.proj.weight")
    if vit is not None:
        return _VIT.get(vit.shape[0])
    if "image_encoder.patch_embed.seq.0.c.weight" in state:
        return "mobile_sam"
    blocks = {m[1] for m in (re.match(r"image_encoder\.trunk\.blocks\.(\d+)\.", key) for key in state) if m}
    size = _HIERA.get(len(blocks))
    if size is None:
        return None
    newer = "no_obj_embed_spatial" in state or "obj_ptr_tpos_proj.weight" in state
    return f"{'sam2.1' if newer else 'sam2'}_{size}"


def _check_size(path: Path, name: str, state: State) -> None:
    """Checks, before a network of up to 2.5 GB is built, that the file has the numbers for it."""
    row = architecture(name)
    count = sum(value.numel() for value in state.values())
    if not _LEAST_PART * row.parameters < count < _MOST_PARTS * row.parameters:
        raise EngineError(
            f"{path} looks like {row.title}, but has {count:,} numbers in place of {row.parameters:,}. "
            "Choose a complete checkpoint."
        )


def _check_tensors(path: Path, name: str, state: State, expected: Mapping[str, torch.Tensor]) -> None:
    missing = [k for k in expected if k not in state and not k.startswith(_VIDEO_ONLY)]
    unknown = [k for k in state if k not in expected and k not in _IGNORED]
    shapes = [
        f"{k} is {tuple(state[k].shape)}, expected {tuple(expected[k].shape)}"
        for k in expected
        if k in state and state[k].shape != expected[k].shape
    ]
    faults = [
        f"{len(keys)} {problem} ({', '.join(keys[:2])}{', ...' if len(keys) > 2 else ''})"
        for keys, problem in ((missing, "missing"), (unknown, "unknown"), (shapes, "with a wrong shape"))
        if keys
    ]
    if faults:
        raise EngineError(
            f"{path} looks like {name}, but its tensors do not match: {'; '.join(faults)}. "
            "Choose a complete checkpoint."
        )
