"""Annotating ahead in the real window: which images, what the user sees, and what ends it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from samdesk.app import Services
from samdesk.dataset import queries
from samdesk.domain.document import ImageKey
from samdesk.domain.review import AnnotationReview
from samdesk.engine.protocols import EngineError
from samdesk.settings.table import AUTO_DET_MODEL
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import CONTROL, lines, photos
from tests.helpers.finding import ColourModels, InnerPredictor
from tests.helpers.gated import Gate

K = Qt.Key


class Ahead:
    """A user with a folder of seven images and models whose detector waits at a gate."""

    def __init__(self, open_window: OpenWindow, folder: Path) -> None:
        self.gate = Gate()
        self.models = ColourModels(before=lambda _call: self.gate.pass_through())
        self.predictor = InnerPredictor()
        self.errors: list[EngineError] = []
        loaders = replace(self.models.loaders, predictor=self._load_predictor)
        self.user = open_window(Services(loaders=loaders))
        self.user.desk.settings.set(AUTO_DET_MODEL, "colour.pt")
        self.folder = folder
        self.user.open(photos(folder, 7))
        self.ahead = self.user.desk.flows.ahead
        self.client = self.user.desk.workers.ahead
        self.ahead._start_timer.setInterval(10)
        self.client._again.setInterval(10)

    def _load_predictor(self, _name: str, _device: str, _precision: str) -> InnerPredictor:
        if self.errors:
            raise self.errors.pop(0)
        return self.predictor

    def turn(self, *, on: bool) -> None:
        assert self.user.is_enabled("run.ahead")
        assert self.ahead.wanted is not on
        self.user.desk.view.actions.trigger("run.ahead")
        assert self.ahead.wanted is on

    @property
    def status(self) -> str:
        field = self.user.window.status.ahead_field
        return field.text() if field.isVisible() else ""

    def says(self, text: str) -> None:
        self.user.until(lambda: self.status == text)

    def counts(self) -> list[int]:
        """How many annotations each image has in the store."""
        answers: list[list[int]] = []
        self.user.desk.workers.storage.ask(
            lambda dataset: [len(dataset.load(key).annotations) for key in dataset.keys], answers.append
        )
        self.user.until(lambda: bool(answers))
        return answers[0]

    @property
    def steps(self) -> tuple[str, ...]:
        return self.user.desk.session.history.texts


@pytest.fixture
def seven(open_window: OpenWindow, tmp_path: Path) -> Iterator[Ahead]:
    made = Ahead(open_window, tmp_path / "seven")
    yield made
    made.gate.open()


def test_the_next_images_have_proposals_when_the_user_arrives_and_one_undo_takes_all_back(
    seven: Ahead,
) -> None:
    user = seven.user
    assert seven.status == ""
    user.go("2.png")
    drawn = user.draw(160, 30)
    user.go("0.png")
    seven.errors += [EngineError("The weights of gated.pt are not on this machine.")] * 5
    seven.turn(on=True)
    seven.says("Annotating ahead has stopped")
    assert user.message_text.count("The weights of gated.pt are not on this machine.") == 1
    seven.ahead.refresh_soon()
    user.until(lambda: not seven.ahead._start_timer.isActive())
    assert len(seven.errors) == 4, "it does not try again by itself"
    seven.errors.clear()
    user.press("Try again")
    seven.says("3 images ahead are annotated")
    user.until(lambda: not seven.client.busy)
    assert seven.counts() == [0, 2, 1, 2, 2, 0, 0], "not the image on screen, nor what the user has made"
    loaded = len(seven.models.detectors)
    user.key(K.Key_D)
    user.until(lambda: user.shown == "1.png")
    assert [a.review for a in user.annotations] == [AnnotationReview.PENDING] * 2, "they are there"
    user.until(lambda: seven.counts()[5] == 2 and not seven.client.busy)
    user.go("2.png")
    assert user.annotations == (drawn,)
    seven.says("3 images ahead are annotated")
    assert len(seven.models.detectors) == loaded, "the models are kept"
    assert seven.counts() == [0, 2, 1, 2, 2, 2, 0]
    assert "Annotate ahead" not in seven.steps, "the run goes on"
    seven.turn(on=False)
    assert seven.status == ""
    user.until(lambda: seven.steps[-1] == "Annotate ahead")
    assert "4 images were annotated ahead. Undo takes that back." in user.message_text
    assert len(lines(seven.folder / "5.png").lines) == 2
    for _ in range(2):  # a run is named before it is undone
        user.key(K.Key_Z, CONTROL)
    user.until(lambda: seven.counts() == [0, 0, 1, 0, 0, 0, 0])


def test_it_follows_the_direction_and_the_search(seven: Ahead) -> None:
    user = seven.user
    user.go("6.png")
    user.key(K.Key_A)
    user.until(lambda: user.shown == "5.png")
    seven.turn(on=True)
    seven.says("3 images ahead are annotated")
    assert seven.counts() == [0, 0, 2, 2, 2, 0, 0], "backwards"
    user.desk.flows.search.search_for("name:0.png,6.png")
    user.until(lambda: seven.counts() == [2, 0, 2, 2, 2, 0, 0])
    seven.turn(on=False)
    user.until(lambda: "Annotate ahead" in seven.steps)
    runs: list[tuple[str, str, int]] = []
    user.desk.workers.storage.ask(
        lambda dataset: [(r.text, r.state, r.counts.done) for r in queries.runs(dataset)], runs.extend
    )
    user.until(lambda: bool(runs))
    assert runs == [("Annotate ahead", "done", 4)], "one run in the journal"


def test_proposals_wait_while_the_user_draws_on_their_image(seven: Ahead) -> None:
    user = seven.user
    seven.gate.close()
    seven.turn(on=True)
    user.until(seven.gate.has_arrival)
    user.go("1.png")
    user.click(160, 120)
    mask, view = user.desk.flows.annotate.proposal, user.canvas.viewport
    seven.gate.let_one_through()
    seven.says("Proposals are ready")
    assert user.annotations == ()
    assert user.desk.flows.annotate.proposal is mask, "the mask that is being made stays"
    user.key(K.Key_Escape)
    user.until(lambda: len(user.annotations) == 2)
    assert user.canvas.viewport == view
    user.until(seven.gate.has_arrival)
    user.go("2.png")
    user.click(160, 120)
    seven.gate.let_one_through()
    seven.says("Proposals are ready")
    user.key(K.Key_Return)
    user.until(lambda: len(user.annotations) == 1)
    user.until(seven.gate.has_arrival)
    assert len(user.annotations) == 1, "an image that the user has drawn on is left alone"


def test_turning_it_off_another_run_and_another_folder_end_it_at_once(seven: Ahead, tmp_path: Path) -> None:
    user = seven.user
    seven.gate.close()
    seven.turn(on=True)
    user.until(seven.gate.has_arrival)
    seven.turn(on=False)
    seven.gate.let_one_through()
    user.until(lambda: not seven.client.busy)
    assert seven.counts() == [0] * 7, "what was at work is dropped"
    seven.turn(on=True)
    user.until(seven.gate.has_arrival)
    user.desk.flows.batch.start(replace(user.desk.flows.batch.default_plan(), keys=(ImageKey("6.png"),)))
    seven.gate.open()
    user.until(lambda: not user.desk.flows.batch.running)
    user.until(lambda: seven.counts() == [0, 2, 2, 2, 0, 0, 2])
    user.open(photos(tmp_path / "other", 2))
    user.until(lambda: seven.counts() == [0, 2])
    user.open(seven.folder)
    assert seven.steps[-1] == "Annotate ahead", "the run was ended in its dataset"
    user.until(lambda: seven.counts() == [0, 2, 2, 2, 0, 0, 2])
