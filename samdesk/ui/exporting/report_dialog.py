"""ExportReportDialog: what became of the annotations of an export, the worst first."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from samdesk.base.text import counted
from samdesk.exchange.exporting.report import LIST_NAME, LOSSES, ExportReport, ReportedInstance
from samdesk.ui.kit.fields import TABLE_STYLE, heading, muted_label
from samdesk.ui.kit.plain import PlainLabel, plain, tip
from samdesk.ui.kit.theme import UNIT

_TARGET = Qt.ItemDataRole.UserRole
_MOST_FAILED = 200
_SIZE = (640, 600)
_COLUMNS = ("IoU", "Label", "Image", "What was lost")


class ExportReportDialog(QDialog):
    """The report of an export, beside the window. A click on a row shows the annotation.

    Signals:
        chosen: (image key, annotation id or None) the user wants to see it.
        folder_wanted: The exported folder is to be shown.
    """

    chosen = Signal(str, object)
    folder_wanted = Signal()

    def __init__(self, report: ExportReport, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.report = report
        self.setWindowTitle("Export report")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(False)
        title = heading(report.summary)
        title.setWordWrap(True)
        self.figures = PlainLabel(_figures(report), self)
        self.figures.setWordWrap(True)
        self.losses = PlainLabel(_losses(report), self)
        self.losses.setWordWrap(True)
        self.losses.setVisible(bool(report.losses))
        self.notes = muted_label(_notes(report))
        self.notes.setVisible(bool(self.notes.text()))
        self.list = self._make_list()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        layout.setSpacing(UNIT)
        for widget in (title, self.figures, self.losses, self.notes):
            layout.addWidget(widget)
        layout.addWidget(self.list, 1)
        layout.addWidget(self._make_buttons())
        self.resize(*_SIZE)

    def show_beside(self, window: QWidget) -> None:
        """Shows it at the right of the window, so that an annotation that is chosen can be seen."""
        room = window.frameGeometry()
        self.move(room.right() - self.width() - UNIT, room.bottom() - self.height() - 4 * UNIT)
        self.show()

    def _make_list(self) -> QTreeWidget:
        found = QTreeWidget(self)
        found.setAccessibleName("Annotations, the worst first")
        found.setHeaderLabels(list(_COLUMNS))
        found.setStyleSheet(TABLE_STYLE)
        found.setRootIsDecorated(False)
        found.setUniformRowHeights(True)
        found.setAllColumnsShowFocus(True)
        found.setToolTip("Click to see the annotation")
        for key, message in self.report.failed[:_MOST_FAILED]:
            self._add(found, ("", "", key, f"The image was not exported: {message}"), (key, None))
        for instance in self.report.worst:
            row = (_measure(instance), instance.label, instance.image, instance.explained)
            self._add(found, row, (instance.image, instance.annotation_id))
        header = found.header()
        for column, width in enumerate((70, 110, 190)):
            header.resizeSection(column, width)
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        found.itemClicked.connect(self._choose)
        found.itemActivated.connect(self._choose)
        return found

    def _add(self, to: QTreeWidget, texts: tuple[str, ...], target: tuple[str, str | None]) -> None:
        item = QTreeWidgetItem(to, [plain(text) for text in texts])
        item.setData(0, _TARGET, target)
        for column, text in enumerate(texts):
            item.setToolTip(column, tip(text))

    def _make_buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        for text, slot in (("Show folder", self.folder_wanted.emit), ("Copy report", self._copy)):
            button = buttons.addButton(text, QDialogButtonBox.ButtonRole.ActionRole)
            button.setAutoDefault(False)
            button.clicked.connect(slot)
        buttons.rejected.connect(self.reject)
        return buttons

    def _choose(self, item: QTreeWidgetItem) -> None:
        self.chosen.emit(*item.data(0, _TARGET))

    def _copy(self) -> None:
        QApplication.clipboard().setText(self.report.text)


def _measure(found: ReportedInstance) -> str:
    if not found.written:
        return "left out"
    return "" if found.iou is None else f"{found.iou:.3f}"


def _figures(report: ExportReport) -> str:
    counts = f"{report.instances_in:,} annotations in, {report.instances_out:,} out"
    if report.median is None or report.percentile5 is None or report.lowest is None:
        return f"{counts}. The format has no masks whose overlap could be measured."
    return (
        f"{counts}. Overlap (IoU) with the mask that is trained at {report.train_size} pixels: median "
        f"{report.median:.3f}, 5th percentile {report.percentile5:.3f}, lowest {report.lowest:.3f}."
    )


def _losses(report: ExportReport) -> str:
    return "\n".join(f"{count:,}: {LOSSES.get(code, code)}" for code, count in report.losses.items())


def _notes(report: ExportReport) -> str:
    notes = list(report.notes)
    if report.images_dropped:
        notes.append(f"Left out, without annotations: {counted(report.images_dropped, 'image')}.")
    if report.images_open:
        notes.append(
            f"Without annotations and not accepted: {counted(report.images_open, 'image')}. The trainer "
            "takes such images for background."
        )
    if report.renamed_count:
        notes.append(f"Renamed, so that no two share a label file: {counted(report.renamed_count, 'image')}.")
    notes.append(
        f"The list shows the worst first; click one to see it in its image. All are in {LIST_NAME} of the "
        "exported folder."
    )
    return "\n".join(notes)
