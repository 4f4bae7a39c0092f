"""What a predictor that cannot give usable masks is told apart by, as it is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from samdesk.engine.models.load import load_predictor
from samdesk.engine.protocols import EngineError
from samdesk.engine.runtime.device import automatic_precisions
from samdesk.engine.sam.predictor import SamPredictor
from samdesk.engine.sam.self_test import complaint
from tests.helpers.networks import seeded_mobile_sam


def predictor(checkpoint: Path, precision: str = "fp32") -> SamPredictor:
    found = load_predictor(str(checkpoint), "cpu", precision)
    assert isinstance(found, SamPredictor)
    return found


@pytest.mark.parametrize("tensor", ["image_encoder.neck.0.weight", "mask_decoder.iou_token.weight"])
def test_weights_that_are_no_numbers_are_refused_in_words(
    mobile_sam_checkpoint: Path, tmp_path: Path, tensor: str
) -> None:
    state = torch.load(mobile_sam_checkpoint, weights_only=True)
    state[tensor].view(-1)[0] = float("nan")
    broken = tmp_path / "broken.pt"
    torch.save(state, broken)
    with pytest.raises(EngineError, match=r"broken\.pt cannot be used in fp32 on cpu: .*no numbers"):
        load_predictor(str(broken), "cpu", "auto")


def test_a_decoder_that_always_says_the_same_is_refused(mobile_sam_checkpoint: Path, tmp_path: Path) -> None:
    state = torch.load(mobile_sam_checkpoint, weights_only=True)
    for key in state:
        if key.startswith("mask_decoder.output_hypernetworks_mlps"):
            state[key] = torch.zeros_like(state[key])
    broken = tmp_path / "empty.pt"
    torch.save(state, broken)
    with pytest.raises(EngineError, match="the same everywhere"):
        load_predictor(str(broken), "cpu")


def test_masks_that_are_not_those_of_fp32_are_noticed(mobile_sam_checkpoint: Path, tmp_path: Path) -> None:
    rough = predictor(mobile_sam_checkpoint, "bf16")
    assert complaint(rough, predictor(mobile_sam_checkpoint)) == ""
    another = predictor(seeded_mobile_sam(tmp_path, seed=7))
    stranger = SamPredictor(another.network, rough.info)
    assert complaint(rough, stranger) == "its masks are not those of fp32."


def test_auto_is_never_less_than_the_device_can(mobile_sam_checkpoint: Path) -> None:
    assert automatic_precisions("cuda:0") == ("fp16", "bf16", "fp32")
    assert automatic_precisions("mps") == ("fp32",)
    found = predictor(mobile_sam_checkpoint, "auto")
    assert found.info.precision == automatic_precisions("cpu")[0]
    assert found.info.note == ""
