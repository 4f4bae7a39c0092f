"""The boundary of a dataset, and the folders outside that its links may lead to because the user agreed.

What the user agreed to is kept in samdesk's own folder for state: nothing in a dataset can agree to it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from samdesk.base import json_file, places
from samdesk.base.boundary import Boundary, LeadsOutsideError
from samdesk.base.disk import temporaries
from samdesk.base.json_file import JsonError
from samdesk.dataset.lock import dataset_id
from samdesk.dataset.store.header import check_file, sidecars
from samdesk.dataset.types import Notice
from samdesk.domain.document import ImageKey
from samdesk.formats.label_format import label_format

LINK = "link"
"""The kind of a notice about a link that leads out of the dataset; its ``path`` is the folder it leads to."""


def boundary_of(folder: Path) -> Boundary:
    """Returns the boundary of a dataset: its folder and that of its label files.

    Args:
        folder: The dataset, with links resolved.
    """
    labels = Path(label_format().label_path(str(folder / "x.jpg"))).parent
    return Boundary((str(folder), str(labels)), _allowed(folder))


def allow(folder: Path, target: Path) -> Path:
    """Remembers that links in a dataset may lead to a folder outside; if that fails, it is asked again.

    It holds from the next opening on.

    Returns:
        The dataset's folder.
    """
    known = _allowed(folder)
    if str(target) not in known:
        with contextlib.suppress(OSError):
            json_file.write(_file(folder), [*known, str(target)], indent=0)
            temporaries.clear(_file(folder).parent)
    return folder


def beside_store(store: Path, name: str) -> Path:
    """Returns a file or folder beside a store. Raises ``LeadsOutsideError`` if it is a link elsewhere."""
    parent = os.path.realpath(store.parent)
    return Boundary((parent,)).real_path(Path(parent, name))


def check_store_place(folder: Path, store: Path) -> None:
    """Checks that the store in a dataset's folder is behind no link that leads out of it.

    Another place was chosen by the user.

    Args:
        folder: The dataset, with links resolved.
        store: The file of its store.

    Raises:
        LeadsOutsideError: It is.
        StoreError: Moreover it is no store.
    """
    inside = folder / ".samdesk"
    if store.parent == inside:
        boundary = Boundary((str(inside),), boundary_of(folder).allowed)
        try:
            for path in (inside, store, *sidecars(store)):
                boundary.real_path(path)
        except LeadsOutsideError:
            if store.is_file():
                check_file(store)
            raise


def link_notice(error: LeadsOutsideError, what: str, key: ImageKey | None = None) -> Notice:
    """Returns the notice that asks the user to allow a link.

    Args:
        error: What was left alone.
        what: What is neither read nor written ("Labels").
        key: The image concerned.
    """
    text = (
        f"{error.link} is a link that leads out of the dataset, to {error.target}. "
        f"{what} there are neither read nor written unless you allow it."
    )
    return Notice(LINK, text, str(error.target), key=key)


def _allowed(folder: Path) -> tuple[str, ...]:
    try:
        found = json_file.read(_file(folder))
    except (OSError, JsonError):
        return ()
    return tuple(place for place in found if isinstance(place, str)) if isinstance(found, list) else ()


def _file(folder: Path) -> Path:
    return places.state() / "links" / f"{dataset_id(folder)}.json"
