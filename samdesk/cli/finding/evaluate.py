"""``samdesk evaluate DATA --find``: how well a model with an open vocabulary finds the labels."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samdesk.base.errors import UserError
from samdesk.base.jobs import CancelToken
from samdesk.base.text import counted
from samdesk.cli.finding.concepts import FindOptions
from samdesk.cli.output import echo

if TYPE_CHECKING:
    from samdesk.engine.protocols import ConceptPredictor, ModelInfo
    from samdesk.training.evaluate.concepts import FindMaterial, WayPrecision


@dataclass(frozen=True)
class FindEvaluation:
    """A measurement, as requested on the command line.

    Attributes:
        data: Folders of images with their annotations.
        det_model: Name or path of the model; "": the best installed.
        imgsz: Longest side of the network's input, pixels.
        json_file: Also write every result to this file.
        trust: Let model files run code that they hold.
    """

    data: tuple[Path, ...]
    det_model: str
    imgsz: int
    json_file: Path | None
    trust: bool

    def run(self, cancel: CancelToken, show: Callable[[int, int], None]) -> Callable[[], None]:
        """Measures the model; returns what prints the result.

        Args:
            cancel: Cancels it.
            show: Called with how many images are done, and how many there are.

        Raises:
            UserError: There is nothing to measure, or no such model.
            Cancelled: It was cancelled.
        """
        from samdesk.training.evaluate.concepts import evaluate_concepts

        material = _material(self.data)
        if not material.measured[0]:
            where = ", ".join(map(str, self.data))
            raise UserError(
                f"In {where} no label is on both a held-out image and a training image as an example.",
                next="Annotate more images: one in eight is held out.",
            )
        model = _model(self.det_model, self.trust)
        results = evaluate_concepts(
            model, material, imgsz=self.imgsz, cancel=cancel, on_image=show, trust=self.trust
        )
        if self.json_file is not None:
            content = _as_json(model.info, self.imgsz, material, results)
            self.json_file.write_text(json.dumps(content, indent=1), "utf-8")
        return partial(_print, model.info, material, results)


def _print(info: ModelInfo, material: FindMaterial, results: Sequence[WayPrecision]) -> None:
    from samdesk.training.evaluate.concepts import find_table

    echo(
        f"Model: {info.name} ({info.parameters / 1e6:.1f} M parameters, SHA-256 {info.sha256}) on "
        f"{info.device_title} ({info.precision})."
    )
    measured, without = material.measured
    echo(
        f"{counted(len(measured), 'label')} on {counted(len(material.held_out), 'held-out image')}, "
        f"examples on {counted(len(material.train), 'training image')}."
    )
    if without:
        echo(f"Left out, as they have no example: {', '.join(without)}.")
    echo("")
    echo(find_table(results))


def _model(name: str, trust: bool) -> ConceptPredictor:
    from samdesk.batch.concepts import PlannedConcept
    from samdesk.engine.models.load import load_detector
    from samdesk.engine.models.open_vocabulary import SUGGESTED
    from samdesk.engine.protocols import ConceptPredictor, EngineError

    chosen = FindOptions((PlannedConcept("label"),)).detector(name, given=bool(name))
    model: Any = load_detector(chosen, trust=trust)
    if isinstance(model, ConceptPredictor):
        return model
    raise EngineError(
        f"{model.info.name} finds its own classes only, not what it is asked for. Choose a model with an "
        f"open vocabulary, such as {SUGGESTED}."
    )


def _material(data: Sequence[Path]) -> FindMaterial:
    """The images of all folders, with their labels joined by name."""
    from dataclasses import replace

    from samdesk.training.evaluate.coco import read_coco
    from samdesk.training.evaluate.concepts import FindMaterial
    from samdesk.training.evaluate.splits import split_by_name
    from samdesk.training.samples import TrainingImage
    from samdesk.training.teach.material import read_material

    ids: dict[str, int] = {}
    names: list[str] = []
    train: list[TrainingImage] = []
    held_out: list[TrainingImage] = []
    for folder in data:
        try:
            if (folder / "instances.json").is_file():
                images, own = read_coco(folder)
                complete: Sequence[TrainingImage] = images
            else:
                found = read_material(folder)
                images, own, complete = list(found.images), found.names, found.for_detector
        except (OSError, ValueError) as error:
            raise UserError(f"{folder} cannot be read: {error}") from error
        for name in own:
            if ids.setdefault(" ".join(name.casefold().split()), len(names)) == len(names):
                names.append(name)
        joined = [ids[" ".join(name.casefold().split())] for name in own]

        def renamed(image: TrainingImage, joined: Sequence[int] = joined) -> TrainingImage:
            return replace(image, instances=tuple(replace(i, label=joined[i.label]) for i in image.instances))

        train += map(renamed, split_by_name(images).train)
        held_out += map(renamed, split_by_name(complete).held_out)
    return FindMaterial(tuple(names), tuple(train), tuple(held_out))


def _as_json(
    info: ModelInfo, imgsz: int, material: FindMaterial, results: Sequence[WayPrecision]
) -> dict[str, Any]:
    return {
        "model": {"name": info.name, "sha256": info.sha256, "parameters": info.parameters,
                  "device": info.device, "precision": info.precision},
        "held_out": len(material.held_out),
        "train": len(material.train),
        "imgsz": imgsz,
        "without_example": list(material.measured[1]),
        "results": [
            {
                **asdict(one),
                "ap": one.ap if one.labels else None,
                "ap50": one.ap50 if one.labels else None,
            }
            for one in results
        ],
    }  # fmt: skip
