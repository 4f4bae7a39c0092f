"""The statistics of a real dataset, in the window: each bar is a search."""

from __future__ import annotations

from typing import cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from samdesk.dataset.search import AgreementRow
from samdesk.domain.labels import LabelSet
from samdesk.domain.search import Search, parse
from samdesk.ui.statistics import figures
from samdesk.ui.statistics.charts import Chart
from samdesk.ui.statistics.window import StatisticsWindow
from tests.helpers.desk import CONTROL, SHIFT, User
from tests.ui.search.test_search import found, listed, rows, search

__all__ = ["found"]

LABELS = LabelSet.from_names(["cat", "dog", "a bird"])
CAT, DOG, BIRD = (label.id for label in LABELS)


def bars(window: StatisticsWindow, name: str) -> dict[str, float]:
    """The names and values of the bars of a card."""
    return {bar.name: bar.value for bar in cast(Chart, window.cards[name].chart).bars}


def test_bars_count_the_dataset_and_search_it(found: User) -> None:
    found.key(Qt.Key.Key_I, CONTROL | SHIFT)
    window = found.desk.flows.statistics.window
    found.until(lambda: bars(window, "agreement") != {} or window.cards["agreement"].empty.isVisible())
    found.until(lambda: bars(window, "images").get("No annotations") == 1)
    found.until(lambda: window.summary.text() == "6 annotations in 4 images")
    assert bars(window, "classes") == {"cat": 3, "dog": 3}
    assert bars(window, "states") == {
        "To review": 3, "Accepted": 2, "Corrected": 0, "Flagged": 1, "Rejected": 0,
    }  # fmt: skip
    assert bars(window, "per_image")["3–4"] == 1
    assert sum(bars(window, "score").values()) == 6
    assert sum(bars(window, "area").values()) == 6
    chart = cast(Chart, window.cards["states"].chart)
    QTest.mouseClick(chart, Qt.MouseButton.LeftButton, pos=chart.rect_of(3).center())
    assert found.desk.view.search.text == "state:flagged"
    found.until(lambda: rows(found) == ["dog 1.png"])
    search(found, "class:cat")
    found.until(lambda: len(rows(found)) == 3)
    window.only_found.click()
    found.until(lambda: window.summary.text() == "3 annotations in 2 images found by class:cat")
    found.until(lambda: bars(window, "states")["To review"] == 2)
    chart.press(0)
    assert found.desk.view.search.text == "class:cat state:pending"
    found.until(lambda: listed(found) == ["0.png", "2.png"])


def test_an_empty_dataset_says_what_to_do(user: User) -> None:
    window = user.desk.flows.statistics.window
    user.desk.view.actions.trigger("statistics.show")
    user.until(lambda: window.summary.text() == "0 annotations in 3 images")
    for name, words in (("classes", "Auto-annotate (Ctrl+B)"), ("agreement", "Ctrl+R"), ("score", "Ctrl+B")):
        card = window.cards[name]
        assert card.empty.isVisibleTo(window)
        assert words in card.empty.text()
        assert not card.chart.isVisibleTo(window)


@pytest.mark.parametrize(
    ("outcomes", "words", "enough"),
    [
        ([], "Nothing of what a model proposed", False),
        ([(CAT, 20, 5, 1, 0)], "26 decisions so far: 50", False),
        ([(CAT, 40, 5, 5, 0), (DOG, 5, 10, 2, 3)], "64% of all objects", True),
        ([(CAT, 40, 5, 5, 0), (DOG, 5, 10, 2, 3)], "Retrain", True),
        ([(CAT, 40, 5, 5, 0), (DOG, 5, 10, 2, 3)], "Weakest: dog 25%, cat 80%.", True),
        ([(CAT, 95, 3, 1, 1), (BIRD, 1, 2, 0, 0)], "You can stop", True),
        ([(CAT, 195, 3, 1, 1), (DOG, 7, 3, 0, 0)], "the weakest classes only: dog 70%", True),
    ],
)
def test_the_verdict_says_when_to_retrain_and_when_to_stop(
    outcomes: list[tuple[object, int, int, int, int]], words: str, enough: bool
) -> None:
    found = figures.verdict([AgreementRow(o[0], "m", *o[1:]) for o in outcomes], LABELS)  # type: ignore[arg-type]
    assert words in found.text
    assert found.enough == enough


def test_every_bar_of_agreement_is_the_search_of_what_was_wrong() -> None:
    rows = [AgreementRow(CAT, "m.pt", 8, 1, 1, 2), AgreementRow(BIRD, "m.pt + sam", 10, 0, 0, 0),
            AgreementRow(DOG, "m.pt", 1, 0, 0, 0), AgreementRow(DOG, "", pending=4)]  # fmt: skip
    by_class = figures.agreement_bars(rows, LABELS, by_model=False)
    assert [(bar.name, bar.shown) for bar in by_class] == [
        ("cat", "67%  of 12"), ("a bird", "100%  of 10"), ("dog", "100%  of 1"),
    ]  # fmt: skip
    assert [part.value for part in by_class[0].parts] == [8 / 12, 1 / 12, 1 / 12, 2 / 12]
    by_model = figures.agreement_bars(rows, LABELS, by_model=True)
    for bar in (*by_class, *by_model):
        assert "corrected" in str(parse(bar.search))
    assert [bar.search for bar in by_model][-1] == 'model:"m.pt + sam" state:corrected,rejected'


def test_bars_search_within_the_search_they_are_of() -> None:
    base = parse("class:cat")
    assert figures.state_bars({"pending": 1}, base)[0].search == "class:cat state:pending"
    assert figures.class_bars([(CAT, 3)], LABELS, Search())[0].search == "class:cat"
    assert [bar.name for bar in figures.class_bars([(DOG, 3)], LABELS, Search())] == ["dog", "cat", "a bird"]
    for low, high in figures.PER_IMAGE:
        parse(figures.per_image_search(low, high))
