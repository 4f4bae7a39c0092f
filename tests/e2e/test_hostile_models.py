"""Model files that would run code: planted in a dataset, given by path, in the window, as taught weights."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from samdesk.app import Services
from samdesk.cli.main import cli
from samdesk.engine.checkpoints.trusted import UntrustedFileError
from samdesk.engine.models.load import load_predictor
from samdesk.engine.models.registry import MODELS
from samdesk.engine.protocols import EngineError
from samdesk.settings.table import MODEL_NAME, Settings
from samdesk.training.record.taught_record import TaughtError, TaughtRecord
from samdesk.training.record.taught_weights import MASKS, weights_name
from samdesk.ui.auto_annotate.dialog import AutoAnnotateDialog
from tests.e2e.conftest import OpenWindow
from tests.helpers.make import photo
from tests.helpers.networks import seeded_mobile_sam
from tests.helpers.payload import Payload, save_with_payload
from tests.helpers.seeded_yolo import seeded_yolo

torch = pytest.importorskip("torch")


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """The file that the payload writes."""
    return tmp_path / "it-ran"


@pytest.fixture(scope="module")
def good_sam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seeded_mobile_sam(tmp_path_factory.mktemp("sam"))


@pytest.fixture
def evil_sam(good_sam: Path, tmp_path: Path, marker: Path) -> Path:
    """A MobileSAM that works, with code in it."""
    return save_with_payload(good_sam, tmp_path / "evil" / "fine-tuned.pt", marker)


def annotate(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["annotate", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_a_run_inside_of_a_hostile_dataset(
    tmp_path: Path, marker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = tmp_path / "dataset"
    image = photo(dataset / "images" / "0.png", seed=1)
    torch.save({"model": Payload(marker)}, dataset / "planted.pt")
    for model in MODELS:
        for folder in (dataset, dataset / "images"):
            (folder / model.name).write_bytes((dataset / "planted.pt").read_bytes())
    monkeypatch.chdir(dataset)
    code, output = annotate("images")  # its default models: there is no network, so Flint takes their place
    assert code == 0, output
    assert "in the current folder was not used" in output
    assert image.with_suffix(".txt").exists() or (dataset / "labels" / "0.txt").exists()
    assert not marker.exists()
    again = ("images", "--det-model", "./yolo11s.pt", "--sam-model", "flint", "--output-dir", "out")
    code, output = annotate(*again)
    assert (code, "--trust" in output) == (2, True)
    assert not marker.exists()
    annotate(*again, "--trust")
    assert marker.exists()


def test_a_sam_checkpoint(evil_sam: Path, marker: Path) -> None:
    with pytest.raises(UntrustedFileError):
        load_predictor(str(evil_sam), "cpu")
    assert not marker.exists()
    assert load_predictor(str(evil_sam), "cpu", trust=True).info.title == "MobileSAM"
    assert marker.exists()


def test_taught_weights(tmp_path: Path, marker: Path) -> None:
    dataset = tmp_path / "dataset"
    photo(dataset / "0.png", seed=1)
    entry = dataset / ".samdesk" / "taught" / "masks-1"
    entry.mkdir(parents=True)
    file = entry / weights_name(MASKS)
    torch.save({"head": Payload(marker)}, file)
    (entry.parent / "use.json").write_text('{"version": 1, "steps": [{"masks": "masks-1"}], "at": 0}')
    taught = TaughtRecord.read(dataset)
    assert taught.in_use.masks is not None
    with pytest.raises(EngineError):
        load_predictor(str(taught.in_use.masks.path), "cpu")
    with pytest.raises(TaughtError):
        taught.import_weights(file)
    assert not marker.exists()
    torch.load(io.BytesIO(file.read_bytes()), weights_only=False)  # the file is not harmless
    assert marker.exists()


def test_the_window_asks_before_it_opens_a_mask_model(
    open_window: OpenWindow, folder: Path, evil_sam: Path, marker: Path
) -> None:
    user = open_window(Services(load_predictor=load_predictor))
    user.open(folder)
    user.until(lambda: "Flint" in user.window.top_bar.chip.text())
    user.answers.confirm = False
    user.desk.flows.models.use(str(evil_sam), "cpu", "auto")
    user.until(lambda: "holds program code" in user.message_text)
    assert "Run the code in fine-tuned.pt?" in user.answers.asked[0]
    assert "subprocess.call" in user.answers.asked[0]
    assert "Flint" in user.window.top_bar.chip.text()
    assert not marker.exists()
    user.answers.confirm = True
    user.press("Open it…")
    user.until(lambda: "MobileSAM" in user.window.top_bar.chip.text())
    assert marker.exists()
    assert user.desk.settings.get(MODEL_NAME) == str(evil_sam)
    assert len(user.answers.asked) == 2


def test_a_saved_mask_model_with_code_asks_only_when_it_is_wanted(
    open_window: OpenWindow, evil_sam: Path, marker: Path
) -> None:
    settings = Settings()
    settings.set(MODEL_NAME, str(evil_sam))
    assert settings.flush()
    user = open_window(Services(load_predictor=load_predictor))
    user.until(lambda: "Flint" in user.window.top_bar.chip.text())
    assert "Open it…" in user.buttons
    assert user.answers.asked == []
    assert not marker.exists()


def test_the_window_asks_before_it_opens_a_detector(
    open_window: OpenWindow, folder: Path, tmp_path: Path, marker: Path
) -> None:
    file = tmp_path / "yolo11s.pt"
    torch.save({"model": Payload(marker)}, file)
    user = open_window()
    user.open(folder)
    user.desk.flows.batch.ask()
    dialog = user.window.findChild(AutoAnnotateDialog)
    assert dialog is not None
    dialog.detector.setCurrentText(str(file))
    user.answers.confirm = False
    dialog.classes.show_button.click()
    user.until(lambda: "holds program code" in dialog.classes.message.text())
    assert not marker.exists()
    user.answers.confirm = True
    dialog.classes.show_button.click()
    user.until(marker.exists)
    user.until(lambda: "cannot be loaded as a YOLO model" in dialog.classes.message.text())
    assert len(user.answers.asked) == 2
    dialog.reject()


def test_a_checkpoint_inside_of_an_archive_is_no_model(tmp_path: Path, marker: Path) -> None:
    torch.save({"model": Payload(marker)}, tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "b.pt", "w") as archive:
        archive.write(tmp_path / "a.pt", "a.pt")
    with pytest.raises(EngineError, match="not a PyTorch checkpoint"):
        load_predictor(str(tmp_path / "b.pt"), "cpu")
    assert not marker.exists()


def test_a_training_that_starts_from_a_hostile_checkpoint(tmp_path: Path, marker: Path) -> None:
    good = tmp_path / "good.pt"
    seeded_yolo(("part",)).save(str(good))
    evil = save_with_payload(good, tmp_path / "evil" / "start.pt", marker)
    photo(tmp_path / "dataset" / "0.png", seed=1)

    def fit(*more: str) -> tuple[int, str]:
        given = ["fit", str(tmp_path / "dataset"), "--imgsz", "64", "--model", str(evil), *more]
        result = CliRunner().invoke(cli, given)
        return result.exit_code, result.output.replace("\n", " ")

    code, output = fit()
    assert (code, "--trust" in output) == (2, True)
    assert not marker.exists()
    code, output = fit("--trust")
    assert marker.exists()
    assert (code, "--trust" in output) == (2, False), "it goes on to the dataset, which has no annotations"
    assert "annotat" in output
