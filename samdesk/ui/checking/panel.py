"""CheckPanel: what the check of a dataset has found, the most serious first, with what can be done."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timezone

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from samdesk.base.text import counted, duration
from samdesk.exchange.check.output import place
from samdesk.exchange.check.types import CheckReport, CheckResult, Finding, Severity
from samdesk.ui.kit.icons import icon
from samdesk.ui.kit.message_bar import kind_color
from samdesk.ui.kit.plain import PlainLabel, button_text, plain, tip
from samdesk.ui.kit.theme import UNIT, current_tokens

_ICONS: dict[Severity, tuple[str, str]] = {
    "error": ("ph.warning-octagon", "error"),
    "warning": ("ph.warning", "warning"),
    "information": ("ph.info", "info"),
}
_NEVER = (
    "Finds what would harm a training: images and labels that cannot be read or that the trainer drops, "
    "duplicates, tiny annotations, the same image in several splits, and more."
)
_STALE = "The dataset has changed since."
ROOM = 54 * UNIT
"""Height at which the findings can be read, logical pixels."""


class CheckPanel(QWidget):
    """Lists the findings of a check.

    Signals:
        check_requested: The dataset is to be checked.
        finding_chosen: (Finding) a finding is to be shown.
        fix_requested: (CheckResult) what a check has found is to be mended.
        search_requested: (str) all that a check has found is to be searched for.
        dismissed: (CheckResult) what a check has found is not to be listed again.
        restored: What was dismissed is to be listed again.
    """

    check_requested = Signal()
    finding_chosen = Signal(object)
    fix_requested = Signal(object)
    search_requested = Signal(str)
    dismissed = Signal(object)
    restored = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._report: CheckReport | None = None
        self._dismissed: Collection[str] = ()
        self._read_only = False
        self._shown: list[CheckResult] = []
        self.summary = PlainLabel("", self)
        self.summary.setWordWrap(True)
        self.note = PlainLabel(_NEVER, self)
        self.note.setProperty("muted", True)
        self.note.setWordWrap(True)
        self.stale = PlainLabel(_STALE, self)
        self.stale.setWordWrap(True)
        self.run = QPushButton("Check", self)
        self.run.setToolTip("Check the whole dataset")
        self.run.clicked.connect(self.check_requested)
        self.pixels = QCheckBox("Compare pixels", self)
        self.pixels.setToolTip(
            "Also look for images that are nearly the same in several splits. Reads every image once."
        )
        self.list = self._make_list()
        self.details = _Details(self)
        self.details.fix.clicked.connect(lambda: self._emit(self.fix_requested))
        self.details.dismiss.clicked.connect(lambda: self._emit(self.dismissed))
        self.details.search.clicked.connect(self._search)
        self.restore = QToolButton(self)
        self.restore.setProperty("link", True)
        self.restore.clicked.connect(self.restored)
        self._lay_out()
        self.show_report(None, ())

    def _make_list(self) -> QTreeWidget:
        tree = QTreeWidget(self)
        tree.setAccessibleName("Findings")
        tree.setColumnCount(2)
        tree.setHeaderHidden(True)
        tree.setUniformRowHeights(True)
        tree.setIndentation(2 * UNIT)
        tree.setFrameShape(QTreeWidget.Shape.NoFrame)
        tree.setAllColumnsShowFocus(True)
        tree.setIconSize(QSize(16, 16))
        tree.setMinimumHeight(14 * UNIT)
        tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        header.setMinimumSectionSize(2 * UNIT)
        tree.currentItemChanged.connect(lambda _item, _before: self._choose())
        tree.itemActivated.connect(lambda _item, _column: self._choose())
        tree.itemClicked.connect(lambda _item, _column: self._choose())
        return tree

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(UNIT)
        head.addWidget(self.run)
        head.addWidget(self.pixels)
        head.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(UNIT, UNIT, UNIT, UNIT)
        layout.setSpacing(UNIT)
        layout.addLayout(head)
        for label in (self.summary, self.note, self.stale):
            layout.addWidget(label)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.details)
        layout.addWidget(self.restore)
        self._filler = QWidget(self)  # keeps the texts at the top while nothing is listed
        self._filler.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        layout.addWidget(self._filler, 1)

    # -- what is shown

    def show_report(self, report: CheckReport | None, dismissed: Collection[str]) -> None:
        """Shows what a check has found; None: nothing was checked yet.

        ``dismissed``: ids of the checks whose findings the user has dismissed.
        """
        self._report, self._dismissed = report, dismissed
        results = () if report is None else report.results
        chosen = self.current.row.id if self.current is not None else ""
        self._shown = [result for result in results if result.row.id not in dismissed]
        hidden = len(results) - len(self._shown)
        self.restore.setText(f"Show {counted(hidden, 'dismissed check')}")
        self.restore.setVisible(hidden > 0)
        self.set_stale(False)
        self.run.setText("Check" if report is None else "Check again")
        self._set_texts()
        self.list.blockSignals(True)
        self.list.clear()
        for result in self._shown:
            self._add(result, chosen=result.row.id == chosen)
        self.list.blockSignals(False)
        self.list.setVisible(bool(self._shown))
        self._filler.setVisible(not self._shown)
        self._show_details()

    def set_stale(self, stale: bool) -> None:
        """Shows whether the dataset has changed since it was checked."""
        stale = stale and self._report is not None
        color = kind_color(current_tokens(), "warning").name()
        self.stale.setStyleSheet(f"color: {color}")
        self.stale.setVisible(stale)
        self.note.setVisible(not stale)

    def set_busy(self, busy: bool) -> None:
        """Shows that a check is going on."""
        self.run.setEnabled(not busy)
        self.details.setEnabled(not busy)

    def set_read_only(self, read_only: bool) -> None:
        """Offers no fix for a dataset that cannot be changed."""
        self._read_only = read_only
        self._show_details()

    @property
    def current(self) -> CheckResult | None:
        """The check that is chosen, or one of whose findings is."""
        item: QTreeWidgetItem | None = self.list.currentItem()
        if item is None:
            return None
        top = item.parent() or item
        index = self.list.indexOfTopLevelItem(top)
        return self._shown[index] if 0 <= index < len(self._shown) else None

    @property
    def finding(self) -> Finding | None:
        """The finding that is chosen."""
        item: QTreeWidgetItem | None = self.list.currentItem()
        found = None if item is None else item.data(0, Qt.ItemDataRole.UserRole)
        return found if isinstance(found, Finding) else None

    def _set_texts(self) -> None:
        report = self._report
        if report is None:
            self.summary.setVisible(False)
            self.note.setText(_NEVER)
            return
        counts = report.counts
        parts = [
            counted(counts["error"], "error") if counts["error"] else "",
            counted(counts["warning"], "warning") if counts["warning"] else "",
            counted(counts["information"], "remark") if counts["information"] else "",
        ]
        text = ", ".join(part for part in parts if part) or "All is well."
        self.summary.setText(text)
        self.summary.setVisible(True)
        font = self.font()
        font.setBold(True)
        self.summary.setFont(font)
        at = datetime.fromtimestamp(report.at, timezone.utc).astimezone()
        images = f"{counted(report.images, 'image')}, {counted(report.instances, 'annotation')}"
        self.note.setText(f"{images}, at {at:%H:%M}")
        self.note.setToolTip(tip(f"Checked in {duration(report.seconds, exact=True)}"))

    def _add(self, result: CheckResult, *, chosen: bool) -> None:
        name, kind = _ICONS[result.row.severity]
        top = QTreeWidgetItem(self.list)
        top.setIcon(0, icon(name, kind_color(current_tokens(), kind)))
        top.setText(0, plain(result.row.title))
        top.setText(1, f"{result.count:,}")
        top.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        top.setToolTip(0, tip(f"{result.row.title}\n{result.row.help}"))
        for finding in result.findings:
            child = QTreeWidgetItem(top)
            child.setText(0, plain(f"{place(finding)}{finding.message}"))
            child.setToolTip(0, tip(f"{place(finding)}\n{finding.message}".strip()))
            child.setData(0, Qt.ItemDataRole.UserRole, finding)
            child.setFirstColumnSpanned(True)
        if result.count > len(result.findings):
            more = QTreeWidgetItem(top)
            more.setText(0, plain(f"and {result.count - len(result.findings):,} more"))
            more.setFlags(Qt.ItemFlag.NoItemFlags)
            more.setFirstColumnSpanned(True)
        if chosen:
            self.list.setCurrentItem(top)
            top.setExpanded(True)

    def _show_details(self) -> None:
        self.details.show_result(self.current, self.finding, read_only=self._read_only)

    def _choose(self) -> None:
        self._show_details()
        if self.finding is not None:
            self.finding_chosen.emit(self.finding)

    def _emit(self, signal: object) -> None:
        result = self.current
        if result is not None:
            signal.emit(result)  # type: ignore[attr-defined]

    def _search(self) -> None:
        result = self.current
        if result is not None and result.row.search:
            self.search_requested.emit(result.row.search)

    # Qt overrides

    def changeEvent(self, event: QEvent) -> None:  # noqa: D102
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange:
            for number, result in enumerate(self._shown):
                name, kind = _ICONS[result.row.severity]
                item = self.list.topLevelItem(number)
                if item is not None:
                    item.setIcon(0, icon(name, kind_color(current_tokens(), kind)))


class _Details(QWidget):
    """What a check looks for, the finding that is chosen in full, and what can be done."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = PlainLabel("", self)
        self.text.setWordWrap(True)
        self.help = PlainLabel("", self)
        self.help.setProperty("muted", True)
        self.help.setWordWrap(True)
        self.fix = QPushButton(self)
        self.search = QPushButton("Show all", self)
        self.dismiss = QPushButton("Dismiss", self)
        self.dismiss.setToolTip("List this again only if something else is found")
        row = QHBoxLayout()
        row.setSpacing(UNIT)
        row.addWidget(self.fix)
        row.addWidget(self.search)
        row.addWidget(self.dismiss)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(UNIT)
        layout.addWidget(self.text)
        layout.addWidget(self.help)
        layout.addLayout(row)

    def show_result(self, result: CheckResult | None, finding: Finding | None, *, read_only: bool) -> None:
        """Shows a check, or nothing."""
        self.setVisible(result is not None)
        if result is None:
            return
        row = result.row
        self.text.setText(f"{place(finding)}{finding.message}" if finding is not None else row.title)
        fix = None if read_only else row.fix
        self.help.setText(row.help)
        self.help.setVisible(finding is None)
        self.fix.setVisible(fix is not None)
        if fix is not None:
            self.fix.setText(button_text(f"{fix.title}…"))
            self.fix.setToolTip(tip(fix.text(result)))
        self.search.setVisible(bool(row.search))
        self.search.setToolTip(tip(f"Search for {row.search}"))
