"""``python -m tests.faults.export_scale FOLDER``: a large export, beside copying its images.

Makes a dataset with ten annotations on each image (once; 100,000 images of 100 kB with hard links take
2 GB), copies all images with ``shutil`` and exports them, in one run. Prints how long each took, the resident
memory of the processes at each tenth of the export, and what a cancelled one leaves. An export of 100,000
images takes 10 GB of disk, which are freed at the end.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import time
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image

from samdesk.base.disk.durable import sync_file_system
from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.bench.scale_store import SIZE, ScaleSize, make_scale_dataset
from samdesk.dataset.dataset import Dataset
from samdesk.exchange.access import DirectAccess
from samdesk.exchange.exporting.plan import ExportPlan
from samdesk.exchange.exporting.run import export

_QUALITY = 88
_COARSE = 4


def make(folder: Path, images: int) -> None:
    """The dataset, with images of about 100 kB."""
    make_scale_dataset(folder, ScaleSize(images, 10 * images, 0))
    seen: set[int] = set()
    for path in sorted(folder.rglob("*.jpg")):
        inode = path.stat().st_ino
        if inode not in seen:  # a file under ten thousand names
            seen.add(inode)
            rng = np.random.default_rng(len(seen))
            coarse = rng.integers(0, 256, (SIZE[1] // _COARSE, SIZE[0] // _COARSE, 3), dtype=np.uint8)
            pixels = np.asarray(Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC)).astype(int)
            noisy = np.clip(pixels + rng.normal(0, 9, pixels.shape), 0, 255).astype(np.uint8)
            with path.open("wb") as file:
                Image.fromarray(noisy).save(file, "JPEG", quality=_QUALITY)


def copy_time(folder: Path, keys: tuple[str, ...], out: Path) -> tuple[float, float]:
    """Copies the images and removes the copies; seconds until copied, and until durable."""
    began = time.perf_counter()
    for key in keys:
        place = out / key
        if not place.parent.is_dir():
            place.parent.mkdir(parents=True)
        shutil.copyfile(folder / key, place)
    copied = time.perf_counter() - began
    sync_file_system(out)
    durable = time.perf_counter() - began
    shutil.rmtree(out)
    return copied, durable


def resident_mb() -> tuple[float, float]:
    """Resident memory of this process, and of its children together."""
    own, children = _resident(os.getpid()), 0.0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == os.getpid():
                children += _resident(int(entry.name))
    return own, children


def _resident(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 1e6
    except OSError:
        return 0.0


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.export_scale", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--format", action="append", help="Repeat it; yolo-seg and coco by default.")
    parser.add_argument("--processes", type=int)
    options = parser.parse_args()
    data, out = options.folder / "data", options.folder / "out"
    if not data.exists():
        make(data, options.images)
    with closing(Dataset.open(data)) as dataset:
        copied, durable = copy_time(data, tuple(map(str, dataset.keys)), options.folder / "copy")
        print(
            f"{len(dataset.keys):,} images copied in {copied:.0f} s, durable after {durable:.0f} s",
            flush=True,
        )
        for name in options.format or ("yolo-seg", "coco"):
            _measure(dataset, ExportPlan(name), out, options.processes, durable)
            _cancel(dataset, ExportPlan(name), out, options.processes)


def _measure(dataset: Dataset, plan: ExportPlan, out: Path, processes: int | None, durable: float) -> None:
    print(plan.format_id)
    began, tenth = time.perf_counter(), -1

    def progress(done: int, total: int) -> None:
        nonlocal tenth
        if done * 10 // total > tenth:
            tenth = done * 10 // total
            own, children = resident_mb()
            took = time.perf_counter() - began
            print(f"  {tenth * 10:3} % {took:6.0f} s, {own:.0f} MB and {children:.0f} MB", flush=True)

    report = export(DirectAccess(dataset), plan, out, processes=processes, progress=progress)
    took = time.perf_counter() - began
    print(f"  {report.summary} {took:.0f} s: {took / durable:.2f} times the copy")
    print(f"  IoU: median {report.median}, 5th percentile {report.percentile5}, lowest {report.lowest}")
    shutil.rmtree(out)


def _cancel(dataset: Dataset, plan: ExportPlan, out: Path, processes: int | None) -> None:
    """Cancels in the tenth part."""
    cancel, asked = CancelToken(), 0.0

    def progress(done: int, total: int) -> None:
        nonlocal asked
        if done >= total // 10 and not asked:
            asked = time.perf_counter()
            cancel.cancel()

    try:
        export(DirectAccess(dataset), plan, out, processes=processes, progress=progress, cancel=cancel)
    except Cancelled:
        left = sorted(path.name for path in out.parent.iterdir())
        print(
            f"  cancelled: gone after {time.perf_counter() - asked:.1f} s; what is there: {left}", flush=True
        )


if __name__ == "__main__":
    main()
