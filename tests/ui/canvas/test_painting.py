"""Painting of the canvas: the image to the pixel, regions and their states, cached layers."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QSize
from PySide6.QtGui import QColor, QImage, QPainter, QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.regions import from_box
from samdesk.domain.review import AnnotationReview
from samdesk.ui.canvas import style
from samdesk.ui.canvas.layers import shape_layer
from samdesk.ui.canvas.proposal import Proposal, ScoredRegion
from samdesk.ui.canvas.shapes import Shape, path_from_rings, region_path
from samdesk.ui.canvas.spotlight import paint_spotlight
from samdesk.ui.canvas.tools.select import SelectTool
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.canvas.viewport import Viewport
from tests.ui.canvas.conftest import BIG, LABELS, RIGHT, RING, SMALL, Stage, annotation, document, photo


def pixels(image: QImage) -> np.ndarray:
    """(h, w, 3) RGB."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.bits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


def noise(width: int, height: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


class TestPhoto:
    def test_one_image_pixel_is_one_device_pixel(self, stage: Stage) -> None:
        rgb = noise(400, 300)
        stage.canvas.set_image(ImageKey("n"), rgb)
        stage.canvas.actual_size()
        left, top = (int(stage.canvas.viewport.x), int(stage.canvas.viewport.y))
        shot = pixels(stage.screenshot())
        assert np.array_equal(shot[top : top + 300, left : left + 400], rgb)

    @pytest.mark.parametrize("zoom", [8.0, 3.7])
    def test_close_up_every_image_pixel_is_a_square_of_its_own_colour(
        self, stage: Stage, zoom: float
    ) -> None:
        rgb = noise(400, 300)
        stage.canvas.set_image(ImageKey("n"), rgb)
        stage.canvas.zoom_at(zoom / stage.canvas.zoom, stage.canvas.to_widget(200, 150))
        shot = pixels(stage.screenshot())
        for u, v in ((10, 20), (250, 200), (499, 399), (333, 77)):
            x, y = stage.canvas.to_image(QPointF(u + 0.5, v + 0.5))
            assert np.array_equal(shot[v, u], rgb[int(y), int(x)])

    def test_fine_detail_is_averaged_when_it_is_small(self, stage: Stage) -> None:
        board = np.zeros((1200, 1600, 3), np.uint8)
        board[::2, ::2] = board[1::2, 1::2] = 255
        stage.canvas.set_image(ImageKey("n"), board)
        x, y = (int(n) for n in stage.canvas.to_widget(800, 600).toTuple())
        shot = pixels(stage.screenshot())[y - 50 : y + 50, x - 50 : x + 50]
        assert abs(int(shot.min()) - 127) <= 3
        assert abs(int(shot.max()) - 127) <= 3

    @pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 3001), (1023, 5), (2049, 1537)])
    def test_odd_sizes_fill_their_place(self, stage: Stage, width: int, height: int) -> None:
        stage.canvas.set_image(ImageKey("n"), photo(width, height, grey=200))
        stage.canvas.fit()
        shot = pixels(stage.screenshot())
        for x, y in ((0.25, 0.25), (width - 0.25, height - 0.25), (width / 2, height / 2)):
            u, v = (int(n) for n in stage.canvas.to_widget(x, y).toTuple())
            assert 200 in shot[v - 1 : v + 2, u - 1 : u + 2]

    def test_an_image_is_shown_at_once_and_before_any_layer_is_painted(self, stage: Stage) -> None:
        stage.canvas.set_image(ImageKey("n"), photo(4000, 3000, grey=222))
        image = stage.canvas.grab().toImage()
        assert image.pixelColor(250, 200).red() == 222

    def test_at_double_density_actual_size_is_device_pixels(self) -> None:
        code = """
import numpy as np
from PySide6.QtWidgets import QApplication
from PySide6.QtGui import QImage
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.canvas.viewport import Viewport
app = QApplication([])
view = CanvasView(); view.resize(200, 160); view.show()
rgb = np.random.default_rng(0).integers(0, 256, (300, 380, 3), dtype=np.uint8)
view.set_image("n", rgb); view.actual_size(); view.settle()
image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
assert (image.width(), image.height()) == (400, 320), image.size()
rows = np.frombuffer(image.bits(), np.uint8).reshape(320, image.bytesPerLine())[:, :1200].reshape(320, 400, 3)
x, y = int(view.viewport.x), int(view.viewport.y)
assert np.array_equal(rows[y:y + 300, x:x + 380], rgb)
place = view.to_widget(190, 150)
assert (place.x(), place.y()) == ((x + 190) / 2, (y + 150) / 2)
"""
        env = dict(os.environ, QT_SCALE_FACTOR="2", QT_QPA_PLATFORM="offscreen")
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr


class TestRegions:
    def test_a_region_is_tinted_and_its_hole_is_not(self, stage: Stage) -> None:
        stage.show([RING])
        bare, filled, hole = stage.pixel(20, 20), stage.pixel(80, 80), stage.pixel(150, 150)
        assert hole == bare
        assert filled.red() > filled.blue() + 20  # the label is orange

    def test_opacity_and_visibility(self, stage: Stage) -> None:
        stage.show([BIG])
        bare, full = stage.pixel(20, 20), stage.pixel(80, 80)
        stage.canvas.set_opacity(0.05)
        faint = stage.pixel(80, 80)
        assert abs(faint.red() - bare.red()) < abs(full.red() - bare.red()) / 2
        stage.canvas.set_annotations_visible(False)
        assert stage.pixel(80, 80) == bare
        stage.canvas.set_annotations_visible(True)
        stage.canvas.set_hidden({"big"})
        assert stage.pixel(80, 80) == bare
        stage.canvas.set_hidden(())
        stage.canvas.set_edited(BIG.id)
        assert stage.pixel(80, 80) == bare
        stage.canvas.set_selection({BIG.id})
        assert not stage.canvas._scene.tags(), "its tag would name what the new mask is drawn on"
        stage.canvas.set_selection(())
        stage.canvas.set_edited(None)
        assert stage.pixel(80, 80) == faint

    def test_outlines_are_as_wide_as_set(self, stage: Stage) -> None:
        stage.show([BIG])
        stage.canvas.set_opacity(0.0)
        stage.canvas.actual_size()

        def width() -> int:
            bare = stage.pixel(20, 150)
            return sum(stage.pixel(40 + i, 150) != bare for i in range(20))

        before = width()
        stage.canvas.set_outline_width(6.0)
        assert width() >= before + 3

    def test_every_annotation_can_wear_its_tag(self, stage: Stage) -> None:
        stage.show([BIG])
        bare = stage.screenshot()
        stage.canvas.set_all_tags(True)
        assert stage.screenshot() != bare
        stage.canvas.set_all_tags(False)
        assert stage.screenshot() == bare

    @pytest.mark.parametrize("grey", [0, 70, 128, 190, 255])
    @pytest.mark.parametrize("color", [label.color for label in LABELS] + ["#0072b2", "#f0e442", "#b8b8b8"])
    def test_outlines_show_on_any_image(self, stage: Stage, grey: int, color: str) -> None:
        stage.canvas.set_image(ImageKey("g"), photo(grey=grey))
        stage.canvas.actual_size()
        labels = LABELS.recolor(BIG.label_id, color)
        stage.canvas.set_document(document([BIG]), labels)
        stage.canvas.set_opacity(0.0)
        across = [stage.pixel(46 + i, 150).lightness() for i in range(9)]
        colors = [stage.pixel(46 + i, 150) for i in range(9)]
        # Some pixel of the line is far from the photo, in lightness or in colour.
        far = max(max(abs(c.red() - grey), abs(c.green() - grey), abs(c.blue() - grey)) for c in colors)
        assert far >= 90, across

    def test_states_differ_in_form_alone(self, qtbot: QtBot) -> None:
        """Without colour, along and across a straight edge, no two states look alike."""
        seen = {mark: _edge_of(mark) for mark in style.Mark}
        for a in style.Mark:
            for b in style.Mark:
                if a is not b:
                    differing = np.mean(np.abs(seen[a] - seen[b]) > 40)
                    assert differing > 0.04, (a, b, differing)

    def test_pending_and_accepted_differ(self, stage: Stage) -> None:
        stage.show([RIGHT, replace(RIGHT, id="p", region=BIG.region, review=AnnotationReview.PENDING)])  # type: ignore[arg-type]
        solid = {stage.pixel(300, y).name() for y in range(110, 150)}
        broken = {stage.pixel(50, y).name() for y in range(110, 150)}
        assert len(solid) == 1
        assert len(broken) > 1

    def test_a_selected_annotation_has_a_name_and_handles(self, stage: Stage) -> None:
        stage.show([BIG, RIGHT])
        stage.canvas.set_tool(SelectTool(stage.canvas))
        before = pixels(stage.screenshot())
        stage.canvas.set_selection({RIGHT.id})
        after = pixels(stage.screenshot())
        place = stage.canvas.to_widget(300, 100).toPoint()
        above = np.s_[place.y() - 22 : place.y() - 8, place.x() : place.x() + 30]
        assert not np.array_equal(before[above], after[above])
        assert stage.pixel(300, 100).lightness() > 240  # a white handle
        assert stage.pixel(360, 160).lightness() > 240

    def test_too_many_vertices_show_no_handles_until_zoomed(self, stage: Stage) -> None:
        t = np.linspace(0, 2 * np.pi, 500, endpoint=False)
        from samdesk.domain.geometry.regions import from_ring

        ring = np.c_[200 + 80 * np.cos(t), 150 + 80 * np.sin(t)]
        stage.show([replace(BIG, region=from_ring(ring))])
        stage.canvas.set_tool(SelectTool(stage.canvas))
        stage.canvas.set_selection({BIG.id})
        x, y = ring[0]
        assert stage.pixel(x, y).lightness() < 240
        stage.canvas.zoom_at(14, stage.canvas.to_widget(x, y))
        assert stage.pixel(x, y).lightness() > 240

    def test_an_annotation_of_no_label_is_shown(self, stage: Stage) -> None:
        stage.canvas.set_document(document([replace(BIG, label_id="gone")]), LABELS)  # type: ignore[arg-type]
        stage.canvas.set_selection({BIG.id})
        assert stage.pixel(80, 80) != stage.pixel(20, 20)


def _edge_of(mark: style.Mark) -> np.ndarray:
    image = QImage(QSize(120, 60), QImage.Format.Format_RGB32)
    image.fill(QColor(128, 128, 128))
    painter = QPainter(image)
    painter.translate(-60, -20)
    style.paint_region(painter, region_path(RING.region), QColor(200, 200, 200), mark, opacity=0.0)
    painter.end()
    return pixels(image)[20:42, 5:115, 0].astype(float)


class TestLayers:
    def test_any_way_to_a_view_ends_in_the_same_picture(self, qtbot: QtBot, stage: Stage) -> None:
        """Pans, zooms, edits and their mixtures leave nothing of what was painted before."""
        rng = np.random.default_rng(1)
        rgb = noise(400, 300) // 2 + 64
        canvas = stage.canvas
        canvas.set_image(ImageKey("n"), rgb)
        annotations = [BIG, SMALL, RIGHT, annotation("x", (10, 200, 120, 290), 1)]
        for step in range(40):
            kind = rng.integers(0, 6)
            if kind <= 1:
                canvas.pan_by(*rng.integers(-60, 60, 2))
            elif kind == 2:
                canvas.zoom_at(float(rng.uniform(0.6, 1.7)), QPointF(*rng.uniform(0, 400, 2)))
            elif kind == 3:
                x, y = rng.uniform(0, 300, 2)
                annotations[int(rng.integers(4))] = annotation(f"n{step}", (x, y, x + 60, y + 40), step % 3)
                canvas.set_document(document(annotations), LABELS)
            elif kind == 4:
                canvas.set_selection({annotations[int(rng.integers(4))].id})
            else:
                rng.shuffle(annotations)  # type: ignore[arg-type]
                canvas.set_document(document(annotations), LABELS)
            canvas._scene.set_viewport(canvas.viewport, canvas.device_size(), 1.0)
            canvas._scene.step(0.0005)  # stopped in the middle of its work
        shot = pixels(stage.screenshot())

        fresh = CanvasView()
        qtbot.addWidget(fresh)
        fresh.resize(canvas.size())
        fresh.set_image(ImageKey("n"), rgb)
        fresh.set_document(document(annotations), LABELS)
        fresh.set_selection(canvas.selection)
        fresh._set_view(canvas.viewport)
        fresh.settle()
        expected = pixels(fresh.grab().toImage())
        difference = np.abs(shot.astype(int) - expected.astype(int)).max(axis=2)
        assert np.mean(difference > 8) < 0.0005

    def test_a_frame_of_a_gesture_paints_only_what_moves(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rng = np.random.default_rng(2)
        many = [
            annotation(f"a{i}", (x, y, x + 30, y + 20), i % 3)
            for i, (x, y) in enumerate(rng.uniform(0, 270, (60, 2)))
        ]
        stage.show(many)
        painted: list[object] = []
        real = style.paint_region

        def counting(*args: object, **more: object) -> None:
            painted.append(args)
            real(*args, **more)  # type: ignore[arg-type]

        from samdesk.ui.canvas import display, scene

        for module in (shape_layer, scene, display):
            monkeypatch.setattr(module, "paint_region", counting)
        stage.canvas.repaint()
        assert painted == []
        stage.canvas.set_proposal(Proposal((ScoredRegion(BIG.region, 0.9),), hover=True))
        stage.canvas.repaint()
        assert len(painted) == 1
        stage.canvas.set_proposal(None)
        painted.clear()
        stage.canvas.set_document(document([*many, SMALL]), LABELS)
        stage.canvas.settle()
        assert 1 <= len(painted) <= 25  # the new one and those it lies on
        painted.clear()
        stage.canvas.pan_by(5, 0)
        stage.canvas.settle()
        assert len(painted) < 20  # only the strip that came into sight

    def test_regions_far_larger_than_the_screen_are_painted(self, stage: Stage) -> None:
        stage.show([BIG])
        stage.canvas.zoom_at(64, stage.canvas.to_widget(50, 150))
        assert stage.canvas.zoom == 64
        inside, outside = stage.pixel(51, 150), stage.pixel(49, 150)
        assert inside.red() > outside.red()

    def test_painting_keeps_the_count_of_none(self, stage: Stage) -> None:
        """A broken PySide6 drops a reference to None in painter setters and dies after some thousands."""
        stage.show([BIG, SMALL, RIGHT])
        stage.canvas.set_tool(SelectTool(stage.canvas))
        stage.canvas.set_selection({RIGHT.id})
        stage.canvas.set_busy(True)
        stage.canvas.settle()
        stage.canvas.repaint()
        before = sys.getrefcount(None)
        for _ in range(150):  # over 30 painter setters each
            stage.canvas.repaint()
        lost = before - sys.getrefcount(None)
        assert lost < 100


class TestWords:
    def test_a_problem_is_shown_as_text(self, stage: Stage) -> None:
        stage.canvas.set_image(ImageKey("x"), None, "")
        empty = pixels(stage.screenshot())
        stage.canvas.set_image(ImageKey("x"), None, "x.jpg cannot be shown\nThe file ends early.")
        said = pixels(stage.screenshot())
        assert (empty != said).sum() > 300
        assert "ends early" in stage.canvas.accessibleDescription()

    def test_the_progress_line(self, stage: Stage) -> None:
        stage.canvas.set_busy(0.5)
        shot = pixels(stage.screenshot())
        assert not np.array_equal(shot[1, 100], shot[1, 400])
        assert np.array_equal(shot[8, 100], shot[8, 400])
        stage.canvas.set_busy(False)
        assert np.array_equal(*pixels(stage.screenshot())[1, [100, 400]])

    def test_the_surround_follows_the_theme(self, stage: Stage) -> None:
        bright = pixels(stage.screenshot())[5, 5].mean()
        dark = stage.canvas.palette()
        dark.setColor(QPalette.ColorRole.Window, QColor("#202326"))
        stage.canvas.setPalette(dark)
        assert pixels(stage.screenshot())[5, 5].mean() < 40 < bright


@pytest.mark.parametrize("mark", [style.Mark.RESTING, style.Mark.HOVERED, style.Mark.SELECTED])
@pytest.mark.parametrize("unit", [1.0, 2.0])
def test_an_outline_of_thousands_of_vertices_is_painted_like_one_of_few(
    qapp: QApplication, mark: style.Mark, unit: float
) -> None:
    def painted(count: int) -> np.ndarray:
        image = QImage(240, 200, QImage.Format.Format_RGB32)
        image.fill(QColor("#707880"))
        angles = np.linspace(0, 2 * np.pi, count)
        rings = [
            np.column_stack([120 + radius * np.cos(angles), 100 + radius * np.sin(angles)])
            for radius in (85, 40)
        ]
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        style.paint_region(painter, path_from_rings(rings), QColor("#e69f00"), mark, unit=unit)
        painter.end()
        return pixels(image).astype(int)

    few, many = painted(400), painted(4000)
    assert np.abs(few - many).mean() < 8
    for x in (120, 125 + 60, 5):  # in the hole, inside, outside
        assert np.abs(few[100, x] - many[100, x]).max() <= 2
    assert not np.array_equal(few, many), "it took the other way"


def test_the_spotlight_dims_all_that_is_beside_the_image_alike() -> None:
    image = QImage(300, 200, QImage.Format.Format_RGB32)
    image.fill(QColor("white"))
    painter = QPainter(image)
    lit = Shape("lit", from_box(0, 40, 60, 100), QColor("white"))
    paint_spotlight(painter, lit, Viewport(1.0, 100.0, 20.0), image.size(), (150, 150))
    painter.end()
    grey = pixels(image)[..., 0]
    assert grey[90, 130] == 255, "the annotation"
    assert 255 > grey[90, 170] > grey[90, 240], "its surroundings, the rest of the image"
    assert len(np.unique(grey[:, :100])) == 1, "left of the image"
    assert grey[90, 50] == grey[90, 240]
