"""YOLOE's text encoder: a MobileCLIP in a TorchScript file of its own.

Such a file is a program, so it is opened only if the user has permitted it (``checkpoints.trusted``).
Ultralytics' own loader is not used: importing it installs packages.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from samdesk.base import places
from samdesk.base.errors import first_line, reason
from samdesk.base.hashing import hash_bytes
from samdesk.base.regular import read_bytes
from samdesk.engine.checkpoints.trusted import UntrustedFileError, is_trusted
from samdesk.engine.models import weights
from samdesk.engine.protocols import EngineError, TextsUnavailable
from samdesk.engine.yoloe.family import text_encoder_name
from samdesk.engine.yoloe.tokenizer import Tokenizer

_AT_ONCE = 80
_BYTES = 4 << 30
_WHERE = "https://github.com/ultralytics/assets/releases"


class TextEncoder:
    """Encodes texts as a network was trained with.

    Its file is opened for each call and its memory is released again: vectors of texts are kept
    (``concepts.cache``), so calls are few, and the encoder is larger than the network.
    """

    def __init__(self, network: nn.Module, width: int) -> None:
        """Opens nothing.

        Args:
            network: Names its text encoder.
            width: The length of its vectors.
        """
        self._name = text_encoder_name(getattr(network, "text_model", ""))
        self._width = width
        self._tokenizer = Tokenizer()

    def encode(self, texts: Sequence[str]) -> Tensor:
        """(N, width) float32 unit vectors of N texts, on the CPU.

        Raises:
            TextsUnavailable: The file is not on this machine.
            UntrustedFileError: The user has not permitted it.
            EngineError: It is damaged, or no text encoder of this network.
        """
        tokens = torch.from_numpy(self._tokenizer.tokens(texts))
        path = self._file()
        encoder = _opened(path)
        try:
            with torch.inference_mode():
                found = torch.cat([encoder(chunk).float() for chunk in torch.split(tokens, _AT_ONCE)])
        except Exception as error:  # a program from a file
            raise _no_encoder(path, first_line(error)) from error
        if found.shape != (len(texts), self._width) or not bool(torch.isfinite(found).all()):
            raise _no_encoder(path, f"its answer is not {self._width} numbers for each text")
        return found

    def _file(self) -> Path:
        if not self._name:
            raise TextsUnavailable(
                "This model takes no words: its text encoder is of a kind that samdesk cannot read.",
                next="Use examples.",
            )
        path = weights.find(self._name)
        if path is None:
            raise TextsUnavailable(
                f"Words need the text encoder {self._name}, which is not on this machine.",
                next=f"Put it into {places.weights()} ({_WHERE} has it), or use examples: they do without.",
            )
        return path


def _opened(path: Path) -> Any:
    try:
        data = read_bytes(path, _BYTES)
    except OSError as error:
        raise EngineError(f"{path} cannot be read: {reason(error)}.") from error
    sha256 = hash_bytes(data)
    if not is_trusted(sha256):
        raise UntrustedFileError(str(path), sha256, ("TorchScript",))
    try:
        load: Any = torch.jit.load
        return load(io.BytesIO(data), map_location="cpu").eval()
    except Exception as error:  # whatever the program does
        raise _no_encoder(path, first_line(error)) from error


def _no_encoder(path: Path, fault: str) -> EngineError:
    return EngineError(
        f"{path} cannot be used as a text encoder: {fault}.",
        next="Delete it and get it again, or use examples: they work without it.",
    )
