"""The self-test of a SAM network as it is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from samdesk.engine.models.load import load_predictor
from samdesk.engine.protocols import EngineError
from samdesk.engine.runtime.device import automatic_precisions
from samdesk.engine.sam.predictor import SamPredictor
from samdesk.engine.sam.self_test import find_fault
from tests.helpers.networks import seeded_mobile_sam


def predictor(checkpoint: Path, precision: str = "fp32") -> SamPredictor:
    found = load_predictor(str(checkpoint), "cpu", precision)
    assert isinstance(found, SamPredictor)
    return found


@pytest.mark.parametrize("tensor", ["image_encoder.neck.0.weight", "mask_decoder.iou_token.weight"])
@pytest.mark.logs(r"broken\.pt in ")
def test_weights_with_nan_are_refused(mobile_sam_checkpoint: Path, tmp_path: Path, tensor: str) -> None:
    state = torch.load(mobile_sam_checkpoint, weights_only=True)
    state[tensor].view(-1)[0] = float("nan")
    broken = tmp_path / "broken.pt"
    torch.save(state, broken)
    with pytest.raises(EngineError, match=r"broken\.pt cannot be used in fp32 on cpu: .*NaN"):
        load_predictor(str(broken), "cpu", "auto")


@pytest.mark.logs(r"empty\.pt in ")
def test_a_decoder_with_constant_masks_is_refused(mobile_sam_checkpoint: Path, tmp_path: Path) -> None:
    state = torch.load(mobile_sam_checkpoint, weights_only=True)
    for key in state:
        if key.startswith("mask_decoder.output_hypernetworks_mlps"):
            state[key] = torch.zeros_like(state[key])
    broken = tmp_path / "empty.pt"
    torch.save(state, broken)
    with pytest.raises(EngineError, match="masks are constant"):
        load_predictor(str(broken), "cpu")


def test_masks_that_differ_from_fp32_are_noticed(mobile_sam_checkpoint: Path, tmp_path: Path) -> None:
    bf16 = predictor(mobile_sam_checkpoint, "bf16")
    assert find_fault(bf16, predictor(mobile_sam_checkpoint)) == ""
    another = predictor(seeded_mobile_sam(tmp_path, seed=7))
    unrelated = SamPredictor(another.network, bf16.info)
    assert find_fault(bf16, unrelated) == "its masks differ from those in fp32."


def test_auto_precision_by_device(mobile_sam_checkpoint: Path) -> None:
    assert automatic_precisions("cuda:0") == ("fp16", "bf16", "fp32")
    assert automatic_precisions("mps") == ("fp32",)
    found = predictor(mobile_sam_checkpoint, "auto")
    assert found.info.precision == automatic_precisions("cpu")[0]
    assert found.info.note == ""
