"""Makes the ``ModelInfo`` of a torch network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from samdesk.base.hashing import hash_file
from samdesk.engine.protocols import ModelInfo, PromptKind
from samdesk.engine.runtime import device as devices


def network_info(
    network: Any,
    path: Path,
    device: str,
    precision: str,
    *,
    title: str,
    family: str,
    name: str = "",
    answers: frozenset[PromptKind] = frozenset(),
) -> ModelInfo:
    """The ``ModelInfo`` of a network without what takes seconds to compute (GFLOPs).

    Args:
        network: The torch module on its device.
        path: Its file of weights, which is hashed.
        device: As ``runtime.device.resolve`` returns it.
        precision: "fp32", "fp16" or "bf16".
        title: For users.
        family: ``Family.id``.
        name: ``ModelInfo.name``; "": the file's name.
        answers: The kinds of prompts that it takes.
    """
    tensors = [*network.parameters(), *network.buffers()]
    return ModelInfo(
        name=name or path.name,
        title=title,
        device=device,
        device_title=devices.title(device),
        precision=precision,
        layers=sum(1 for module in network.modules() if not list(module.children())),
        parameters=sum(p.numel() for p in network.parameters()),
        memory_bytes=sum(t.numel() * t.element_size() for t in tensors),
        path=str(path),
        sha256=hash_file(path)[:16],
        family=family,
        answers=answers,
    )
