"""Sends random events to the window and checks, again and again, that nothing is lost."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from samdesk.images.errors import ImageError
from samdesk.images.reader import read_image
from tests.e2e.monkey.correcting import sheet
from tests.e2e.monkey.events import ANYWHERE, DRAWING, EVENTS
from tests.e2e.monkey.outside import SIZE, label_file, square
from tests.e2e.monkey.window import MonkeyError, Window
from tests.helpers.make import photo

IMAGES = 5
EVENTS_UNTIL_SAVED = 12
EVENTS_UNTIL_RESTART = 150
DRAWING_SHARE = 0.35
"""How many of the bursts of events only draw."""
SHOWN = 30
"""Events that a fault is reported with."""


def make_folder(folder: Path, rng: random.Random) -> None:
    """Writes small drawn images, some of them with labels."""
    for i in range(IMAGES):
        image = photo(folder / f"{i}.png", *SIZE, seed=i)
        if i % 2:
            label_file(image).write_text(square(rng, 2) + "\n", "utf-8")
    (folder / "data.yaml").write_text("train: .\nval: .\nnames: [cat, dog]\n", "utf-8")


def drive(folder: Path, seed: int, events: int, load_predictor: Callable[..., Any]) -> None:
    """Uses the window at random.

    Args:
        folder: An empty folder for the images.
        seed: Decides every event.
        events: How many.
        load_predictor: Loads the mask model of the canvas by (name, device, precision).

    Raises:
        MonkeyError: An exception, a change that is never saved, or a store that differs from the screen. Its
            message has the seed and the last events.
    """
    rng = random.Random(seed)
    make_folder(folder, rng)
    done: deque[str] = deque(maxlen=SHOWN)
    outside: dict[Path, bytes] = {}
    window = Window(folder, rng, load_predictor, outside)
    number = 0
    try:
        while number < events:
            burst = min(EVENTS_UNTIL_SAVED, events - number)
            drawing = rng.random() < DRAWING_SHARE
            kinds = DRAWING if drawing else EVENTS
            window.uses_menus = not drawing  # an action of a menu may take effect later
            for event in rng.choices(list(kinds), list(kinds.values()), k=burst):
                number += 1
                if window.desk.flows.sheet.is_open and event not in ANYWHERE:
                    event = sheet  # the canvas is covered
                done.append(f"{number} {event.__name__} ...")
                done[-1] = f"{number} {event(window, rng)}"
                if window.crashes:
                    raise MonkeyError(f"an exception: {window.crashes[0]}")
            done.append("-- until saved")
            window.end_run()
            reviewing = window.desk.flows.review.active  # it goes on to another image by itself
            shown = window.shown() if drawing and not reviewing else None
            window.compare(shown)
            if number // EVENTS_UNTIL_RESTART > (number - burst) // EVENTS_UNTIL_RESTART:
                done.append("-- restart")
                window.close()
                check_label_files(folder, outside)
                window = Window(folder, rng, load_predictor, outside)
        window.close()
    except BaseException as error:
        window.abandon()
        if isinstance(error, KeyboardInterrupt):
            raise
        text = f"{error}\nseed {seed}, the last events:\n" + "\n".join(f"  {line}" for line in done)
        raise MonkeyError(text) from error
    check_label_files(folder, outside)


def check_label_files(folder: Path, outside: dict[Path, bytes]) -> None:
    """Reads the label files as the trainer does, but those that another program wrote last."""
    from samdesk.engine.ultralytics import import_ultralytics

    import_ultralytics()
    from ultralytics.data.utils import verify_image_label

    for path in sorted(folder.glob("*.txt")):
        image = path.with_suffix(".png")
        if not is_whole(image) or path.read_bytes() == outside.get(path):
            continue
        *_, corrupt, message = verify_image_label((str(image), str(path), "", False, 1000, 0, 0, False))
        if corrupt:
            raise MonkeyError(f"the trainer refuses {path.name}: {message}")


def is_whole(image: Path) -> bool:
    """Whether an image can be read."""
    try:
        read_image(image)
    except ImageError:
        return False
    return True
