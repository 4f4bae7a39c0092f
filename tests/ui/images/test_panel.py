"""The image panel: filmstrip, filter, states, thumbnails, with real events."""

from __future__ import annotations

from time import perf_counter

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from samdesk.dataset.types import ImageSummary
from samdesk.domain.document import ImageKey
from samdesk.domain.review import ImageReview
from samdesk.ui.images.model import THUMBNAILS_KEPT, ImageRole, ImageState, RunMark
from samdesk.ui.images.panel import ImagesPanel
from samdesk.ui.images.rows import numbers_of

UNREVIEWED, ACCEPTED = ImageReview.UNREVIEWED, ImageReview.ACCEPTED


def visible_keys(panel: ImagesPanel) -> list[ImageKey]:
    """The images whose cells are visible."""
    model = panel.view.model()
    return [model.index(row, 0).data(ImageRole.KEY) for row in panel.view.visible_rows()]


def keys(count: int) -> list[ImageKey]:
    return [ImageKey(f"images/{i:06d}.jpg") for i in range(count)]


def photo(color: str = "#ff0000") -> QImage:
    image = QImage(96, 64, QImage.Format.Format_RGB32)
    image.fill(QColor(color))
    return image


@pytest.fixture
def panel(qtbot: QtBot) -> ImagesPanel:
    panel = ImagesPanel()
    qtbot.addWidget(panel)
    panel.resize(900, 160)
    panel.set_images(keys(50))
    with qtbot.waitExposed(panel):
        panel.show()
    return panel


def center(panel: ImagesPanel, row: int) -> QPoint:
    return panel.view.visualRect(panel.view.model().index(row, 0)).center()


def shown(panel: ImagesPanel) -> list[str]:
    model = panel.view.model()
    return [model.index(i, 0).data() for i in range(model.rowCount())]


def test_a_click_chooses_an_image(panel: ImagesPanel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(panel.image_chosen) as told:
        qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=center(panel, 2))
    assert told.args == ["images/000002.jpg"]


def test_ctrl_and_shift_select_several_images_while_one_stays_open(panel: ImagesPanel, qtbot: QtBot) -> None:
    k, left, port = keys(50), Qt.MouseButton.LeftButton, panel.view.viewport()
    panel.set_current(k[1])
    with qtbot.assertNotEmitted(panel.image_chosen):
        qtbot.mouseClick(port, left, Qt.KeyboardModifier.ControlModifier, center(panel, 3))
        assert panel.selected == (k[1], k[3])
        assert panel.progress.text() == "2 selected  ·  0 / 50 accepted"
        qtbot.mouseClick(port, left, Qt.KeyboardModifier.ControlModifier, center(panel, 1))
        assert panel.selected == (k[1], k[3]), "the image on screen stays selected"
        qtbot.mouseClick(port, left, Qt.KeyboardModifier.ShiftModifier, center(panel, 4))
        assert panel.selected == tuple(k[1:5])
    assert panel.current == k[1]
    with qtbot.waitSignal(panel.image_chosen) as told:
        qtbot.mouseClick(port, left, pos=center(panel, 2))
    assert told.args == [k[2]]
    assert panel.selected == (k[2],)


def test_what_was_found_is_in_the_order_of_the_dataset(panel: ImagesPanel) -> None:
    k = keys(50)
    assert panel.found is None
    panel.set_current(k[1])
    panel.set_found(numbers_of((k[7], k[3]), panel.numbering))
    assert panel.found == (k[3], k[7]), "the image on screen is listed, but was not found"


def test_what_a_run_has_made_of_images_is_marked(panel: ImagesPanel) -> None:
    k = keys(50)
    index = panel.view.model().index(2, 0)
    plain = panel.view.viewport().grab(panel.view.visualRect(index)).toImage()
    seen = [plain]
    for mark in RunMark:
        panel.mark_in_run(k[2], mark)
        assert mark.value in index.data(Qt.ItemDataRole.ToolTipRole)
        seen.append(panel.view.viewport().grab(panel.view.visualRect(index)).toImage())
    assert all(a != b for i, a in enumerate(seen) for b in seen[:i])
    panel.mark_in_run(ImageKey("gone.jpg"), RunMark.DONE)
    panel.clear_run_marks()
    assert panel.view.viewport().grab(panel.view.visualRect(index)).toImage() == plain


def test_arrow_keys_walk_along(panel: ImagesPanel, qtbot: QtBot) -> None:
    panel.set_current(keys(50)[4])
    with qtbot.waitSignal(panel.image_chosen) as told:
        qtbot.keyClick(panel.view, Qt.Key.Key_Right)
    assert told.args == ["images/000005.jpg"]
    with qtbot.waitSignal(panel.image_chosen) as told:
        qtbot.keyClick(panel.view, Qt.Key.Key_End)
    assert told.args == ["images/000049.jpg"]
    assert keys(50)[49] in visible_keys(panel)


def test_the_current_image_is_scrolled_into_view_and_not_echoed(panel: ImagesPanel, qtbot: QtBot) -> None:
    key = keys(50)[40]
    assert key not in visible_keys(panel)
    with qtbot.assertNotEmitted(panel.image_chosen):
        panel.set_current(key)
    assert key in visible_keys(panel)
    assert panel.view.viewport().rect().contains(panel.view.visualRect(panel.view.currentIndex()))
    picture = panel.view.viewport().grab().toImage()
    rect = panel.view.visualRect(panel.view.currentIndex())
    frame = QPoint(rect.center().x(), rect.top() + 3)
    assert picture.pixelColor(frame) == panel.palette().highlight().color()


def test_a_new_folder_opens_where_the_user_left_off(panel: ImagesPanel) -> None:
    panel.set_images(keys(4000))
    panel.set_current(keys(4000)[3210])
    assert keys(4000)[3210] in visible_keys(panel)


def test_the_current_image_stays_in_the_middle_of_the_strip(panel: ImagesPanel) -> None:
    port = panel.view.viewport().rect()
    cell = panel.view.cell.width()
    count = panel.view.model().rowCount()
    for row in (count // 2, count // 2 + 1, count // 2 - 3):
        panel.set_current(panel._model.key(row))
        assert abs(center(panel, row).x() - port.center().x()) <= 1
    panel.set_current(panel._model.key(0))
    assert center(panel, 0).x() <= cell, "the ends stay at the ends"


def test_the_wheel_scrolls_the_strip_sideways(panel: ImagesPanel) -> None:
    position = QPointF(panel.view.viewport().rect().center())
    wheel = QWheelEvent(
        position,
        position,
        QPoint(),
        QPoint(0, -240),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(panel.view.viewport(), wheel)
    assert panel.view.horizontalScrollBar().value() == 240


def find(panel: ImagesPanel, *rows: int) -> None:
    """Lists images as a search does that found these, in this order."""
    panel.set_found(numbers_of([keys(50)[row] for row in rows], panel.numbering))


def test_next_and_previous_follow_the_search(panel: ImagesPanel) -> None:
    all_keys = keys(50)
    panel.set_current(all_keys[7])
    assert (panel.next_key(), panel.previous_key()) == (all_keys[8], all_keys[6])
    find(panel, 3, 7, 12)
    assert shown(panel) == ["000003.jpg", "000007.jpg", "000012.jpg"]
    assert (panel.next_key(), panel.previous_key()) == (all_keys[12], all_keys[3])
    assert panel.neighbours() == [all_keys[12], all_keys[3]]
    panel.set_current(all_keys[5])  # not among them: still between its neighbours
    assert (panel.next_key(), panel.previous_key()) == (all_keys[7], all_keys[3])
    panel.set_current(all_keys[12])
    assert panel.next_key() is None


def test_the_current_image_stays_until_one_leaves_it(panel: ImagesPanel) -> None:
    all_keys = keys(50)
    panel.set_current(all_keys[1])
    find(panel, 2, 5)
    assert "000001.jpg" in shown(panel), "it does not vanish under the hand"
    index = panel.view.model().index(shown(panel).index("000001.jpg"), 0)
    assert "does not match the search" in index.data(Qt.ItemDataRole.ToolTipRole)
    assert not panel.current_matches
    assert panel.next_key() == all_keys[2]
    panel.set_current(all_keys[2])
    assert "000001.jpg" not in shown(panel)


def test_images_are_listed_in_the_order_found(panel: ImagesPanel) -> None:
    all_keys = keys(50)
    panel.set_current(all_keys[7])
    find(panel, 12, 7, 3)
    assert shown(panel) == ["000012.jpg", "000007.jpg", "000003.jpg"]
    assert (panel.next_key(), panel.previous_key()) == (all_keys[3], all_keys[12])
    find(panel, 12, 3)
    assert shown(panel) == ["000012.jpg", "000007.jpg", "000003.jpg"], "the open one stays where it was"
    assert (panel.next_key(), panel.previous_key()) == (all_keys[3], all_keys[12])
    panel.update_images([ImageKey("images/000000a.jpg"), *all_keys])
    assert shown(panel) == ["000012.jpg", "000007.jpg", "000003.jpg"], "a rescan keeps what was found"
    find(panel)
    assert shown(panel) == ["000007.jpg"]
    panel.set_found(None)
    assert len(shown(panel)) == 51


def test_progress_counts_done_images_once(panel: ImagesPanel) -> None:
    panel.set_images(keys(4310))
    assert panel.progress.text() == "0 / 4,310 accepted"
    panel.set_summaries(ImageSummary(key, review=ACCEPTED) for key in keys(128))
    panel.set_summaries(ImageSummary(key, review=ACCEPTED, count=2) for key in keys(10))
    assert panel.progress.text() == "128 / 4,310 accepted"
    panel.set_summaries([ImageSummary(keys(1)[0], review=UNREVIEWED)])
    assert panel.progress.text() == "127 / 4,310 accepted"
    panel.set_summaries([ImageSummary(ImageKey("not/here.jpg"), review=ACCEPTED)])
    assert panel.progress.text() == "127 / 4,310 accepted"


def test_every_state_has_its_mark(panel: ImagesPanel) -> None:
    k = keys(7)
    panel.set_summaries(
        [
            ImageSummary(k[0]),
            ImageSummary(k[1], count=2, review=ImageReview.EDITED),
            ImageSummary(k[2], count=2, pending=1),
            ImageSummary(k[3], count=2, review=ACCEPTED),
            ImageSummary(k[4], problem="The file is truncated."),
            ImageSummary(k[5], review=ImageReview.FLAGGED),
            ImageSummary(k[6], count=2, pending=1, flagged=1),
        ]
    )
    model = panel.view.model()
    states = [model.index(i, 0).data(Qt.ItemDataRole.UserRole + 2) for i in range(7)]
    assert states == [
        ImageState.NEW,
        ImageState.STARTED,
        ImageState.PENDING,
        ImageState.ACCEPTED,
        ImageState.PROBLEM,
        ImageState.FLAGGED,
        ImageState.FLAGGED,
    ]
    picture = panel.view.viewport().grab().toImage()
    marks = []
    for row in range(6):
        rect = panel.view.visualRect(model.index(row, 0))
        marks.append(picture.copy(rect.left() + 7, rect.bottom() - 20, 14, 16))
    assert all(a != b for i, a in enumerate(marks) for b in marks[:i]), "no two marks look alike"
    assert "1 to review" in model.index(2, 0).data(Qt.ItemDataRole.ToolTipRole)


def test_a_broken_image_says_why(panel: ImagesPanel) -> None:
    panel.set_problem(keys(1)[0], "The file is truncated.")
    index = panel.view.model().index(0, 0)
    assert index.data(Qt.ItemDataRole.ToolTipRole) == "images/000000.jpg\nThe file is truncated."
    panel.set_found(None, problems_only=True)
    assert shown(panel) == ["000000.jpg"]
    panel.set_problem(keys(2)[1], "It is empty.")
    panel.set_found(None, problems_only=True)
    assert shown(panel) == ["000000.jpg", "000001.jpg"]


def test_only_what_is_on_screen_is_asked_for(panel: ImagesPanel, qtbot: QtBot) -> None:
    asked: list[list[ImageKey]] = []
    panel.visible_changed.connect(asked.append)
    panel.set_images(keys(5000))
    qtbot.waitUntil(lambda: len(asked) == 1)
    seen = visible_keys(panel)
    assert asked[0][: len(seen)] == seen, "what is seen comes first"
    assert len(asked[0]) <= 2 * len(seen) + 1
    panel.set_current(keys(5000)[3000])
    qtbot.waitUntil(lambda: len(asked) == 2)
    assert keys(5000)[3000] in asked[1]
    assert not set(asked[0]) & set(asked[1])


def test_many_scroll_steps_make_one_request(panel: ImagesPanel, qtbot: QtBot) -> None:
    panel.set_images(keys(5000))
    asked: list[list[ImageKey]] = []
    panel.visible_changed.connect(asked.append)
    for step in range(100):
        panel.view.horizontalScrollBar().setValue(50 * step)
    qtbot.waitUntil(lambda: len(asked) == 1)
    assert set(visible_keys(panel)) <= set(asked[0])


def test_what_is_known_is_not_asked_for_again(panel: ImagesPanel, qtbot: QtBot) -> None:
    panel.set_images(keys(20))
    panel.set_summaries(ImageSummary(key) for key in keys(20))
    for key in keys(20)[1:]:
        panel.set_thumbnail(key, photo())
    panel.set_problem(keys(20)[1], "broken")
    with qtbot.waitSignal(panel.visible_changed) as told:
        pass
    assert told.args == [[keys(20)[0]]]


def test_a_thumbnail_is_painted_and_old_ones_make_room(panel: ImagesPanel) -> None:
    all_keys = keys(THUMBNAILS_KEPT + 50)
    panel.set_images(all_keys)
    for key in all_keys:
        panel.set_thumbnail(key, photo("#00ff00"))
    model = panel.view.model()
    kept = [i for i in range(len(all_keys)) if model.index(i, 0).data(Qt.ItemDataRole.DecorationRole)]
    assert kept == list(range(50, len(all_keys)))
    panel.set_current(all_keys[60])
    rect = panel.view.visualRect(panel.view.currentIndex())
    spot = QPoint(rect.center().x(), rect.top() + rect.height() // 3)
    assert panel.view.viewport().grab().toImage().pixelColor(spot) == QColor("#00ff00")


def test_a_tall_panel_is_a_grid(panel: ImagesPanel, qtbot: QtBot) -> None:
    panel.resize(460, 600)
    qtbot.waitUntil(lambda: not panel.view.is_strip)
    assert panel.view.columns == 3
    assert center(panel, 3).y() > center(panel, 0).y()
    panel.set_current(keys(50)[0])
    with qtbot.waitSignal(panel.image_chosen) as told:
        qtbot.keyClick(panel.view, Qt.Key.Key_Down)
    assert told.args == ["images/000003.jpg"]


def test_a_long_list_of_summaries_is_taken_in_turns(panel: ImagesPanel, qtbot: QtBot) -> None:
    panel.set_images(keys(12_000))
    panel.set_summaries(ImageSummary(key, review=ACCEPTED) for key in keys(12_000))
    assert panel.progress.text() == "5,000 / 12,000 accepted"
    qtbot.waitUntil(lambda: panel.progress.text() == "12,000 / 12,000 accepted")


def test_a_hundred_thousand_images_are_no_burden(panel: ImagesPanel) -> None:
    many = keys(100_000)
    start = perf_counter()
    panel.set_images(many)
    panel.view.viewport().repaint()
    assert perf_counter() - start < 0.3
    start = perf_counter()
    panel.set_current(many[90_000])
    panel.view.viewport().repaint()
    assert perf_counter() - start < 0.1
    assert many[90_000] in visible_keys(panel)


def test_words_when_there_is_nothing_to_show(panel: ImagesPanel) -> None:
    before = panel.view.viewport().grab().toImage()
    panel.set_images([])
    assert panel.progress.text() == ""
    assert panel.next_key() is None
    assert panel.neighbours() == []
    assert panel.view.viewport().grab().toImage() != before


def test_the_strip_comes_to_rest_at_any_width(panel: ImagesPanel) -> None:
    panel.set_images(keys(6))
    moves: list[None] = []
    panel.view.moved.connect(lambda: moves.append(None))
    for width in range(700, 1100, 8):
        panel.resize(width, 160)
        for _ in range(3):
            QApplication.processEvents()
        moves.clear()
        for _ in range(10):
            QApplication.processEvents()
        assert len(moves) <= 1, f"the scroll bar comes and goes at a width of {width}"


def fully_visible(panel: ImagesPanel, row: int) -> bool:
    return (
        panel.view.viewport()
        .rect()
        .contains(panel.view.visualRect(panel.view.model().index(row, 0)), proper=False)
    )


@pytest.mark.parametrize("size", [(900, 160), (460, 700)], ids=["strip", "grid"])
def test_the_current_image_is_never_at_the_edge(
    panel: ImagesPanel, qtbot: QtBot, size: tuple[int, int]
) -> None:
    panel.resize(*size)
    qtbot.waitUntil(lambda: panel.view.is_strip == (size == (900, 160)))
    step = panel.view.columns if not panel.view.is_strip else 1
    for row in [*range(50), *reversed(range(50)), 30, 7, 44]:
        panel.set_current(keys(50)[row])
        for neighbour in (row - step, row, row + step):
            assert not 0 <= neighbour < 50 or fully_visible(panel, neighbour), (row, neighbour)


def test_a_clicked_image_stays_under_the_mouse_until_it_cannot_be_a_double_click(
    panel: ImagesPanel, qtbot: QtBot
) -> None:
    panel.image_chosen.connect(lambda key: panel.set_current(ImageKey(key)))
    last = next(row for row in panel.view.visible_rows() if not fully_visible(panel, row + 1))
    place = center(panel, last)
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert panel.current == keys(50)[last]
    assert center(panel, last) == place
    qtbot.waitUntil(lambda: fully_visible(panel, last + 1))


def test_first_and_last_follow_the_search(panel: ImagesPanel) -> None:
    assert (panel.first_key(), panel.last_key()) == (keys(50)[0], keys(50)[49])
    find(panel, *range(20, 30))
    assert (panel.first_key(), panel.last_key()) == (keys(50)[20], keys(50)[29])
    panel.set_images([])
    assert panel.first_key() is None
    assert panel.last_key() is None
