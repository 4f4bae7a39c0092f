"""A process that writes to a cache folder, for tests that kill it, fill its disk, or run two.

``write FOLDER COUNT LIMIT SEED SIDE`` writes and reads entries; ``too-large FOLDER`` writes one that the
system cuts off in the middle.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np

from samdesk.domain.geometry.types import Frame
from samdesk.engine.cache.file import SUFFIX, StoredEmbedding, deserialize, serialize
from samdesk.engine.cache.folder import CacheFolder


def entry(side: int) -> StoredEmbedding:
    return StoredEmbedding((np.ones((1, side, side), np.float16),), (10, 20), Frame(0, 0, 20))


def write(cache: CacheFolder, count: int, seed: int, side: int) -> None:
    rng = random.Random(seed)
    names = [f"{i:040x}" for i in range(40)]
    for _ in range(count):
        name = rng.choice(names)
        cache.write("m", name, serialize(name, entry(side)))
        print(name, flush=True)
        other = rng.choice(names)
        data = cache.read("m", other)
        if data is not None:
            deserialize(other, data)


def too_large(cache: CacheFolder) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        cache.write("m", "a", serialize("a", entry(1000)))
    except OSError as error:
        print(error.strerror)


if __name__ == "__main__":
    what, folder = sys.argv[1], Path(sys.argv[2])
    if what == "write":
        count, limit, seed, side = map(int, sys.argv[3:])
        write(CacheFolder(folder, SUFFIX, limit), count, seed, side)
    else:
        too_large(CacheFolder(folder, SUFFIX, 1 << 30))
