"""What a training is asked to do, and the check of "all other arguments" against Ultralytics' own list."""

from __future__ import annotations

import ast
import difflib
import shlex
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from samdesk.base.errors import first_line
from samdesk.engine import ultralytics_trainer
from samdesk.training.fit.errors import FitError

MIN_IMGSZ = 32
OWN = {
    "model": "the model has a field of its own",
    "epochs": "the epochs have a field of their own",
    "imgsz": "the image size has a field of its own",
    "batch": "the batch has a field of its own",
    "device": "the device has a field of its own",
}
"""Arguments that have a field, or an option of the command line."""
_SET = {
    "data": "samdesk names the dataset",
    "task": "a segmentation model is trained",
    "mode": "a segmentation model is trained",
    "project": "the results go to samdesk's folder; use --out on the command line",
    "name": "the results go to samdesk's folder; use --out on the command line",
    "save_dir": "the results go to samdesk's folder; use --out on the command line",
    "exist_ok": "the results go to samdesk's folder; use --out on the command line",
    "resume": "an interrupted training is resumed by samdesk",
    "save": "the last state is always kept, so that the training can be resumed",
    "val": "every epoch is validated, so that the best one is known",
    "pretrained": "the model says what the training starts from",
    "cfg": "the arguments are given one by one",
    "verbose": "everything goes to the log file",
    "distill_model": "it is not supported here",
}


@dataclass(frozen=True)
class FitSettings:
    """How a model is trained; names and defaults are those of Ultralytics' trainer.

    Attributes:
        model: "n", "s", "m", "l" or "x" (of YOLO11), the name of a model, or the path of a checkpoint.
        epochs: Maximum number of epochs.
        imgsz: Longest side of the training images, pixels.
        batch: Images per step; -1: as many as fit a GPU.
        device: "" for the best, else "cpu", "cuda:0", "mps".
        more: All other arguments as text ("lr0=0.001 patience=20").
    """

    model: str = "n"
    epochs: int = 100
    imgsz: int = 640
    batch: int = 16
    device: str = ""
    more: str = ""

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("imgsz", MIN_IMGSZ)):
            if getattr(self, name) < least:
                raise FitError(f"{name} is {getattr(self, name)}; it has to be {least} or more.")
        if self.batch < 1 and self.batch != -1:
            raise FitError(f"batch is {self.batch}; it has to be 1 or more, or -1 for what fits a GPU.")

    def to_json(self) -> dict[str, Any]:
        """The settings as a value for ``json``."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> FitSettings:
        """Reads the result of ``to_json``. Raises ``FitError``, ``TypeError`` or ``ValueError``."""
        defaults = asdict(cls())
        return cls(**{name: type(old)(value.get(name, old)) for name, old in defaults.items()})


def parse_more(text: str) -> dict[str, Any]:
    """Returns the arguments in a text of ``key=value`` parts; imports no torch.

    Raises:
        FitError: A part is none, its key is no argument of Ultralytics' trainer, or is set by samdesk.
    """
    try:
        parts = shlex.split(text)
    except ValueError as error:
        raise FitError(f"The other arguments cannot be read: {first_line(error)}.") from error
    found: dict[str, Any] = {}
    for part in parts:
        key, equals, value = part.removeprefix("--").partition("=")
        if not equals or not value:
            raise FitError(f"{part!r} is no argument.", next="Write key=value, such as lr0=0.001.")
        _check_key(key)
        found[key] = _value(value)
    if str(found.get("cache", "")).lower() == "disk":
        raise FitError("cache=disk writes files beside your images.", next="Use cache=ram.")
    return found


def check_more(text: str) -> dict[str, Any]:
    """As ``parse_more``; Ultralytics, which is imported, checks the values. Raises ``FitError``."""
    found = parse_more(text)
    try:
        ultralytics_trainer.check_arguments(found)
    except (TypeError, ValueError, SyntaxError) as error:
        raise FitError(f"Ultralytics does not accept the other arguments: {first_line(error)}.") from error
    return found


@cache
def _known() -> frozenset[str]:
    return frozenset(ultralytics_trainer.default_arguments())


def _check_key(key: str) -> None:
    reason = OWN.get(key) or _SET.get(key)
    if reason:
        raise FitError(f"{key} cannot be among the other arguments: {reason}.")
    if key in _known():
        return
    close = difflib.get_close_matches(key, sorted(_known() - _SET.keys()), 1)
    hint = f"Did you mean {close[0]}?" if close else "They are those of Ultralytics' trainer."
    raise FitError(f"Ultralytics' trainer has no argument {key!r}.", next=hint)


def _value(text: str) -> Any:
    """The value in a text, as on Ultralytics' command line."""
    simple = {"none": None, "true": True, "false": False}
    if text.lower() in simple:
        return simple[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def check_folder(out: Path) -> None:
    """Raises ``FitError`` if a folder for the results holds anything that is no result of a training."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FitError(f"{out} exists already.", next="Name a new folder, or add --resume to go on in it.")
