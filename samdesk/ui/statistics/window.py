"""StatisticsWindow: the statistics of a dataset, or of what a search has found, beside the main window."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QCheckBox, QDialog, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from samdesk.base.text import counted
from samdesk.ui.kit.plain import PlainLabel, tip
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.statistics.card import Card
from samdesk.ui.statistics.charts import Bar, BarChart, Chart, ColumnChart, HeatMap

_FIRST = 12
"""Bars shown before all are asked for."""
_MOST = 1000
_NOTHING_ANNOTATED = "No annotations yet. Click an object in an image, or run Auto-annotate (Ctrl+B)."
_NOTHING_PROPOSED = "No model has proposed anything yet. Auto-annotate (Ctrl+B) gives every object a score."
_NOT_DECIDED = (
    "Review what a model proposed (Ctrl+R): accept, correct or reject it. What it got right is shown here."
)
_NO_IMAGES = "No images. Open a folder of images."


class StatisticsWindow(QDialog):
    """Charts in two columns. A press on a bar searches for what it stands for.

    Signals:
        shown: The window was shown; what it shows may be out of date.
        search_requested: (str) a bar was pressed.
        restricted: (bool) only what the search finds is to be counted.
    """

    shown = Signal()
    search_requested = Signal(str)
    restricted = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Statistics")
        self.setModal(False)
        self.summary = PlainLabel("", self)
        self.summary.setProperty("heading", True)
        self.progress = PlainLabel("", self)
        self.progress.setProperty("muted", True)
        self.only_found = QCheckBox("Only what the search finds", self)
        self.only_found.toggled.connect(self.restricted)
        self._bars: dict[str, Sequence[Bar]] = {}
        self.cards = self._make_cards()
        head = QHBoxLayout()
        head.addWidget(self.summary)
        head.addWidget(self.progress)
        head.addStretch(1)
        head.addWidget(self.only_found)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 0, 0)
        layout.setSpacing(UNIT + 4)
        layout.addLayout(head)
        layout.addWidget(self._make_area(), 1)
        head.setContentsMargins(0, 0, 2 * UNIT, 0)
        self.resize(120 * UNIT, 92 * UNIT)

    def _make_cards(self) -> dict[str, Card]:
        charts: dict[str, tuple[str, QWidget, str]] = {
            "classes": ("Annotations by class", BarChart("Annotations by class"), _NOTHING_ANNOTATED),
            "agreement": ("Agreement by class", BarChart("Agreement by class"), _NOT_DECIDED),
            "models": ("Agreement by model", BarChart("Agreement by model", name_width=28 * UNIT),
                       _NOT_DECIDED),
            "states": ("Annotations by state", BarChart("Annotations by state"), _NOTHING_ANNOTATED),
            "images": ("Images by state", BarChart("Images by state"), _NO_IMAGES),
            "per_image": ("Images by number of annotations", ColumnChart("Images by annotations", names=9),
                          _NO_IMAGES),
            "doubt": ("Doubt", ColumnChart("Annotations by doubt"), _NOTHING_ANNOTATED),
            "score": ("Detector score", ColumnChart("Annotations by detector score"), _NOTHING_PROPOSED),
            "mask": ("Mask score (predicted IoU)", ColumnChart("Annotations by mask score"),
                     _NOTHING_PROPOSED),
            "area": ("Area in pixels", ColumnChart("Annotations by area"), _NOTHING_ANNOTATED),
            "sources": ("Annotations by source", BarChart("Annotations by source"), _NOTHING_ANNOTATED),
            "positions": ("Where annotations are", HeatMap("Centres of annotations on the image"),
                          _NOTHING_ANNOTATED),
        }  # fmt: skip
        cards = {}
        for name, (title, chart, empty) in charts.items():
            cards[name] = Card(title, chart, empty, self)
            if isinstance(chart, Chart):
                chart.search_requested.connect(self.search_requested)
                cards[name].more_toggled.connect(lambda _more, name=name: self._show_bars(name))
        return cards

    def _make_area(self) -> QScrollArea:
        body = QWidget(self)
        columns = QHBoxLayout(body)
        columns.setContentsMargins(0, 0, 2 * UNIT, 2 * UNIT)
        columns.setSpacing(UNIT + 4)
        left = ("states", "classes", "agreement", "models")
        for names in (left, [name for name in self.cards if name not in left]):
            column = QVBoxLayout()
            column.setSpacing(UNIT + 4)
            for name in names:
                column.addWidget(self.cards[name])
            column.addStretch(1)
            columns.addLayout(column, 1)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(body)
        self._body = body
        return area

    def set_summary(self, annotations: int, images: int, what: str) -> None:
        """Shows how much there is; ``what``: the search, or ""."""
        found = f" found by {what}" if what else ""
        self.summary.setText(f"{counted(annotations, 'annotation')} in {counted(images, 'image')}{found}")

    def set_search(self, text: str) -> None:
        """Shows whether there is a search whose result can be counted alone."""
        self.only_found.setEnabled(bool(text))
        self.only_found.setToolTip(tip(text or "Search for something in the main window first (Ctrl+F)."))

    def set_bars(self, name: str, bars: Sequence[Bar], note: str = "", text: str = "") -> None:
        """Shows the bars of a card, of many the first ones; all on demand."""
        card = self.cards[name]
        self._bars[name] = bars[:_MOST]
        card.show_chart(any(bar.value for bar in bars), note)
        card.set_text(text)
        self._show_bars(name)

    def _show_bars(self, name: str) -> None:
        card, bars = self.cards[name], self._bars.get(name, ())
        assert isinstance(card.chart, Chart)
        few = isinstance(card.chart, BarChart) and len(bars) > _FIRST + 3 and not card.more.isChecked()
        card.chart.set_bars(bars[:_FIRST] if few else bars)
        card.set_more(len(bars), _FIRST + 3 if isinstance(card.chart, BarChart) else len(bars))
        card.more.setVisible(card.more.isVisibleTo(card) and not card.chart.isHidden())

    def set_positions(self, rows: Sequence[Sequence[float]]) -> None:
        """Shows where annotations are on their images."""
        card = self.cards["positions"]
        assert isinstance(card.chart, HeatMap)
        card.chart.set_cells(rows)
        card.show_chart(any(map(any, rows)), "centres")

    # Qt overrides

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102
        super().showEvent(event)
        self.shown.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self._body.updateGeometry()
