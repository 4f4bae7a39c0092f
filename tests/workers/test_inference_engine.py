"""The inference thread with the real engine: what the window gets without giving anything itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from pytestqt.qtbot import QtBot
from shapely.geometry import Point

from samdesk.domain.document import ImageKey
from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet
from samdesk.engine.protocols import ModelInfo
from samdesk.workers.failure import Failure
from samdesk.workers.inference import InferenceClient, Prediction, Shown
from tests.helpers.gated import spin_until
from tests.helpers.networks import save_seeded

KEY = ImageKey("disc.png")


def disc(folder: Path) -> Path:
    rows, columns = np.mgrid[:240, :320]
    photo = np.full((240, 320, 3), (30, 60, 30), np.uint8)
    photo[np.hypot(columns - 120, rows - 110) < 60] = (220, 180, 40)
    Image.fromarray(photo).save(folder / KEY)
    return folder / KEY


def test_a_click_gives_a_mask_with_the_engine_in_the_box(qtbot: QtBot, tmp_path: Path) -> None:
    client = InferenceClient()
    models: list[ModelInfo] = []
    answers: list[Prediction] = []
    described: list[ModelInfo] = []
    found: list[tuple[str, list[Shown]]] = []
    steps: list[tuple[int, int]] = []
    client.model_loaded.connect(models.append)
    client.predicted.connect(answers.append)
    client.described.connect(described.append)
    client.everything_done.connect(lambda key, masks: found.append((key, masks)))
    client.everything_progress.connect(lambda done, total: steps.append((done, total)))
    client.load("flint", "cpu")
    client.show_image(KEY, disc(tmp_path))
    box = BoxPrompt(55, 45, 185, 175)
    token = client.predict(PromptSet((PointPrompt(120, 110),), box))
    spin_until(lambda: bool(answers))
    assert models[0].title == "Flint"
    assert answers[0].token == token
    region = answers[0].masks[0].region
    truth = Point(120, 110).buffer(60)
    assert region.intersection(truth).area / region.union(truth).area > 0.8
    client.describe()
    spin_until(lambda: bool(described))
    assert described[0].gflops
    client.segment_everything()
    spin_until(lambda: bool(steps))
    client.cancel_everything()
    spin_until(lambda: bool(found))
    assert found == [(KEY, [])]
    assert client.stop()


def test_a_checkpoint_that_is_none_leaves_flint_and_mobile_sam_takes_over(
    qtbot: QtBot, tmp_path: Path
) -> None:
    client = InferenceClient()
    models: list[ModelInfo] = []
    failures: list[Failure] = []
    answers: list[Prediction] = []
    client.model_loaded.connect(models.append)
    client.model_failed.connect(failures.append)
    client.predicted.connect(answers.append)
    client.show_image(KEY, disc(tmp_path))
    client.load("flint", "cpu")
    (tmp_path / "broken.pt").write_bytes(b"this is no checkpoint")
    spin_until(lambda: bool(models))
    client.load(str(tmp_path / "broken.pt"))
    spin_until(lambda: bool(failures))
    assert "broken.pt" in str(failures[0])
    assert "Unexpected" not in str(failures[0])
    spin_until(lambda: [m.name for m in models] == ["flint", "flint"])
    token = client.predict(PromptSet((PointPrompt(120, 110),), BoxPrompt(55, 45, 185, 175)))
    spin_until(lambda: bool(answers))
    assert answers[0].token == token
    client.show_image(None)
    client.load(str(save_seeded("mobile_sam", tmp_path)), "cpu")
    spin_until(lambda: len(models) == 3)
    assert models[-1].title == "MobileSAM"
    assert client.stop()
