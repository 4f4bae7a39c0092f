"""Small YOLOE checkpoints and a text tower with seeded random weights: they find objects everywhere."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from tests.helpers.finding import blocks

EMBED = 512
TEXT_TOWER = "mobileclip_blt.ts"


def save_yoloe(
    path: Path, *, variant: str = "yoloe-11n-seg", prompt_free: bool = False, seed: int = 0
) -> Path:
    """Saves a real YOLOE network with random weights as Ultralytics does.

    Args:
        path: Where to, "....pt".
        variant: Name of one of Ultralytics' networks ("yoloe-11n-seg", "yoloe-26n-seg").
        prompt_free: Whether it has a vocabulary of two words of its own, like the files called "-pf".
        seed: Of the weights.
    """
    import torch

    from samdesk.engine.ultralytics import import_ultralytics

    package = import_ultralytics()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        network = _network(variant)
        network.args = {"imgsz": 64}
        if prompt_free:
            head = network.model[-1]
            words = torch.nn.ModuleList(torch.nn.Conv2d(b[-1].in_channels, 2, 1) for b in head.cv3)
            network.set_classes(["object"], torch.randn(1, 1, EMBED))
            head.fuse(network.pe)  # what is an object at all
            network.set_vocab(words, ["something", "anything"])
    arguments = {"task": "segment" if "-seg" in variant else "detect", "imgsz": 640}
    torch.save({"model": network.half(), "train_args": arguments, "version": package.__version__}, path)
    return path


def _network(variant: str) -> Any:

    from samdesk.engine.ultralytics import import_ultralytics

    import_ultralytics()
    from ultralytics.nn import tasks

    kind = tasks.YOLOESegModel if "-seg" in variant else tasks.YOLOEModel
    network = kind(f"{variant}.yaml", verbose=False)
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0.0, 0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    head = network.model[-1]
    head.reprta.m.w3.weight.normal_(0.0, 0.02)  # made as 0: the text would pass through unchanged
    for branches in (head.cv4, getattr(head, "one2one_cv4", None) or ()):
        for contrast in branches:
            contrast.logit_scale.fill_(3.0)
            contrast.bias.fill_(-2.0)
    network.eval()
    _calibrate(network, [c for n, c in network.named_modules() if ".cv4." in n and n.endswith(".norm")])
    if hasattr(head, "proto"):
        _spread_masks(network, head)
    return network


def _calibrate(network: Any, norms: list[Any]) -> None:
    """Gives batch norms the statistics of an image, so that their output is as often below 0 as above."""
    import torch

    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    image = torch.from_numpy(blocks(160, 160).transpose(2, 0, 1)[None].copy()).float() / 255
    network(image, tpe=torch.nn.functional.normalize(torch.randn(1, 3, EMBED), dim=-1))
    for norm in norms:
        norm.eval()
        norm.momentum = 0.03


def _spread_masks(network: Any, head: Any) -> None:
    """Lets the network draw masks that are smooth and neither empty nor full."""
    masks = [*head.cv5, *(getattr(head, "one2one_cv5", None) or ())]
    for branch in masks:
        branch[-1].bias.normal_(0.0, 5.0)
    enlarged = head.proto.upsample.weight
    enlarged.copy_(enlarged.mean((2, 3), keepdim=True))
    _calibrate(network, [head.proto.cv3.bn])


def save_text_tower(folder: Path, name: str = TEXT_TOWER, seed: int = 0) -> Path:
    """Saves a text encoder of a few numbers, as TorchScript: (N, 77) tokens to (N, 512), normalised."""
    import torch

    class Tower(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = torch.nn.Embedding(997, EMBED)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            weights = torch.arange(1, tokens.shape[1] + 1, dtype=torch.float32)
            words = self.table(tokens % 997) * (tokens > 0).unsqueeze(-1) / weights.unsqueeze(-1)
            return torch.nn.functional.normalize(words.sum(dim=1), dim=-1)

    path = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch means to replace TorchScript
        torch.manual_seed(seed)
        torch.jit.save(torch.jit.trace(Tower().eval(), torch.ones(2, 77, dtype=torch.int32)), str(path))
    return path
