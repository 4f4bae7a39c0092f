"""The driver of a Ray cluster, on a stand-in for Ray that runs its actors in this process.

With the real Ray: ``SAMDESK_TEST_RAY=1`` for one test here, and ``python -m tests.shards`` for all that may
happen to its processes.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from samdesk.base.jobs import CancelToken
from samdesk.batch.models import Loaders
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.shards import cluster
from samdesk.batch.shards.drive import DriverCallbacks, ShardsProgress, ShardsRequest, ShardsSummary, begin
from samdesk.batch.shards.errors import ShardsError
from samdesk.batch.shards.local import drive_here
from tests.helpers.finding import ColourModels
from tests.helpers.make import photo

pytest.importorskip("pyarrow", reason="the extra 'tables' is not installed")
pytest.importorskip("fsspec", reason="the extra 'tables' is not installed")

PLAN = AutoAnnotatePlan("colour.pt", "inner.pt")
MODELS = ["--det-model", "flint", "--sam-model", "flint", "--threads", "1", "--shard-size", "1"]


@dataclass(eq=False)
class Ref:
    """A reference to a result: the call is made when it is waited for."""

    call: Callable[[], Any]
    actor: Actor


@dataclass(eq=False)
class Actor:
    """An actor that lives in this process."""

    ray: StandIn
    options_given: dict[str, Any]
    made: Any = None
    in_hand: int = 0

    def __getattr__(self, name: str) -> Method:
        return Method(self, name)


@dataclass
class Method:
    actor: Actor
    name: str

    def options(self, **_: Any) -> Method:
        return self

    def remote(self, *arguments: Any) -> Ref:
        if self.name == "work":
            self.actor.in_hand += 1
            self.actor.ray.most_in_hand = max(self.actor.ray.most_in_hand, self.actor.in_hand)
        return Ref(lambda: getattr(self.actor.made, self.name)(*arguments), self.actor)


@dataclass
class StandIn:
    """What the driver uses of Ray.

    Attributes:
        resources: What the cluster has.
        dies: The calls of ``work``, counted from 1, of which the worker dies for good.
        actors: Those that were started.
    """

    resources: dict[str, float]
    dies: Sequence[int] = ()
    actors: list[Actor] = field(default_factory=list)
    most_in_hand: int = 0
    works: int = 0
    connected: list[str] = field(default_factory=list)

    def init(self, address: str, **_: Any) -> None:
        if address == "nowhere":
            raise ConnectionError("Could not find any running Ray instance.")
        self.connected.append(address)

    def shutdown(self) -> None:
        self.connected.pop()

    def cluster_resources(self) -> dict[str, float]:
        return self.resources

    def remote(self, **_: Any) -> Callable[[type], Any]:
        def wrapped(kind: type) -> Any:
            return _Factory(self, kind)

        return wrapped

    def wait(self, refs: Sequence[Ref], **_: Any) -> tuple[list[Ref], list[Ref]]:
        return list(refs[:1]), list(refs[1:])

    def get(self, ref: Ref) -> Any:
        ref.actor.in_hand -= 1
        self.works += 1
        if self.works in self.dies:
            raise RuntimeError("The actor died unexpectedly before finishing this task.")
        return ref.call()


@dataclass
class _Factory:
    ray: StandIn
    kind: type
    given: dict[str, Any] = field(default_factory=dict)

    def options(self, **options: Any) -> _Factory:
        return _Factory(self.ray, self.kind, options)

    def remote(self, *arguments: Any) -> Actor:
        actor = Actor(self.ray, self.given)
        actor.made = self.kind(*arguments)
        self.ray.actors.append(actor)
        return actor


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> ColourModels:
    models = ColourModels()
    monkeypatch.setattr(Loaders, "real", lambda *_, **_named: models.loaders)
    return models


@pytest.fixture(autouse=True)
def log_level() -> Iterator[None]:
    """A worker silences the log of its process, which is this one here."""
    logger = logging.getLogger("samdesk")
    before = logger.level
    yield
    logger.setLevel(before)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for i in range(5):
        photo(tmp_path / "images" / f"{i}.png", seed=i)
    return tmp_path / "images"


@pytest.fixture
def drive(
    images: Path, models: ColourModels, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[StandIn, ShardsSummary]]:
    """Does a run over ``images`` on a cluster with these resources."""

    def drive(
        cpus: int = 2,
        gpus: int = 0,
        plan: AutoAnnotatePlan = PLAN,
        workers: int | None = None,
        address: str = "auto",
        dies: Sequence[int] = (),
        threads: int = 1,
        **callbacks: Any,
    ) -> tuple[StandIn, ShardsSummary]:
        ray = StandIn({"CPU": cpus, **({"GPU": gpus} if gpus else {})}, dies)
        monkeypatch.setattr(cluster, "_import_ray", lambda: ray)
        output = str(images.parent / "out")
        beginning = begin(ShardsRequest(str(images), output, plan, shard_size=1, threads=threads))
        heard = DriverCallbacks(**callbacks)
        return ray, cluster.drive_on_cluster(beginning, heard, address, workers)

    return drive


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_workers_make_what_one_process_makes(images: Path, models: ColourModels, drive: Any) -> None:
    progress: list[ShardsProgress] = []
    ray, summary = drive(progress=progress.append)
    assert (summary.images, summary.objects, summary.left) == (5, 10, 0)
    assert len(models.detectors) == len(ray.actors) == 2, "each loads its models once"
    assert ray.most_in_hand == 2
    assert ray.connected == []
    assert [(p.done, p.total) for p in progress if p.finished] == [(i, 5) for i in range(1, 6)]
    alone = images.parent / "alone"
    drive_here(begin(ShardsRequest(str(images), str(alone), PLAN, shard_size=1)), DriverCallbacks())
    assert files(images.parent / "out") == files(alone)


def test_a_shard_whose_worker_died_is_given_to_another(images: Path, drive: Any) -> None:
    _, summary = drive(dies=(1, 3))
    assert (summary.left, summary.errors) == (0, ())
    assert len(list((images.parent / "out" / "shards").iterdir())) == 5


def test_a_shard_that_kills_every_worker_is_reported_and_left(drive: Any, images: Path) -> None:
    _, summary = drive(workers=1, cpus=1, dies=(1, 6))
    assert summary.left == 1
    assert summary.errors == (
        "shard 0: its worker failed (The actor died unexpectedly before finishing this task)",
    )
    assert not summary.ok


def test_a_model_that_is_missing_ends_the_run(drive: Any) -> None:
    _, summary = drive(plan=AutoAnnotatePlan("colour.pt", "other.pt"))
    assert summary.left == 5
    assert "The weights of other.pt are not on this machine." in summary.errors[0]
    assert len(summary.errors) == 1


def test_a_cluster_on_which_all_fails_is_given_up(drive: Any) -> None:
    ray, summary = drive(dies=range(100), cpus=1)
    assert (summary.left, ray.works) == (5, 3)


def test_a_stop_leaves_what_is_at_work(drive: Any) -> None:
    cancel = CancelToken()
    _, summary = drive(cancel=cancel, progress=lambda p: p.done == 2 and cancel.cancel())
    assert (summary.cancelled, summary.shards, summary.left) == (True, 2, 3)
    assert drive()[1].left == 0


def test_each_gpu_has_a_worker(drive: Any) -> None:
    ray, _ = drive(cpus=64, gpus=4)
    assert [(a.options_given["num_gpus"], a.options_given["num_cpus"]) for a in ray.actors] == [(1, 1)] * 4
    ray, _ = drive(cpus=64, gpus=4, workers=2)
    assert len(ray.actors) == 2


def test_without_gpus_each_worker_has_the_cores_of_its_threads(drive: Any, models: ColourModels) -> None:
    ray, _ = drive(cpus=64, threads=4)
    assert len(ray.actors) == 16
    assert ray.actors[0].options_given["num_cpus"] == 4
    assert ray.actors[0].options_given["runtime_env"] == {"env_vars": {"OMP_NUM_THREADS": "4"}}
    assert {device for _, device in models.asked} == {"cpu"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"address": "nowhere"}, "There is no Ray cluster at 'nowhere': Could not find any running"),
        (
            {"plan": AutoAnnotatePlan("colour.pt", "inner.pt", "cuda:0")},
            "No machine of the cluster has a GPU",
        ),
        ({"threads": 4}, "workers of 4 threads, and the cluster has 2 cores"),
    ],
)
def test_a_cluster_that_does_not_fit_is_refused(drive: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ShardsError, match=words):
        drive(**options)


@pytest.mark.skipif(
    not os.environ.get("SAMDESK_TEST_RAY"), reason="takes half a minute: set SAMDESK_TEST_RAY"
)
def test_a_real_ray_makes_what_one_process_makes(images: Path) -> None:
    pytest.importorskip("ray", reason="the extra 'cluster' is not installed")
    for name, options in (("ray", ["--cluster", "local", "--workers", "2"]), ("here", [])):
        command = [
            sys.executable,
            "-m",
            "samdesk",
            "annotate",
            str(images),
            "--out",
            str(images.parent / name),
        ]
        subprocess.run([*command, *MODELS, *options], check=True, timeout=300)
    assert files(images.parent / "ray") == files(images.parent / "here")
