"""Options of the comparison: what is measured, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch

FP32, AUTO = "fp32", "auto"
_GPU_FACTOR = 10
"""Factor for the number of turns on a GPU: enough for a 99th percentile."""


@dataclass(frozen=True)
class BenchSettings:
    """Options of a comparison.

    Attributes:
        device: As returned by ``engine.runtime.device.resolve``.
        precisions: samdesk's precisions, in the order of the rows. Ultralytics uses its default, fp32.
        rounds: Repetitions of operations that take about a second; faster ones are repeated more often.
        quick: Measures little, to check that it works.
        only: Patterns of row names; empty: all rows.
        pages: Number of images for the row about memory.
        heartbeat_s: Duration of the heartbeat measurement, seconds.
        bulk_files: Number of label files that are written at once.
        bulk_annotations: Number of annotations of the image with many.
        scale_images: Number of images of the large dataset; it has ten times as many annotations.
        batch_files: Number of images of an auto-annotate run.
    """

    device: str = "cpu"
    precisions: tuple[str, ...] = (FP32, AUTO)
    rounds: int = 5
    quick: bool = False
    only: tuple[str, ...] = ()
    pages: int = 24
    heartbeat_s: float = 20.0
    bulk_files: int = 2000
    bulk_annotations: int = 5000
    scale_images: int = 100_000
    batch_files: int = 64

    def selects(self, name: str) -> bool:
        """Returns whether a row is selected: by name, by its first words or by a pattern (``*_auto``)."""
        return not self.only or any(
            fnmatch(name, pattern) or name.startswith(f"{pattern}_") for pattern in self.only
        )

    @property
    def best(self) -> str:
        """The precision of rows that are measured at only one."""
        return AUTO if AUTO in self.precisions else self.precisions[-1]

    @property
    def megapixels(self) -> Sequence[int]:
        """Sizes of the images for clicks, megapixels."""
        return (2,) if self.quick else (2, 12, 24, 100)

    @property
    def busy_processes(self) -> Sequence[int]:
        """Numbers of busy processes beside the operations measured."""
        return (0, 1) if self.quick else (0, 1, 2)

    @property
    def batch_images(self) -> int:
        """Number of images of an auto-annotate run."""
        return 2 if self.quick else self.batch_files

    @property
    def boxes(self) -> Sequence[int]:
        """Sizes of the batches of boxes."""
        return (1, 8) if self.quick else (1, 8, 32)

    @property
    def warm_up(self) -> int:
        """Number of warm-up turns."""
        return 0 if self.quick else 1

    @property
    def compared(self) -> int:
        """Number of prompts of each kind that are compared with the stock network."""
        return 2 if self.quick else 12

    def turns_for(self, times: int) -> int:
        """Returns the turns of a fast operation: ``times`` per round, and more of them on a GPU."""
        if self.quick:
            return self.rounds
        return self.rounds * times * (1 if self.device == "cpu" else _GPU_FACTOR)
