"""Writes the graphs of Flint's networks for ONNX Runtime, without weights: resources/models/flint.

    pip install onnx
    python packaging/flint_graphs.py

To be run again when ``samdesk/engine/flint/network.py`` changes. The weights are those of the safetensors
file that is loaded: ``samdesk.engine.flint.graphs`` puts them in, by the names they have in torch.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from samdesk.base.places import flint_graphs, flint_weights
from samdesk.engine.flint.maps import CHANNELS
from samdesk.engine.flint.network import FlintNetwork
from samdesk.engine.flint.weights import load_network
from samdesk.engine.runtime.flops import count_gflops

OPSET = 17
LEVELS = tuple(f"level{i}" for i in range(5))


class Embed(nn.Module):
    """(B, H, W, 3) uint8 RGB to the embedding."""

    def __init__(self, network: FlintNetwork) -> None:
        super().__init__()
        self.encoder, self.head = network.encoder, network.head

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Encodes."""
        image = pixels.permute(0, 3, 1, 2).float() / 255
        return self.head.embed(self.encoder(image))


class Decode(nn.Module):
    """An embedding and (B, 8, h, w) prompt maps to mask logits and predicted IoUs."""

    def __init__(self, network: FlintNetwork, fine: bool) -> None:
        super().__init__()
        self.head, self.fine = network.head, fine

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Decodes."""
        *levels, maps = inputs
        if not self.fine:
            levels = [levels[0], *levels]  # the finest level is not looked at
        output = self.head(tuple(levels), maps, fine=self.fine)
        return output.logits, output.iou


def main() -> None:
    """Writes the three graphs and what is known of them."""
    network = load_network(flint_weights())
    pixels = torch.randint(0, 255, (2, 320, 320, 3), dtype=torch.uint8)
    embed = Embed(network)
    levels, maps = embed(pixels), torch.rand(2, CHANNELS, 80, 80)
    folder = flint_graphs()
    folder.mkdir(exist_ok=True)
    weights = {
        "embed": export(embed, (pixels,), ["pixels"], LEVELS, folder / "embed.onnx"),
        "fine": export(
            Decode(network, True), (*levels, maps), [*LEVELS, "maps"], ("logits", "iou"), folder / "fine.onnx"
        ),
        "coarse": export(
            Decode(network, False),
            (*levels[1:], maps),
            [*LEVELS[1:], "maps"],
            ("logits", "iou"),
            folder / "coarse.onnx",
        ),
    }
    facts = {
        "layers": sum(1 for module in network.modules() if not list(module.children())),
        "gflops": count_gflops(network, "embed", 640),
        "weights": weights,
    }
    (folder / "graphs.json").write_text(json.dumps(facts) + "\n", "utf-8")


def export(
    network: nn.Module, example: Any, inputs: Sequence[str], outputs: Sequence[str], file: Path
) -> dict[str, list[int]]:
    """Writes a graph and returns the shapes of the weights it lacks, by name."""
    sizes = {name: {0: "batch", 2: f"rows_{name}", 3: f"columns_{name}"} for name in (*inputs, *outputs)}
    sizes |= {"pixels": {0: "batch", 1: "rows", 2: "columns"}, "iou": {0: "batch"}}
    sizes = {name: axes for name, axes in sizes.items() if name in (*inputs, *outputs)}
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = Path(scratch) / "whole.onnx"
        torch.onnx.export(
            network, example, whole, input_names=list(inputs), output_names=list(outputs),
            dynamic_axes=sizes, opset_version=OPSET, dynamo=False, do_constant_folding=False,
        )  # fmt: skip
        model = onnx.load(whole)
    names = {name for name, _ in network.named_parameters()}
    weights = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    assert weights.keys() <= names, weights.keys() - names
    del model.graph.initializer[:]
    for node in model.graph.node:
        node.ClearField("doc_string")
    model.doc_string = "A graph of Flint without its weights."
    file.write_bytes(model.SerializeToString(deterministic=True))
    return weights


if __name__ == "__main__":
    main()
