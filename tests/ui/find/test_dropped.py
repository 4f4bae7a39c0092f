"""Model files that are dropped on the window and on dialogs. They are recognised, not run."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest

from samdesk.base import places
from samdesk.engine.models.open_vocabulary import ModelUse, open_vocabulary_models, use_of, words_missing
from samdesk.settings.table import AUTO_DET_MODEL, AUTO_OPEN_MODEL
from samdesk.ui.auto_annotate.dialog import AutoAnnotateDialog
from samdesk.ui.models.dialog import ModelsDialog
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import User, drop_files

YOLO, YOLOE = "ultralytics.nn.tasks DetectionModel", "ultralytics.nn.tasks YOLOESegModel"


def checkpoint(path: Path, *names: str) -> Path:
    """A file that has the names of a checkpoint and nothing else: whoever runs it fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(list(names)))
    return path


@pytest.mark.parametrize(
    ("names", "use"),
    [
        ((YOLOE,), ModelUse.CONCEPTS),
        ((YOLOE, "lrpc"), ModelUse.BOXES),  # prompt-free: with classes of its own
        ((YOLO,), ModelUse.BOXES),
        (("image_encoder.patch_embed.proj.weight",), ModelUse.MASKS),
        (("something",), None),
    ],
)
def test_a_checkpoint_is_recognised_by_the_names_in_it(
    tmp_path: Path, names: tuple[str, ...], use: ModelUse | None
) -> None:
    assert use_of(checkpoint(tmp_path / "a.pt", *names)) is use


def test_models_and_encoders_of_texts_are_looked_for_in_the_folder_of_weights() -> None:
    assert open_vocabulary_models() == ()
    folder = places.weights()
    for name in ("mine.pt", "yoloe-11s-seg.pt"):
        checkpoint(folder / name, YOLOE, "mobileclip:blt")
    checkpoint(folder / "yoloe-26s-seg.pt", YOLOE, "mobileclip2:b")
    checkpoint(folder / "best.pt", YOLO)
    assert open_vocabulary_models() == ("yoloe-11s-seg.pt", "mine.pt", "yoloe-26s-seg.pt")
    missing = words_missing("mine.pt")
    assert "mobileclip_blt.ts" in missing
    assert str(folder) in missing
    assert "mobileclip2_b.ts" in words_missing("yoloe-26s-seg.pt")
    (folder / "mobileclip_blt.ts").write_bytes(b"text tower")
    assert words_missing("mine.pt") == ""
    assert words_missing("gone.pt") == ""


def test_a_model_with_an_open_vocabulary_finds_more_from_then_on(user: User, tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "mine.pt", YOLOE)
    user.drop(path)
    user.until(lambda: user.desk.settings.get(AUTO_OPEN_MODEL) == str(path))
    assert "select annotations and press Ctrl+G" in user.message_text
    user.press("Auto-annotate…")
    user.until(lambda: bool(user.window.findChildren(AutoAnnotateDialog)))
    (dialog,) = user.window.findChildren(AutoAnnotateDialog)
    assert (dialog.detector_name, dialog.concepts.isVisible()) == (str(path), True)
    dialog.reject()


def test_a_detector_is_that_of_the_next_run_and_others_are_named(user: User, tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "best.pt", YOLO)
    user.drop(path)
    user.until(lambda: user.desk.settings.get(AUTO_DET_MODEL) == str(path))
    assert "best.pt finds the objects of the next auto-annotate run" in user.message_text
    user.drop(checkpoint(tmp_path / "other.pt", "something"))
    user.until(lambda: "other.pt is not a model that samdesk knows" in user.message_text)


def test_a_model_may_be_dropped_before_a_folder_is_open(open_window: OpenWindow, tmp_path: Path) -> None:
    user = open_window()
    user.drop(checkpoint(tmp_path / "mine.pt", YOLOE))
    user.until(lambda: "mine.pt finds what you show it" in user.message_text)
    assert user.buttons == []


def test_dialogs_take_a_model_that_is_dropped_on_them(user: User, tmp_path: Path) -> None:
    user.desk.view.actions.trigger("run.auto_annotate")
    (dialog,) = user.window.findChildren(AutoAnnotateDialog)
    drop_files(dialog, tmp_path / "best.pt")
    assert dialog.detector_name == str(tmp_path / "best.pt")
    dialog.reject()
    user.desk.view.actions.trigger("model.choose")
    (chooser,) = user.window.findChildren(ModelsDialog)
    with user.qtbot.waitSignal(chooser.chosen) as chosen:
        drop_files(chooser, tmp_path / "sam.pt")
    assert chosen.args is not None
    assert chosen.args[0] == str(tmp_path / "sam.pt")
