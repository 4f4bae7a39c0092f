"""Files of safetensors: cached embeddings, taught weights, and Flint weights that are loaded and answer."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import numpy as np

from samdesk.base.errors import UserError
from samdesk.base.places import flint_weights
from samdesk.domain.geometry.types import Frame
from samdesk.domain.prompts import BoxPrompt, PromptSet
from samdesk.engine.cache.file import InvalidEmbeddingFile, StoredEmbedding, deserialize, serialize
from samdesk.engine.checkpoints.sealed import seal
from tests.fuzz.mutate import mutate_bytes, mutate_text
from tests.fuzz.target import SilentLossError, Target

_NAME = "0123456789abcdef"


def mutate_safetensors(data: bytes, other: bytes, rng: Random) -> bytes:
    """Mutates the bytes, the text of the header, or the numbers of a file that has no digest."""
    length = int.from_bytes(data[:8], "little")
    header, numbers = data[8 : 8 + length], data[8 + length :]
    choice = rng.random()
    if choice < 0.4:
        return mutate_bytes(data, other, rng)
    if choice < 0.7:
        header = mutate_text(header, other[8 : 8 + length], rng)
    else:
        parsed = json.loads(header)
        parsed["__metadata__"].pop("digest", None)
        header = json.dumps(parsed).encode()
        made = bytearray(numbers)
        for _ in range(rng.choice((1, 4, 64))):
            made[rng.randrange(len(made))] ^= 1 << rng.randrange(8)
        numbers = bytes(made)
    return len(header).to_bytes(8, "little") + header + numbers


def _embedding_seeds(_folder: Path) -> list[bytes]:
    rng = np.random.default_rng(0)
    arrays = tuple(rng.random(shape).astype(np.float16) for shape in ((1, 8, 4, 4), (1, 4, 8, 8)))
    return [
        serialize(_NAME, StoredEmbedding(arrays[:count], (90, 120), Frame(0, 0, 120, 120)))
        for count in (1, 2)
    ]


def _read_embedding(data: bytes, _folder: Path) -> None:
    try:
        stored = deserialize(_NAME, data)
    except InvalidEmbeddingFile as error:  # the cache deletes it and encodes again
        raise UserError(str(error)) from error
    if not all(np.isfinite(array).all() for array in stored.arrays):
        raise SilentLossError("numbers that are none")


def _taught_seeds(_folder: Path) -> list[bytes]:
    from safetensors.numpy import save

    metadata = {"format": "flint-1", "names": '["a", "b"]', "yolo": "yolo11n", "title": "Flint, taught"}
    tensors = {name: np.ones((4, 4), np.float16) for name in ("head.a", "yolo.b")}
    return [
        seal(save(tensors, metadata)),
        seal(save({"yolo.b": tensors["yolo.b"]}, metadata)),
        save(tensors, metadata),
    ]


def _read_taught(data: bytes, folder: Path) -> None:
    from samdesk.engine.flint import metadata
    from samdesk.training.record.taught_record import TaughtRecord

    file = folder / "w.safetensors"
    file.write_bytes(data)
    dataset = folder / "dataset"
    dataset.mkdir()
    kept = TaughtRecord.read(dataset).import_weights(file)
    metadata.class_names(kept.path)
    metadata.title(kept.path, "")


def _flint_seeds(folder: Path) -> list[bytes]:
    from safetensors.numpy import load, save

    tensors = load(flint_weights().read_bytes())
    head = {name: value for name, value in tensors.items() if name.startswith("head.")}
    metadata = {"format": "flint-1", "names": "[]", "yolo": "yolo11n"}
    return [seal(save(head, metadata))]


def _read_flint(data: bytes, folder: Path) -> None:
    from samdesk.engine.models.load import load_predictor

    file = folder / "w.safetensors"
    file.write_bytes(data)
    predictor = load_predictor(str(file), "cpu")
    embedding = predictor.encode(np.full((60, 80, 3), 120, np.uint8))
    for mask in predictor.predict(embedding, PromptSet(box=BoxPrompt(10, 10, 50, 50))):
        if not np.isfinite(mask.logits).all() or not np.isfinite(mask.score):
            raise SilentLossError("a mask of NaN")


EMBEDDING = Target(_embedding_seeds, _read_embedding, mutate_safetensors)
TAUGHT = Target(_taught_seeds, _read_taught, mutate_safetensors)
FLINT = Target(_flint_seeds, _read_flint, mutate_safetensors)
