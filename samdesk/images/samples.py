"""The demo's images: the two that ship with the installed ``ultralytics`` package."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp

from samdesk.base.errors import UserError

SAMPLES = ("bus.jpg", "zidane.jpg")


class DemoError(UserError):
    """The demo's images are missing or cannot be copied."""

    code = "demo"


def fresh_demo_folder() -> Path:
    """A new empty folder for a demo."""
    return Path(mkdtemp(prefix="samdesk-demo-")) / "photos"


def make_demo_folder(folder: Path) -> Path:
    """Copies the images into ``folder``, creating it, and returns it. Raises ``DemoError``."""
    spec = find_spec("ultralytics")  # finds the package without importing it
    places = list(spec.submodule_search_locations or []) if spec is not None else []
    sources = [Path(place) / "assets" / name for place in places[:1] for name in SAMPLES]
    if len(sources) != len(SAMPLES) or not all(path.is_file() for path in sources):
        raise DemoError(
            "The installed ultralytics package lacks its assets bus.jpg and zidane.jpg.",
            next="Reinstall it: pip install --force-reinstall ultralytics",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source in sources:
            target = folder / source.name
            if not target.exists():
                shutil.copyfile(source, target)
    except OSError as error:
        raise DemoError(f"The demo images could not be copied to {folder}: {error.strerror}.") from error
    return folder
