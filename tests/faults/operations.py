"""The operations by name: a new one is one row."""

from __future__ import annotations

from samdesk.dataset.types import NAMES
from tests.faults.dataset_operation import DatasetOperation
from tests.faults.dataset_steps import (
    KEYS,
    accept,
    add_label,
    changed_outside,
    draw_on,
    edit_first,
    label_files,
    labelled,
    move_label,
    read_all,
    redo,
    remove_first,
    rename_label,
    replace_label,
    resolve,
    run,
    two_images,
    undo,
)
from tests.faults.file_operation import FileOperation
from tests.faults.file_steps import KEYS as IMAGES
from tests.faults.file_steps import (
    change_setting,
    label_state,
    record_run,
    settings_state,
    start,
    taught_state,
    teach,
    undo_use,
    use_newest,
    write_labels,
)
from tests.faults.operation import Operation

OPERATIONS: dict[str, Operation] = {
    "first save": DatasetOperation((add_label, draw_on(KEYS[0], 5), draw_on(KEYS[1], 8))),
    "edits": DatasetOperation(
        (draw_on(KEYS[0], 10), edit_first, remove_first, accept, two_images, undo, undo, redo), labelled
    ),
    "label changes": DatasetOperation((add_label, rename_label, draw_on(KEYS[0], 9), undo, undo), labelled),
    "renumbering": DatasetOperation((move_label, draw_on(KEYS[2], 9), undo, move_label), labelled),
    "deleting a label": DatasetOperation((replace_label, draw_on(KEYS[2], 9), undo, undo), labelled),
    "import": DatasetOperation((read_all, draw_on(KEYS[0], 9), draw_on(KEYS[1], 9), undo), label_files),
    "run": DatasetOperation((run, draw_on(KEYS[0], 9), run, undo), labelled),
    "conflicts": DatasetOperation(
        (read_all, resolve(KEYS[0], "mine"), resolve(NAMES, "file"), draw_on(KEYS[0], 9)), changed_outside
    ),
    "taught weights": FileOperation(
        (start, teach("a", 1.0), use_newest, start, teach("b", 2.0), use_newest, undo_use), taught_state
    ),
    "plain label files": FileOperation(
        (
            write_labels(IMAGES[0], "0 0.5 0.5 0.1 0.1\n"),
            record_run,
            write_labels(IMAGES[1], ""),
            record_run,
            write_labels(IMAGES[1], "1 0.5 0.5 0.2 0.2\n"),
        ),
        label_state,
    ),
    "settings": FileOperation(
        (change_setting("a", 1), change_setting("b", "two"), change_setting("a", 3)), settings_state
    ),
}
