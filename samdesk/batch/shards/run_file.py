"""``run.json``: what a run in shards does, the same for all that work on it, now and later.

It is written once, by the first driver, and nothing in it depends on the machine or the time. A driver with
another plan, other models or other images is refused: shards of two runs would be mixed otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from samdesk.base import json_file
from samdesk.base.hashing import hash_bytes
from samdesk.base.json_file import JsonError
from samdesk.base.text import counted
from samdesk.batch.concepts import PlannedConcept
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.shards.errors import ShardsError
from samdesk.batch.shards.folder import Folder
from samdesk.settings.parameters import PARAMETERS

RUN_FILE = "run.json"
_FORMAT = 1
_NOT_OF_A_RUN = frozenset({"device", "existing", "replaces", "edited"})
"""Parts of a plan that differ between machines, or say what becomes of results when they are merged."""
_TITLES = {
    "det_model": "the detector",
    "sam_model": "the mask model",
    "precision": "the precision",
    "classes": "the classes",
    "class_names": "the classes",
    "objects_from": "the source of objects",
    "class_conf": "the minimum confidence of a class",
    "mapping": "the label names",
    "concepts": "what is looked for",
    **{row.name: f'"{row.title}"' for row in PARAMETERS},
}


@dataclass(frozen=True)
class ShardedRun:
    """A run in shards.

    Attributes:
        source: Where the images were found, for people.
        images: How many there are.
        shards: How many shards they are cut into.
        shard_size: Images of a shard; the last may have fewer.
        threads: Threads of each worker on a CPU: the last digits of a network's results depend on it.
        manifest: Name of the manifest's file, which holds the start of its SHA-256.
        plan: The auto-annotate plan.
        models: Name and SHA-256 of the files of the models.
    """

    source: str
    images: int
    shards: int
    shard_size: int
    threads: int
    manifest: str
    plan: AutoAnnotatePlan
    models: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        """Identifies the run: every shard's file has it."""
        return hash_bytes(self.to_bytes())

    def to_bytes(self) -> bytes:
        """The content of ``run.json``."""
        value = {
            "format": _FORMAT,
            "source": self.source,
            "images": self.images,
            "shards": self.shards,
            "shard_size": self.shard_size,
            "threads": self.threads,
            "manifest": self.manifest,
            "plan": _plan_values(self.plan),
            "models": [{"name": name, "sha256": sha256} for name, sha256 in self.models],
        }
        return json_file.to_bytes(value, indent=2)

    @classmethod
    def of_bytes(cls, data: bytes, where: str) -> ShardedRun:
        """Reads the content of ``run.json``.

        Args:
            data: The content.
            where: Its folder, for messages.

        Raises:
            ShardsError: It is damaged, or of a newer samdesk.
        """
        try:
            value = json_file.parse_object(data)
            if value["format"] != _FORMAT:
                raise ShardsError(f"{where} was made by another version of samdesk.")
            return cls(
                source=str(value["source"]),
                images=int(value["images"]),
                shards=int(value["shards"]),
                shard_size=int(value["shard_size"]),
                threads=int(value["threads"]),
                manifest=str(value["manifest"]),
                plan=AutoAnnotatePlan.from_parameters(value["plan"]),
                models=tuple((str(m["name"]), str(m["sha256"])) for m in value["models"]),
            )
        except (JsonError, KeyError, TypeError, ValueError) as error:
            raise ShardsError(f"{RUN_FILE} in {where} is damaged ({error}).") from error

    def differences(self, other: ShardedRun) -> list[str]:
        """What another run on the same output would do otherwise, in words."""
        mine, others = _plan_values(self.plan), _plan_values(other.plan)
        names = [name for name in sorted({*mine, *others}) if mine.get(name) != others.get(name)]
        if self.models == other.models:  # the same files, wherever they are
            names = [name for name in names if name not in ("det_model", "sam_model")]
        found = [f"{_TITLES.get(n, n)} was {_shown(mine.get(n))}, now {_shown(others.get(n))}" for n in names]
        if not names and self.models != other.models:
            found.append("the content of a model's file has changed")
        if self.source != other.source:
            found.append(f"the images were those of {self.source}, now {other.source}")
        if self.shard_size != other.shard_size:
            found.append(f"a shard had {counted(self.shard_size, 'image')}, now {other.shard_size}")
        if self.threads != other.threads:
            found.append(f"a worker had {counted(self.threads, 'thread')}, now {other.threads}")
        return found


def read_run(folder: Folder) -> ShardedRun | None:
    """Returns the run of an output folder; None if there is none. Raises ``ShardsError``."""
    try:
        return ShardedRun.of_bytes(folder.read(RUN_FILE), folder.url)
    except FileNotFoundError:
        return None


def check_same(found: ShardedRun, wanted: ShardedRun, folder: Folder) -> None:
    """Raises ``ShardsError`` if a run may not go on in an output folder that holds another."""
    differences = found.differences(wanted)
    if differences:
        raise ShardsError(
            f"{folder.url} holds the results of another run: {'; '.join(differences)}.",
            next="Use the same options to continue it, or give another output.",
        )


def _plan_values(plan: AutoAnnotatePlan) -> dict[str, Any]:
    left_out = _NOT_OF_A_RUN if plan.concepts else _NOT_OF_A_RUN | {"concepts"}  # runs of an older samdesk
    return {name: value for name, value in plan.parameters().items() if name not in left_out}


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return PlannedConcept.from_json(value).title
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value) or "none"
    return "not set" if value is None else str(value)
