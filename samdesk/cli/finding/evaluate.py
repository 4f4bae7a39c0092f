"""``samdesk evaluate DATA --find``: how well a model with an open vocabulary finds the labels."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samdesk.base.errors import UserError
from samdesk.base.jobs import CancelToken
from samdesk.base.text import counted, size
from samdesk.cli.finding.concepts import FindOptions
from samdesk.cli.output import echo

if TYPE_CHECKING:
    from samdesk.engine.protocols import ConceptPredictor, ModelInfo
    from samdesk.training.evaluate.concepts import FindMaterial, WayPrecision


def evaluate_finding(
    data: Sequence[Path],
    det_model: str,
    json_file: Path | None,
    cancel: CancelToken,
    show: Callable[[int, int], None],
    trust: bool,
) -> Callable[[], None]:
    """Measures a model with an open vocabulary; returns what prints the result.

    Args:
        data: Folders of images with their annotations.
        det_model: Name or path of the model; "": the best installed.
        json_file: Also write every result to this file.
        cancel: Cancels it.
        show: Called with how many images are done, and how many there are.
        trust: Let model files run code that they hold.

    Raises:
        UserError: There is nothing to measure, or no such model.
        Cancelled: It was cancelled.
    """
    from samdesk.settings.parameters import DetectionParameters
    from samdesk.training.evaluate.concepts import evaluate_concepts, find_table

    material = _material(data)
    measured, without = material.measured()
    if not measured:
        where = ", ".join(map(str, data))
        raise UserError(
            f"In {where} no label is on both a held-out image and a training image as an example.",
            next="Annotate more images: one in eight is held out.",
        )
    model = _model(det_model, trust)
    results = evaluate_concepts(
        model, material, imgsz=DetectionParameters().imgsz, cancel=cancel, on_image=show, trust=trust
    )
    if json_file is not None:
        json_file.write_text(json.dumps(_as_json(model.info, material, without, results), indent=1), "utf-8")

    def print_result() -> None:
        echo(_described(model.info))
        echo(
            f"{counted(len(measured), 'label')} on {counted(len(material.held_out), 'held-out image')}, "
            f"examples on {counted(len(material.train), 'training image')}."
        )
        if without:
            echo(f"Left out, as they have no example: {', '.join(without)}.")
        echo("")
        echo(find_table(results))

    return print_result


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


def _described(info: ModelInfo) -> str:
    """The model, so that nobody takes the figures of one for those of another."""
    return (
        f"Model: {info.name} ({info.parameters / 1e6:.1f} M parameters, {size(info.memory_bytes)}, SHA-256 "
        f"{info.sha256}) on {info.device_title} ({info.precision})."
    )


def _as_json(
    info: ModelInfo, material: FindMaterial, without: Sequence[str], results: Sequence[WayPrecision]
) -> dict[str, Any]:
    return {
        "model": {"name": info.name, "sha256": info.sha256, "parameters": info.parameters,
                  "device": info.device, "precision": info.precision},
        "held_out": len(material.held_out),
        "train": len(material.train),
        "without_example": list(without),
        "results": [
            {
                **asdict(one),
                "ap": one.ap if one.labels else None,
                "ap50": one.ap50 if one.labels else None,
            }
            for one in results
        ],
    }  # fmt: skip
