"""Loads the network of a YOLOE checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from samdesk.base.errors import first_line
from samdesk.engine import ultralytics
from samdesk.engine.checkpoints.read import read_checkpoint
from samdesk.engine.protocols import EngineError
from samdesk.engine.yolo.detector import usable
from samdesk.engine.yoloe.self_test import find_fault

if TYPE_CHECKING:
    from torch import nn

_CHOOSE = "Choose a checkpoint such as yoloe-11s-seg.pt."


def load_network(path: Path) -> nn.Module:
    """Loads a YOLOE network that can be prompted, in fp32 on the CPU, in evaluation mode.

    Raises:
        UntrustedFileError: It holds code, and the user has not permitted it.
        EngineError: It is damaged, or draws no masks.
    """
    content = read_checkpoint(path)
    try:
        network: Any = ultralytics.load_yoloe(path, usable(path, content))
        if not hasattr(network.model[-1], "proto"):
            raise EngineError(f"{path} is a YOLOE that draws no masks.", next=_CHOOSE)
        fault = find_fault(network)
    except EngineError:
        raise
    except Exception as error:  # third-party code on a network whose every attribute comes from the file
        raise _no_yoloe(path, first_line(error)) from error
    if fault:
        raise _no_yoloe(path, fault)
    loaded: nn.Module = network
    return loaded


def _no_yoloe(path: Path, fault: str) -> EngineError:
    return EngineError(f"{path} cannot be loaded as a YOLOE: {fault}.", next=_CHOOSE)
