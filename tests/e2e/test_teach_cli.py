"""``samdesk teach``: output, record and exit codes. Only the training of the networks is replaced."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from samdesk.base.jobs import CancelToken
from samdesk.cli.main import cli
from samdesk.dataset.dataset import Dataset
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction, add
from samdesk.domain.review import AnnotationReview
from samdesk.engine.protocols import EngineError
from samdesk.training.detector import teach_detector
from samdesk.training.detector.teach_detector import DetectorTeachResult
from samdesk.training.evaluate.average_precision import DetectorScore
from samdesk.training.masks import teach_masks
from samdesk.training.masks.teach_masks import MaskTeachResult, Scores
from samdesk.training.record.taught_record import DETECTOR, MASKS, TaughtRecord
from tests.dataset.dataset_kit import photos
from tests.dataset.dataset_kit import with_labels as give_labels
from tests.helpers import teach_processes
from tests.helpers.flint_files import weights_file
from tests.training.teach.test_material import outline


class FakeTrainings:
    """Replaces the two trainings: their scores, and what happens during them."""

    def __init__(self) -> None:
        self.gain = 0.1
        self.error: Exception | None = None
        self.between: Callable[[], None] = lambda: None
        self.arguments: dict[str, dict[str, Any]] = {}

    def masks(self, images: Any, *, out: Path, progress: Any, cancel: CancelToken, **more: Any) -> Any:
        self._go("masks", images, progress, cancel, more)
        weights_file(out, "head.a", f"head.{self.gain}")
        after = Scores(0.7 + self.gain, 0.5 + self.gain)
        return MaskTeachResult(Scores(0.7, 0.5), after, 6, 2, 61.0, out)

    def detector(
        self, images: Any, names: Any, *, out: Path, progress: Any, cancel: CancelToken, **more: Any
    ) -> Any:
        self._go("detector", images, progress, cancel, more | {"names": names})
        weights_file(out, f"yolo.{self.gain}", names=names)
        before = DetectorScore(0.2, (0.4,), (True,))
        after = DetectorScore(0.2 + self.gain, (0.4,), (True,))
        return DetectorTeachResult(before, after, 9, 4, 70.0, 6, 2, out)

    def _go(self, kind: str, images: Any, progress: Any, cancel: CancelToken, more: dict[str, Any]) -> None:
        self.arguments[kind] = {"images": [image.key for image in images], **more}
        for step in range(3):
            progress(step + 1, 3)
            if step == 1:
                self.between()
                cancel.check()
        if self.error is not None:
            raise self.error


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> FakeTrainings:
    trainings = FakeTrainings()
    monkeypatch.setattr(teach_masks, "teach_masks", trainings.masks)
    monkeypatch.setattr(teach_detector, "teach_detector", trainings.detector)
    return trainings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dataset with a store: one accepted image, one with a pending annotation."""
    folder = tmp_path / "photos"
    photos(folder, "0.png", "1.png")
    dataset = Dataset.open(folder)
    give_labels(dataset, "washer", "gear", "never used")
    pending = outline(dataset, 1, 40, review=AnnotationReview.PENDING)
    dataset.commit(Transaction("Add", ((ImageKey("0.png"), add([outline(dataset)])),)))
    dataset.commit(Transaction("Add", ((ImageKey("1.png"), add([outline(dataset), pending])),)))
    dataset.close()
    return folder


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of ``samdesk teach``."""
    result = CliRunner().invoke(cli, ["teach", *(str(a) for a in arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_trains_measures_and_records(trainings: FakeTrainings, folder: Path) -> None:
    code, out, _ = run(folder)
    assert code == 0
    assert "2 accepted masks on 2 images, 1 accepted image" in out
    assert trainings.arguments["masks"]["images"] == ["0.png", "1.png"]
    assert trainings.arguments["detector"]["images"] == ["0.png"], "the other has a pending annotation"
    assert trainings.arguments["detector"]["names"] == ("washer",), "classes without examples are left out"
    for words in ("Mask from a box (IoU)", "0.700", "0.800", "+0.100", "Detector (mAP50)", "washer (AP50)"):
        assert words in out
    assert "trained on 6 images, measured on 2 others, in 61 s" in out
    assert "add --use to use them" in out
    taught = TaughtRecord.read(folder)
    assert [t.kind for t in taught.entries] == [MASKS, DETECTOR]
    assert not taught.in_use
    assert not taught.unfinished(MASKS)


def test_use_undo_redo_and_list(trainings: FakeTrainings, folder: Path) -> None:
    code, out, _ = run(folder, "--use")
    assert code == 0
    assert "Now using the taught masks and detector" in out
    assert TaughtRecord.read(folder).in_use.detector is not None
    assert out.count("--undo") == 1
    code, out, _ = run(folder, "--list")
    assert out.count("* ") == 2
    assert "box 0.700 to 0.800" in out
    code, out, _ = run(folder, "--undo")
    assert (code, out) == (0, "In use: masks: Flint's own; detector: Flint's own.\n")
    assert run(folder, "--undo")[0] == 2
    code, out, _ = run(folder, "--redo")
    assert "masks: masks-" in out
    assert TaughtRecord.read(folder).in_use.masks is not None


def test_the_next_training_starts_from_the_weights_in_use(trainings: FakeTrainings, folder: Path) -> None:
    run(folder, "--use")
    taught = TaughtRecord.read(folder).in_use
    trainings.gain = 0.2
    run(folder)
    assert taught.masks is not None
    assert trainings.arguments["masks"]["base"] == taught.masks.path
    run(folder, "--fresh", "--no-detector")
    assert trainings.arguments["masks"]["base"].name == "flint.safetensors"


def test_weights_without_improvement_are_not_used(trainings: FakeTrainings, folder: Path) -> None:
    trainings.gain = -0.1
    code, out, _ = run(folder, "--use")
    assert code == 0
    assert "Masks: no improvement; nothing was changed." in out
    assert not TaughtRecord.read(folder).in_use


def test_one_kind_alone(trainings: FakeTrainings, folder: Path) -> None:
    run(folder, "--no-masks")
    assert list(trainings.arguments) == ["detector"]
    code, _, err = run(folder, "--no-masks", "--no-detector")
    assert code == 2
    assert "leave nothing to teach" in err


def test_a_failed_training_is_reported_and_the_other_runs(
    trainings: FakeTrainings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_few(*_: Any, **__: Any) -> None:
        raise EngineError("There are 2 images with accepted masks.")

    monkeypatch.setattr(teach_masks, "teach_masks", too_few)
    code, out, _ = run(folder)
    assert code == 1
    assert "Masks: There are 2 images with accepted masks." in out
    assert [t.kind for t in TaughtRecord.read(folder).entries] == [DETECTOR]


def test_a_full_disk_is_reported(trainings: FakeTrainings, folder: Path) -> None:
    trainings.error = OSError(28, "No space left on device", "state.pt")
    code, out, _ = run(folder, "--no-detector")
    assert code == 1
    assert "No space left on device (state.pt). Start it again to resume." in out


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_ctrl_c_keeps_the_progress(trainings: FakeTrainings, folder: Path) -> None:
    trainings.between = lambda: os.kill(os.getpid(), signal.SIGINT)
    code, out, err = run(folder)
    assert code == 130
    assert "Stopping; progress so far is kept" in err
    assert "run the same command to resume" in out
    assert TaughtRecord.read(folder).unfinished(MASKS)
    assert list(trainings.arguments) == ["masks"], "no other training is started"
    trainings.between = lambda: None
    code, out, _ = run(folder)
    assert code == 0
    assert "Masks: resuming where it stopped" in out


def test_json_for_programs(trainings: FakeTrainings, folder: Path) -> None:
    code, out, _ = run(folder, "--json", "--use")
    assert code == 0
    events = [json.loads(line) for line in out.splitlines()]
    assert [e["event"] for e in events] == [
        "found", *(["begun", *["progress"] * 3, "result"] * 2), "used", "ended"
    ]  # fmt: skip
    assert events[2] | {"rate": 0, "seconds_left": 0} == {
        "event": "progress", "kind": "masks", "done": 1, "total": 3, "rate": 0, "seconds_left": 0
    }  # fmt: skip
    assert events[5]["teaching"]["scores"][0] == {"what": "box", "before": 0.7, "after": pytest.approx(0.8)}


def test_export_and_import(trainings: FakeTrainings, folder: Path, tmp_path: Path) -> None:
    run(folder, "--use")
    file = tmp_path / "washers.safetensors"
    code, _, err = run(folder, "--export", file)
    assert code == 2
    assert "are exported separately" in err
    code, out, _ = run(folder, "--export", file, "--no-detector")
    assert (code, out) == (0, f"Masks: exported the taught weights to {file}.\n")
    other = tmp_path / "other"
    photos(other, "0.png")
    code, out, _ = run(other, "--from", file)
    assert code == 0
    assert TaughtRecord.read(other).in_use.masks is not None
    assert f"from {file}" in run(other, "--list")[1]
    file.write_text("no weights")
    code, _, err = run(other, "--from", file)
    assert code == 2
    assert "does not contain Flint weights" in err
    assert run(tmp_path, "--export", file)[0] == 2


def test_wrong_usage(trainings: FakeTrainings, tmp_path: Path) -> None:
    code, _, err = run(tmp_path / "nowhere")
    assert code == 2
    assert "There is no folder" in err
    assert trainings.arguments == {}


def test_a_damaged_store_is_reported(trainings: FakeTrainings, folder: Path) -> None:
    (folder / ".samdesk" / "dataset.db").write_bytes(b"no database" * 99)
    code, out, _ = run(folder)
    assert code == 1
    assert "is damaged" in out


def test_a_damaged_record_is_reported(trainings: FakeTrainings, folder: Path) -> None:
    run(folder, "--use")
    (folder / ".samdesk" / "taught" / "use.json").write_text("{")
    code, out, err = run(folder, "--list")
    assert code == 0
    assert "use.json cannot be read" in err
    assert "masks-" in out


def test_a_real_training_of_the_detector(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    base, folder = teach_processes.base(tmp_path), teach_processes.parts(tmp_path / "parts")
    code, out, _ = run(folder, "--no-masks", "--quick", "--base", base)
    assert code == 0, out
    assert "Detector (mAP50)" in out
    (taught,) = TaughtRecord.read(folder).entries
    assert taught.names == teach_processes.LABELLED
    assert taught.n_train + taught.n_held_out == teach_processes.COUNT
