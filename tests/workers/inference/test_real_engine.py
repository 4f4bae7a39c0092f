"""The inference thread with the real engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from pytestqt.qtbot import QtBot
from shapely.geometry import Point

from samdesk.base.jobs import Pause, no_pause
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import Frame, RgbImage
from samdesk.domain.prompts import BoxPrompt, MaskCandidate, PointPrompt, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.models.load import load_predictor
from samdesk.engine.protocols import ModelInfo, Predictor
from samdesk.images.reader import read_image
from samdesk.workers.failure import Failure
from samdesk.workers.inference.client import InferenceClient, PredictedMask, Prediction
from tests.helpers.gated import Gate, spin_until
from tests.helpers.networks import save_seeded

KEY = ImageKey("disc.png")


def disc(folder: Path) -> Path:
    rows, columns = np.mgrid[:240, :320]
    image = np.full((240, 320, 3), (30, 60, 30), np.uint8)
    image[np.hypot(columns - 120, rows - 110) < 60] = (220, 180, 40)
    Image.fromarray(image).save(folder / KEY)
    return folder / KEY


def test_a_click_gives_a_mask_with_flint(qtbot: QtBot, tmp_path: Path) -> None:
    client = InferenceClient()
    models: list[ModelInfo] = []
    answers: list[Prediction] = []
    described: list[ModelInfo] = []
    found: list[tuple[str, list[PredictedMask]]] = []
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
    views: list[Frame | None] = []
    client.view_encoding.connect(views.append)
    client.view_ready.connect(views.append)
    client.set_view(Frame(20, 10, 200))  # Flint takes no views
    token = client.predict(PromptSet((PointPrompt(120, 110),), box))
    spin_until(lambda: answers[-1].token == token)
    assert views == []
    assert answers[-1].masks[0].region.equals(region)
    client.describe()
    spin_until(lambda: bool(described))
    assert described[0].gflops
    client.segment_everything()
    spin_until(lambda: bool(steps))
    client.cancel_everything()
    spin_until(lambda: bool(found))
    assert found == [(KEY, [])]
    assert client.stop()


def test_an_invalid_checkpoint_leaves_flint_and_mobile_sam_replaces_it(qtbot: QtBot, tmp_path: Path) -> None:
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


class Interrupted:
    """A real predictor that waits at a gate before each pause of an encode."""

    def __init__(self, inner: Predictor) -> None:
        self.inner, self.gate, self.encodes = inner, Gate(), 0
        self.info = inner.info
        self.predict, self.predict_boxes = inner.predict, inner.predict_boxes
        self.predict_points = inner.predict_points

    def encode(self, image: RgbImage, *, view: Frame | None = None, pause: Pause = no_pause) -> Embedding:
        def wait() -> None:
            self.gate.pass_through()
            pause()

        self.encodes += 1
        return self.inner.encode(image, view=view, pause=wait)


def noise(folder: Path, name: str, seed: int) -> Path:
    image = np.random.default_rng(seed).integers(0, 255, (180, 320, 3), np.uint8)
    Image.fromarray(image).resize((1280, 720)).save(folder / name)
    return folder / name


def best(answer: Prediction) -> MaskCandidate:
    return answer.masks[0].candidate


def test_mobile_sam_encodes_a_view_and_answers_between_its_layers(qtbot: QtBot, tmp_path: Path) -> None:
    sam = Interrupted(load_predictor(str(save_seeded("mobile_sam", tmp_path)), "cpu", "fp32"))
    client = InferenceClient(lambda *_: sam)
    answers: dict[int, Prediction] = {}
    seen: list[Frame | None] = []
    client.predicted.connect(lambda answer: answers.update({answer.token: answer}))
    client.view_ready.connect(seen.append)

    def ask(prompts: PromptSet) -> Prediction:
        token = client.predict(prompts)
        spin_until(lambda: token in answers)
        return answers[token]

    first, second = noise(tmp_path, "a.png", 1), noise(tmp_path, "b.png", 2)
    click, view = PromptSet((PointPrompt(700, 400),)), Frame(600, 300, 256)
    client.load("mobile_sam.pt")
    client.show_image(ImageKey("a.png"), first)
    whole = ask(click)
    assert best(whole).frame == Frame(0, 0, 1280)
    sam.gate.close()
    client.set_view(view)
    sam.gate.wait_for_arrival()
    between = client.predict(click)
    sam.gate.let_one_through()
    spin_until(lambda: between in answers)
    assert np.array_equal(best(answers[between]).logits, best(whole).logits)
    sam.gate.open()
    spin_until(lambda: seen == [view])
    closer = ask(click)
    assert best(closer).frame == view
    x0, y0, x1, y1 = closer.masks[0].region.bounds
    assert view.x0 <= x0 <= x1 <= view.x0 + view.side  # in image pixels
    assert view.y0 <= y0 <= y1 <= view.y0 + view.side
    alone = sam.inner.encode(read_image(first), view=view)  # as if nothing had come between its layers
    assert np.array_equal(best(closer).logits, sam.predict(alone, click)[0].logits)
    # An image ahead is interrupted by a click, then comes on screen and goes on.
    sam.gate.close()
    client.prefetch([(ImageKey("b.png"), second)])
    sam.gate.wait_for_arrival()
    between = client.predict(click)
    sam.gate.let_one_through()
    spin_until(lambda: between in answers)
    client.show_image(ImageKey("b.png"), second)
    sam.gate.open()
    there = ask(click)
    assert (there.key, sam.encodes) == ("b.png", 3)
    alone = sam.inner.encode(read_image(second))
    assert np.array_equal(best(there).logits, sam.predict(alone, click)[0].logits)
    assert client.stop()
