"""Small YOLOE checkpoints and a text tower with seeded random weights: they find objects everywhere."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

EMBED = 512
GAIN = 1.55
"""Of convolutions, for which SiLU keeps the size of the features."""
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
    network = kind(f"{variant}.yaml", verbose=False).eval()
    head = network.model[-1]
    head.reprta.m.w3.weight.normal_(0.0, 0.02)  # made as 0: the text would pass through unchanged
    if hasattr(head, "proto"):
        for branch in (*head.cv5, *(getattr(head, "one2one_cv5", None) or ())):
            branch[-1].bias.normal_(0.0, 5.0)
        enlarged = head.proto.upsample.weight
        enlarged.copy_(enlarged.mean((2, 3), keepdim=True))
    _set_sizes(network)
    return network


def _set_sizes(network: Any) -> None:
    """Keeps the features of about one size, and lets the scores differ from place to place."""
    import torch

    for name, module in network.named_modules():
        if isinstance(module, torch.nn.Conv2d) and ".dfl." not in name:
            module.weight.normal_(0.0, GAIN * module.weight[0].numel() ** -0.5)
    images = torch.nn.functional.interpolate(torch.rand(2, 3, 8, 12), size=(320, 320), mode="bilinear")
    prompts = torch.nn.functional.normalize(torch.randn(1, 3, EMBED), dim=-1)
    parts = [part for name, part in network.model[-1].named_children() if name.endswith("cv4")]
    for contrast in (contrast for part in parts for contrast in part):
        contrast.logit_scale.zero_()
        contrast.bias.zero_()
        seen: list[Any] = []
        hook = contrast.register_forward_hook(lambda _module, _inputs, output, seen=seen: seen.append(output))
        network(images, tpe=prompts)
        hook.remove()
        size = seen[0].std()
        contrast.logit_scale.copy_((0.3 / size).log())
        contrast.bias.copy_(-1.2 - 0.3 / size * seen[0].mean())


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
