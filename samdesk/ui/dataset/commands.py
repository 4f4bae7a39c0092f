"""Commands of folders and images: open, save, navigate, accept."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.popup import SEPARATOR, context_menu
from samdesk.ui.commands.table import Command, CommandTable, Condition

if TYPE_CHECKING:
    from samdesk.ui.dataset.files import FilesController
    from samdesk.ui.dataset.navigate import NavigateController
    from samdesk.ui.dataset.rescan import RescanController
    from samdesk.ui.images.panel import ImagesPanel

COMMANDS = CommandTable(
    (
        Command("file.open_folder", "Open folder…", "Open a folder of images.", "ph.folder-open", "file",
                "open", ("Ctrl+O", "Ctrl+U"), short="Open"),
        Command("file.open_video", "Open video…",
                "Extract frames of a video to a folder of images, and open it.", "ph.film-strip", "file",
                "open"),
        Command("file.open_recent", "Open recent", "Open a recently used folder.",
                "ph.clock-counter-clockwise", "file", "open"),
        Command("file.demo", "Try the demo", "Open two images that come with samdesk, in a new folder.",
                "ph.play-circle", "file", "open"),
        Command("file.save", "Save now",
                "Every edit is saved as you make it; this confirms that nothing is pending.",
                "ph.floppy-disk", "file", "save", ("Ctrl+S",), when="folder", short="Save"),
        Command("file.rescan", "Rescan folder",
                "Look again at the folder: images added or removed, damaged images, changed label files.",
                "ph.arrows-clockwise", "file", "save", ("F5",), when="folder", short="Rescan"),
        Command("file.show_in_folder", "Show in file manager", "Show this image in the file manager.",
                "ph.arrow-square-out", "file", "save", ("Ctrl+Shift+O",), when="folder"),
        Command("file.copy_path", "Copy path", "Copy the path of this image to the clipboard.",
                "ph.clipboard-text", "file", "save", ("Ctrl+Shift+C",), when="folder"),
        Command("image.next", "Next image", "Go to the next image.", "ph.arrow-right", "image", "go",
                ("D", "Right", "PgDown"), when="folder"),
        Command("image.previous", "Previous image", "Go to the previous image.", "ph.arrow-left", "image",
                "go", ("A", "Left", "PgUp"), when="folder"),
        Command("image.first", "First image", "Go to the first image.", "ph.arrow-line-left", "image", "go",
                ("Home",), when="folder"),
        Command("image.last", "Last image", "Go to the last image.", "ph.arrow-line-right", "image", "go",
                ("End",), when="folder"),
        Command("image.accept_next", "Accept image and go to next",
                "Accept every annotation of this image and go to the next image that is not accepted.",
                "ph.checks", "image", "accept", ("Ctrl+Return", "Ctrl+Enter"), when="image editable canvas",
                short="Accept image"),
        Command("image.flag", "Flag image", "Flag this image to look at it again; again: not any more.",
                "ph.flag", "image", "accept", ("Ctrl+Alt+F",), when="image editable canvas", checkable=True),
        Command("image.unaccept", "Mark image as not done",
                "Make this image one that is neither accepted nor flagged; its annotations stay as they are.",
                "ph.arrow-counter-clockwise", "image", "accept", ("Ctrl+Shift+Return", "Ctrl+Shift+Enter"),
                when="image decided_image editable canvas", short="Not done"),
    ),
    (
        Condition("folder", "open a folder first"),
        Condition("decided_image", "this image is neither accepted nor flagged"),
    ),
)  # fmt: skip

CONTEXT_MENU = (
    "image.accept_next", "image.flag", "image.unaccept", SEPARATOR,
    "image.use_train", "image.use_val", "image.use_test", "image.use_none", SEPARATOR,
    "file.show_in_folder", "file.copy_path",
)  # fmt: skip
"""Commands of the context menu of images, in the images panel."""


def bind(
    actions: Actions,
    files: FilesController,
    rescan: RescanController,
    navigate: NavigateController,
    panel: ImagesPanel,
) -> None:
    """Connects the commands to the dataset; the window fills the menu of recent folders."""
    actions.on("file.open_folder", files.choose_folder)
    actions.on("file.demo", files.open_demo)
    actions.on("file.save", files.save)
    actions.on("file.rescan", rescan.rescan)
    actions.on("file.show_in_folder", files.show_in_folder)
    actions.on("file.copy_path", files.copy_path)
    actions.on("image.next", partial(navigate.step, 1))
    actions.on("image.previous", partial(navigate.step, -1))
    actions.on("image.first", partial(navigate.go_to_end, first=True))
    actions.on("image.last", partial(navigate.go_to_end, first=False))
    actions.on("image.accept_next", navigate.accept_and_step)
    actions.on("image.unaccept", navigate.unaccept)
    actions.on("image.flag", lambda _on: navigate.flag())
    actions.checked_from("image.flag", lambda: navigate.image_flagged)
    actions.condition("decided_image", lambda: navigate.image_decided)
    panel.menu_requested.connect(lambda place: context_menu(actions, CONTEXT_MENU, panel).popup(place))
    actions.condition("folder", lambda: files.info is not None)
    actions.refresh_on(files.dataset_opened)
