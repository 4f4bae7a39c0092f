"""Zoom, pan, hit testing, drops and proposals, and the viewport's arithmetic."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication

from samdesk.domain.document import ImageKey
from samdesk.ui.canvas.proposal import Proposal, ScoredRegion
from samdesk.ui.canvas.tools.sam import SamTool
from samdesk.ui.canvas.viewport import MAX_SCALE, Viewport, fit, kept_visible, limited_scale
from tests.ui.canvas.conftest import BIG, SMALL, Stage, photo
from tests.ui.canvas.test_tools import recorded

places = st.floats(-1e4, 1e4)
scales = st.floats(0.01, 64)


class TestViewport:
    @given(scales, places, places, places, places)
    def test_there_and_back(self, scale: float, x: float, y: float, u: float, v: float) -> None:
        view = Viewport(scale, x, y)
        assert view.to_device(*view.to_image(u, v)) == pytest.approx((u, v), abs=1e-6)

    @given(scales, scales, places, places)
    def test_what_is_under_the_cursor_stays_there(
        self, before: float, after: float, u: float, v: float
    ) -> None:
        view = Viewport(before, 17.0, -3.0)
        assert view.zoomed(after, u, v).to_image(u, v) == pytest.approx(
            view.to_image(u, v), rel=1e-6, abs=1e-6
        )

    def test_fit_is_whole_and_centred(self) -> None:
        view = fit((400, 300), (1000, 500), margin=10)
        assert view.to_device(0, 0)[1] == pytest.approx(10)
        assert view.to_device(400, 300)[1] == pytest.approx(490)
        assert sum(view.to_device(200, 150)) == pytest.approx(750)

    def test_the_image_cannot_be_lost(self) -> None:
        size, canvas = (400, 300), (1000, 500)
        for x, y in ((5000, 0), (-5000, 0), (0, 5000), (0, -5000)):
            view = kept_visible(Viewport(1.0, x, y), size, canvas)
            left, top = view.to_device(0, 0)
            right, bottom = view.to_device(*size)
            assert left <= 500 <= right
            assert top <= 250 <= bottom
        assert limited_scale(1e9, size, canvas) == MAX_SCALE
        assert limited_scale(1e-9, size, canvas) > 0.1


class TestNavigation:
    def test_the_wheel_zooms_at_the_cursor(self, stage: Stage) -> None:
        said = recorded(stage.canvas.view_changed)
        place = stage.canvas.to_widget(100, 80)
        stage.mouse.wheel(100, 80, 2)
        assert stage.canvas.zoom == pytest.approx(1.2**2)
        after = stage.canvas.to_widget(100, 80)
        assert (after.x(), after.y()) == pytest.approx((place.x(), place.y()))
        assert said == [stage.canvas.zoom]
        stage.mouse.wheel(100, 80, -2, Qt.KeyboardModifier.ControlModifier)
        assert stage.canvas.zoom == pytest.approx(1.0)

    def test_the_middle_button_pans_and_leaves_the_tool_alone(self, stage: Stage) -> None:
        tool = SamTool(stage.canvas)
        stage.canvas.set_tool(tool)
        start = stage.canvas.to_widget(0, 0)
        stage.mouse.press(100, 100, Qt.MouseButton.MiddleButton)
        stage.mouse.move(130, 90)
        stage.mouse.release(100, 100, Qt.MouseButton.MiddleButton)
        moved = stage.canvas.to_widget(0, 0) - start
        assert (moved.x(), moved.y()) == (30, -10)
        assert not tool.prompts

    def test_a_fitted_image_stays_fitted_a_zoomed_one_stays_in_the_middle(self, stage: Stage) -> None:
        stage.canvas.fit()
        stage.canvas.resize(300, 260)
        assert stage.canvas.to_widget(0, 0).x() == pytest.approx(12)
        stage.canvas.actual_size()
        middle = stage.canvas.to_image(QPointF(150, 130))
        stage.canvas.resize(500, 400)
        assert stage.canvas.to_image(QPointF(250, 200)) == pytest.approx(middle, abs=1)

    def test_the_view_stays_for_the_same_image_and_fits_another(self, stage: Stage) -> None:
        stage.canvas.zoom_in()
        before = stage.canvas.viewport
        stage.canvas.set_image(ImageKey("a.jpg"), photo(grey=90))
        assert stage.canvas.viewport == before
        stage.canvas.set_image(ImageKey("b.jpg"), photo(grey=90))
        assert stage.canvas.viewport != before

    def test_cursor_coordinates(self, stage: Stage) -> None:
        said = recorded(stage.canvas.cursor_moved)
        stage.mouse.move(12.5, 34.25)
        stage.mouse.move(-5, 10)
        assert said == [(12.5, 34.25), None]

    def test_nothing_breaks_without_an_image(self, stage: Stage) -> None:
        tool = SamTool(stage.canvas)
        stage.canvas.set_tool(tool)
        stage.canvas.set_image(None, None, "Nothing here")
        stage.mouse.drag((10, 10), (100, 100))
        stage.mouse.wheel(10, 10, 3)
        stage.canvas.fit()
        stage.canvas.zoom_in()
        stage.canvas.actual_size()
        stage.screenshot()
        assert not tool.prompts


class TestBesides:
    def test_a_click_on_one_of_many_proposals(self, stage: Stage) -> None:
        tool = SamTool(stage.canvas)
        stage.canvas.set_tool(tool)
        clicked = recorded(stage.canvas.proposal_clicked)
        big, small = ScoredRegion(BIG.region, 0.8), ScoredRegion(SMALL.region, 0.9)
        stage.canvas.set_proposals([Proposal((big,)), Proposal((small,))])
        stage.mouse.click(125, 125)
        stage.mouse.click(70, 70)
        assert clicked == [1, 0]
        assert not tool.prompts
        stage.mouse.click(20, 20)
        assert len(tool.prompts.points) == 1

    def test_files_are_dropped(self, stage: Stage, tmp_path: Path) -> None:
        said = recorded(stage.canvas.files_dropped)
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(tmp_path)), QUrl("https://example.org/a.jpg")])
        how = Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        enter = QDragEnterEvent(QPoint(5, 5), *how)
        QApplication.sendEvent(stage.canvas, enter)
        assert enter.isAccepted()
        QApplication.sendEvent(stage.canvas, QDropEvent(QPointF(5, 5), *how))
        assert said == [[tmp_path]]

    def test_selection_of_what_is_gone_is_gone(self, stage: Stage) -> None:
        stage.show([BIG, SMALL])
        stage.canvas.set_selection({BIG.id, SMALL.id})
        stage.show([SMALL])
        assert stage.canvas.selection == {SMALL.id}
