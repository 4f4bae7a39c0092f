"""Drives the shards of a run on a Ray cluster, or on the workers of a Ray that is started for it.

Each worker is an actor with a process, the models and, where there are any, a GPU of its own. It has two
shards in hand, so that it never waits for the driver. Ray starts a worker that has died again, perhaps
elsewhere, and gives it the shards it had; what it had finished is in the output. A worker that cannot be
reached (its machine has gone, and there is no other) does not hold up the end: those that are idle do its
shards.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from samdesk.base.errors import first_line
from samdesk.base.jobs import CancelToken
from samdesk.base.text import counted
from samdesk.batch.report import BatchProgress
from samdesk.batch.shards.drive import Beginning, DriverCallbacks, ShardsSummary, ShardTally
from samdesk.batch.shards.errors import ShardsError, import_failed
from samdesk.batch.shards.worker import Order, ShardResult, ShardWorker, worker_of

LOCAL = "local"
"""The address of a Ray on this machine, started for the run."""

_AT_ONCE = 2
_DEATHS = 3
"""So often a shard is given to a worker again that died of it."""
_ATTEMPTS = 2
_MOST_ERRORS = 3
_POLL_S = 0.5
_ASKED_EVERY_S = 1.0
_LOST_S = 60.0
"""A worker that has not answered for so long is done without."""
_STORE_BYTES = 100_000_000
"""Memory for objects of a Ray of our own: there are no large ones."""


def drive_on_cluster(
    beginning: Beginning, callbacks: DriverCallbacks, address: str, workers: int | None = None
) -> ShardsSummary:
    """Does all shards that are left, on the workers of a cluster.

    Args:
        beginning: The run.
        callbacks: Called with progress and failures.
        address: Ray's: "auto", "10.0.0.1:6379", "ray://...", or "local".
        workers: How many; None: as many as there are GPUs or, without GPUs, cores for.

    Raises:
        ShardsError: There is no such cluster, or no room on it.
    """
    started = time.perf_counter()
    ray = _import_ray()
    _connect(ray, address)
    try:
        driver = _Driver(ray, beginning, callbacks, _place(ray, beginning.order, workers))
        driver.run()
        return driver.tally.summary(time.perf_counter() - started, callbacks.cancel.cancelled)
    finally:
        ray.shutdown()


class ShardActor:
    """A worker in a process of its own: ``ray.remote`` makes the actor of it."""

    def __init__(self, order: Order) -> None:
        logging.getLogger("samdesk").setLevel(logging.CRITICAL)  # failures are reported by the driver
        self._worker: ShardWorker = worker_of(order, lambda _text: None, CancelToken())
        self._done = 0

    def work(self, shard: int) -> ShardResult:
        """Does a shard; see ``ShardWorker.work``."""
        try:
            return self._worker.work(shard, self._note)
        finally:
            self._done = 0

    def done(self) -> int:
        """Images finished of the shard at work."""
        return self._done

    def _note(self, progress: BatchProgress) -> None:
        self._done = progress.done


@dataclass(frozen=True)
class _Placement:
    """Where the workers run.

    Attributes:
        workers: How many.
        gpus: GPUs of each, 0 or 1.
        cpus: Cores of each, as Ray counts them.
        order: The run, with the device as a worker sees it.
    """

    workers: int
    gpus: int
    cpus: int
    order: Order


@dataclass
class _Member:
    """A worker and what it has in hand.

    Attributes:
        actor: Ray's handle of it.
        shards: Its shards, by Ray's reference to the result.
        done: Images finished of the shard at work.
        question: Ray's reference to the answer to "how many".
        answered: When it last answered.
    """

    actor: Any
    shards: dict[Any, int] = field(default_factory=dict)
    done: int = 0
    question: Any = None
    answered: float = field(default_factory=time.monotonic)

    @property
    def lost(self) -> bool:
        return time.monotonic() - self.answered > _LOST_S


class _Driver:
    """Gives shards to workers until all are done.

    Attributes:
        tally: Counts them.
    """

    def __init__(
        self, ray: Any, beginning: Beginning, callbacks: DriverCallbacks, placement: _Placement
    ) -> None:
        self._ray, self._callbacks = ray, callbacks
        self.tally = ShardTally(beginning, callbacks)
        self._todo = list(reversed(beginning.todo))
        self._left = set(beginning.todo)
        self._attempts: Counter[int] = Counter()
        self._errors_in_a_row = 0
        self._given_up = False
        actor = ray.remote(concurrency_groups={"questions": 1})(ShardActor)
        self._members = [_Member(_start(actor, placement)) for _ in range(placement.workers)]

    def run(self) -> None:
        """Returns when all shards are done or cannot be, or the user has stopped it."""
        asked = 0.0
        self.tally.report(0)
        while self._left and not self._given_up and not self._callbacks.cancel.cancelled:
            self._give()
            pending = [ref for member in self._members for ref in member.shards]
            if not pending:
                return
            for ref in self._ray.wait(pending, num_returns=1, timeout=_POLL_S)[0]:
                self._take(ref)
            if time.monotonic() - asked > _ASKED_EVERY_S:
                asked = time.monotonic()
                self._ask()

    def _give(self) -> None:
        for member in self._members:
            while len(member.shards) < _AT_ONCE and not member.lost:
                shard = self._todo.pop() if self._todo else self._of_lost(member)
                if shard is None:
                    break
                member.shards[member.actor.work.remote(shard)] = shard

    def _of_lost(self, idle: _Member) -> int | None:
        """A shard of a worker that cannot be reached, if no other has it."""
        if idle.shards:
            return None
        reachable = {s for member in self._members if not member.lost for s in member.shards.values()}
        lost = (s for member in self._members if member.lost for s in member.shards.values())
        return next((shard for shard in lost if shard in self._left and shard not in reachable), None)

    def _take(self, ref: Any) -> None:
        member = next(member for member in self._members if ref in member.shards)
        shard = member.shards.pop(ref)
        member.answered, member.done = time.monotonic(), 0
        try:
            result: ShardResult = self._ray.get(ref)
        except Exception as error:  # noqa: BLE001 - the worker died of it, time and again, or could not be started
            result = ShardResult(shard, error=f"its worker failed ({first_line(error)})")
        if shard not in self._left:
            return
        if not result.error:
            self._errors_in_a_row = 0
            self._left.discard(shard)
            self.tally.finish(result)
            return
        self._attempts[shard] += 1
        self._errors_in_a_row += 1
        if result.fatal or self._errors_in_a_row >= _MOST_ERRORS * len(self._members):
            self._given_up = True
        if self._attempts[shard] < _ATTEMPTS and not self._given_up:
            self._todo.insert(0, shard)
        else:
            self.tally.errors.append(f"shard {shard}: {result.error}")

    def _ask(self) -> None:
        """Asks every worker how far it is, and reports what has been answered since."""
        for member in self._members:
            if member.question is not None and self._ray.wait([member.question], timeout=0)[0]:
                with suppress(Exception):  # it has died since; Ray starts it again
                    member.done = self._ray.get(member.question)
                    member.answered = time.monotonic()
                member.question = None
            if member.question is None:
                member.question = member.actor.done.options(concurrency_group="questions").remote()
        self.tally.report(sum(member.done for member in self._members))


def _import_ray() -> Any:
    # Read when it is imported. Nothing is reported to Ray's makers unless the user has said so, and a CPU
    # worker on a machine with GPUs sees them, and is told not to use them.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise import_failed(error, "cluster") from error
    return ray


def _connect(ray: Any, address: str) -> None:
    """Connects to a cluster, or starts one. Raises ``ShardsError``."""
    options: dict[str, Any] = {"address": address}
    if address == LOCAL:
        options |= {"include_dashboard": False, "object_store_memory": _STORE_BYTES}
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ray.init(logging_level=logging.ERROR, log_to_driver=False, **options)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        raise ShardsError(
            f"There is no Ray cluster at {address!r}: {first_line(error)}.",
            next="Start one (ray start --head), or use --cluster local.",
        ) from error
    finally:
        for number, handler in handlers.items():  # Ray has put its own in place of them
            signal.signal(number, handler)


def _place(ray: Any, order: Order, workers: int | None) -> _Placement:
    """How many workers there are, and what each has. Raises ``ShardsError``."""
    resources = ray.cluster_resources()
    gpus, cpus = int(resources.get("GPU", 0)), int(resources.get("CPU", 0))
    if gpus and not order.plan.device.startswith("cpu"):
        order = replace(order, plan=replace(order.plan, device=""))  # Ray shows each worker its GPU only
        return _Placement(workers or gpus, 1, 1, order)
    if order.plan.device not in ("", "cpu"):
        raise ShardsError(f"No machine of the cluster has a GPU that Ray knows, for {order.plan.device}.")
    each = order.run.threads
    if cpus < each:
        raise ShardsError(
            f"The run has workers of {counted(each, 'thread')}, and the cluster has {counted(cpus, 'core')}."
        )
    order = replace(order, plan=replace(order.plan, device="cpu"))
    return _Placement(workers or cpus // each, 0, each, order)


def _start(actor: Any, placement: _Placement) -> Any:
    """Starts a worker."""
    variables = {"OMP_NUM_THREADS": str(placement.order.run.threads)}
    options = {
        "num_gpus": placement.gpus,
        "num_cpus": placement.cpus,
        "max_restarts": -1,
        "max_task_retries": _DEATHS,
        "runtime_env": {"env_vars": variables},
    }
    return actor.options(**options).remote(placement.order)
