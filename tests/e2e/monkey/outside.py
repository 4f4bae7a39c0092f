"""What other programs do to the folder behind the window's back."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from samdesk.domain.document import ImageKey
from tests.e2e.monkey.window import Window
from tests.helpers.make import photo

SIZE = (96, 72)
"""Width and height of the monkey's images."""


def label_file(image: Path) -> Path:
    return image.with_suffix(".txt")


def square(rng: random.Random, classes: int) -> str:
    """A label line of a random square."""
    x, y, side = rng.uniform(0.05, 0.6), rng.uniform(0.05, 0.6), rng.uniform(0.1, 0.3)
    corners = ((x, y), (x + side, y), (x + side, y + side), (x, y + side))
    return f"{rng.randrange(max(1, classes))} " + " ".join(f"{v:.6f}" for corner in corners for v in corner)


def labels_rewritten(window: Window, rng: random.Random, image: Path) -> str:
    lines = [square(rng, len(window.labels)) for _ in range(rng.randrange(1, 4))]
    label_file(image).write_text("\n".join(lines) + "\n", "utf-8")
    return f"{len(lines)} lines"


def line_appended(window: Window, rng: random.Random, image: Path) -> str:
    path = label_file(image)
    before = path.read_text("utf-8") if path.exists() else ""
    path.write_text(before + square(rng, len(window.labels)) + "\n", "utf-8")
    return ""


def line_endings_changed(window: Window, rng: random.Random, image: Path) -> str:
    path = label_file(image)
    if path.exists():
        path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    return ""


def garbage_written(window: Window, rng: random.Random, image: Path) -> str:
    text = rng.choice(
        ["", "0 0.5\n", "x y z\n", "0 0.1 0.1 9 9 0.2 nan\n", "\x00\x01", "0 0.5 0.5 0.2 0.2\n"]
    )
    label_file(image).write_text(text, "utf-8")
    return repr(text)


def labels_deleted(window: Window, rng: random.Random, image: Path) -> str:
    label_file(image).unlink(missing_ok=True)
    return ""


def image_truncated(window: Window, rng: random.Random, image: Path) -> str:
    if image.exists():
        image.write_bytes(image.read_bytes()[: rng.randrange(10, 2000)])
    return ""


def image_removed(window: Window, rng: random.Random, image: Path) -> str:
    image.unlink(missing_ok=True)
    return ""


def image_written(window: Window, rng: random.Random, image: Path) -> str:
    photo(image, *SIZE, seed=rng.randrange(100))
    return ""


def image_added(window: Window, rng: random.Random, image: Path) -> str:
    name = f"new{rng.randrange(100)}.png"
    photo(image.with_name(name), *SIZE, seed=rng.randrange(100))
    return name


def names_changed(window: Window, rng: random.Random, image: Path) -> str:
    path = window.folder / "data.yaml"
    text = path.read_text("utf-8") if path.exists() else "train: .\nval: .\nnames: [cat]\n"
    change = rng.choice(["comment", "rename", "append"])
    if change == "comment":
        text += f"# note {rng.randrange(100)}\n"
    elif change == "rename" and window.labels.names:
        text = text.replace(rng.choice(window.labels.names), f"renamed{rng.randrange(100)}", 1)
    else:
        names = [*window.labels.names, f"outside{rng.randrange(100)}"]
        text = "train: .\nval: .\nnames:\n" + "".join(f"  {i}: {n}\n" for i, n in enumerate(names))
    path.write_text(text, "utf-8")
    return change


CHANGES: tuple[Callable[[Window, random.Random, Path], str], ...] = (
    labels_rewritten,
    line_appended,
    line_endings_changed,
    garbage_written,
    labels_deleted,
    image_truncated,
    image_removed,
    image_written,
    image_written,
    image_written,
    image_added,
    names_changed,
)


def change(window: Window, rng: random.Random) -> str:
    """Changes a random file of the folder and returns what was done."""
    key = rng.choice(window.keys or (ImageKey("0.png"),))
    done = rng.choice(CHANGES)
    image = window.folder / key
    details = done(window, rng, image)
    if label_file(image).exists():
        window.written_outside[label_file(image)] = label_file(image).read_bytes()
    images = [ImageKey(path.name) for path in window.folder.glob("*.png")]
    window.changed_outside.update(images if done is names_changed else (key,))
    return f"outside: {done.__name__} {key} {details}".rstrip()
