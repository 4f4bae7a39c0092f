"""Builds the frozen app and tries it: ``python packaging/smoke.py``, with samdesk and PyInstaller installed.

It runs ``samdesk version``, the headless demo (the real window, offscreen, with Flint), ``samdesk doctor`` on
Flint and on a MobileSAM with random weights, and ``samdesk annotate`` with Flint alone, so that torch,
torchvision and the weights in the box have to be there. It needs no display, GPU, network or other weights.
Prints sizes and times; ends with 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from time import perf_counter

ROOT = Path(__file__).resolve().parents[1]
PHOTOS = ("bus", "zidane")
TRIALS = ("demo", "doctor", "doctor of MobileSAM", "annotate")
MAKE_MODEL = """
import sys, torch
from samdesk.engine.ultralytics import build_network
torch.save(build_network("mobile_sam").state_dict(), sys.argv[1])
"""


class SmokeError(Exception):
    """Something is not as it should be; the text says what."""


def main() -> int:
    """Builds, tries and measures; returns the exit code."""
    parser = argparse.ArgumentParser(description="Build the frozen app and try it.")
    parser.add_argument("--out", type=Path, help="where everything goes (default: a new temporary folder)")
    parser.add_argument("--app", type=Path, help="a built dist/samdesk folder: try it, build nothing")
    parser.add_argument("--weights", type=Path, nargs="*", default=[], help="checkpoints the demo may use")
    options = parser.parse_args()
    out = (options.out or Path(mkdtemp(prefix="samdesk-smoke-"))).resolve()
    out.mkdir(parents=True, exist_ok=True)
    try:
        app = options.app.resolve() if options.app else build(out)
        measure(app)
        try_out(app, out, options.weights)
    except SmokeError as error:
        print(f"FAILED: {error}")
        return 1
    print(f"The frozen app works. Everything is in {out}")
    return 0


def build(out: Path) -> Path:
    """Runs PyInstaller and returns the app's folder."""
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"]
    command += ["--distpath", str(out / "dist"), "--workpath", str(out / "build")]
    timed("build", [*command, str(ROOT / "packaging" / "samdesk.spec")], out, dict(os.environ))
    return out / "dist" / "samdesk"


def measure(app: Path) -> None:
    """Prints how large the app is, and its largest parts. A link counts nothing."""
    sizes: Counter[str] = Counter()
    inner = app / "_internal"
    for path in app.rglob("*"):
        if path.is_file() and not path.is_symlink():
            top = path.relative_to(inner).parts[0] if path.is_relative_to(inner) else path.name
            sizes[top] += path.stat().st_size
    print(f"size: {sum(sizes.values()) / 1e6:,.0f} MB")
    for name, size in sizes.most_common(8):
        print(f"  {size / 1e6:8,.0f} MB  {name}")


def try_out(app: Path, out: Path, weights: list[Path]) -> None:
    """Runs the app as a user would, with a home of its own, and looks at what it leaves."""
    program = str(app / ("samdesk.exe" if os.name == "nt" else "samdesk"))
    home, demo, photos = out / "home", out / "demo", out / "photos"
    sam = str(out / "mobile_sam.pt")
    for folder in (home, demo, photos, out / "labels"):
        shutil.rmtree(folder, ignore_errors=True)
    (home / "weights").mkdir(parents=True)
    for path in weights:
        shutil.copyfile(path, home / "weights" / path.name)
    environment = outside_environment(home)

    timed("first start", [program, "version"], out, environment)
    timed("second start", [program, "version"], out, environment)
    timed("demo", [program, "demo", "--headless", str(demo)], out, environment)
    check_pictures(demo)
    check_labels(demo)
    timed("doctor", [program, "doctor", "--model", "flint"], out, environment)
    timed("random model", [sys.executable, "-c", MAKE_MODEL, sam], out, dict(os.environ))
    timed("doctor of MobileSAM", [program, "doctor", "--model", sam], out, environment)
    shutil.copytree(next(demo.glob("photos-*")), photos, ignore=shutil.ignore_patterns("*.txt", ".samdesk"))
    run = [program, "annotate", str(photos), "--det-model", "flint", "--sam-model", "flint"]
    timed("annotate", run, out, environment)
    check_photos(out / "labels")


def outside_environment(home: Path) -> dict[str, str]:
    """The environment without what makes a Python find this one, and with a home of its own."""
    ours = ("PYTHON", "VIRTUAL_ENV", "QT_", "YOLO_", "XDG_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "HOME": str(home), "SAMDESK_HOME": str(home)}


def timed(what: str, command: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Runs a command to its end and prints its time, and for a trial what it said."""
    started = perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).strip()
    print(f"{what}: {perf_counter() - started:,.1f} s", flush=True)
    if done.returncode != 0:
        raise SmokeError(f"{what} ended with {done.returncode}:\n{said[-6000:]}")
    if what in TRIALS:
        print(said, flush=True)


def check_pictures(demo: Path) -> None:
    """The screenshots are pictures with something on them."""
    from PIL import Image

    pictures = sorted(demo.glob("*.png"))
    if len(pictures) < 5:
        raise SmokeError(f"the demo left {len(pictures)} screenshots")
    for path in pictures:
        with Image.open(path) as picture:
            colours = picture.convert("RGB").quantize(64).getcolors() or []
            if min(picture.size) < 200 or len(colours) < 8:
                raise SmokeError(f"{path.name} is empty ({picture.size}, {len(colours)} colours)")
    print(f"screenshots: {len(pictures)}")


def check_labels(demo: Path) -> None:
    """Both photos have label files of polygons, and the classes have names."""
    folder = next(iter(sorted(demo.glob("photos-*"))), demo)
    if not (folder / "data.yaml").is_file():
        raise SmokeError(f"there is no data.yaml in {folder}")
    check_photos(folder)


def check_photos(folder: Path) -> None:
    """Each photo has a label file of polygons."""
    for name in PHOTOS:
        path = folder / f"{name}.txt"
        count = len(list(polygons(path)))
        if not count:
            raise SmokeError(f"{path} has no annotation")
        print(f"labels of {name}.jpg: {count}")


def polygons(path: Path) -> Iterator[list[float]]:
    """The polygons of a label file: a class, then x and y of three corners or more, in 0..1."""
    if not path.is_file():
        raise SmokeError(f"there is no {path}")
    for line in path.read_text(encoding="utf-8").splitlines():
        label, *values = line.split()
        corners = [float(value) for value in values]
        if not label.isdigit() or len(corners) < 6 or len(corners) % 2:
            raise SmokeError(f"{path.name} has the line {line[:80]!r}")
        if not all(0 <= value <= 1 for value in corners):
            raise SmokeError(f"{path.name} has a corner outside the photo")
        yield corners


if __name__ == "__main__":
    sys.exit(main())
