"""MainWindow: lays out toolbars, docks and canvas, and restores the layout of the last session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, QRectF, Qt, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QMainWindow,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from samdesk.settings import table as keys
from samdesk.settings.table import Settings
from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.keys import widget_needs_key
from samdesk.ui.commands.popup import Popup
from samdesk.ui.kit.dock import Dock
from samdesk.ui.kit.file_manager import accept_files, pass_drops_on
from samdesk.ui.kit.focus import FocusRule
from samdesk.ui.kit.icons import app_icon
from samdesk.ui.kit.job_bar import JobBars
from samdesk.ui.kit.message_bar import Action, MessageBar
from samdesk.ui.kit.overlay import BelowOverlay, DodgingOverlay
from samdesk.ui.kit.plain import plain
from samdesk.ui.kit.shield import shield
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.shell.guide import Guide
from samdesk.ui.shell.menus import Menus
from samdesk.ui.shell.status_bar import StatusBar
from samdesk.ui.shell.tool_strip import ToolStrip
from samdesk.ui.shell.top_bar import TopBar
from samdesk.ui.shell.welcome import Welcome

_LAYOUT_VERSION = 1
_READ_ONLY = "read-only"
_MESSAGE_WIDTH = 90 * UNIT


class MainWindow(QMainWindow):
    """The main window: menus, toolbars, docks, canvas, message bar and status bar.

    Signals:
        close_requested(object QCloseEvent): The window is to be closed; ``ignore()`` the event to refuse.
        paths_dropped(object list[Path]): Files or folders were dropped.
        recent_chosen(object Path): A recent folder was picked in the menu or on the welcome page.
        layout_changed(): Panels were shown or hidden, or the window fills the screen or no longer does.
        covered(): The canvas was covered, or is seen again, see ``set_covered``.
    """

    close_requested = Signal(object)
    paths_dropped = Signal(object)
    recent_chosen = Signal(object)
    layout_changed = Signal()
    covered = Signal()

    def __init__(
        self,
        actions: Actions,
        settings: Settings,
        canvas: QWidget,
        labels_panel: QWidget,
        annotations_panel: QWidget,
        images_panel: QWidget,
        candidate_strip: QWidget | None = None,
        batch_bar: QWidget | None = None,
    ) -> None:
        """Builds the window around the widgets; it starts on the welcome page."""
        super().__init__()
        self._settings = settings
        self._layout_state = QByteArray()
        self._hidden_under: Callable[[QRectF], float] = lambda _rect: 0.0
        self._strip_overlay: DodgingOverlay | None = None
        self._image_only = False
        self._on_demand: set[str] = set()  # the panels that are hidden unless they are asked for
        self._cover: QWidget | None = None
        self._shown_before: list[Dock] = []  # the panels that were shown before all were hidden
        self.set_title()
        self.setWindowIcon(app_icon())
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(False)
        self.setAnimated(False)
        self.canvas = canvas
        self.menus = Menus(self.menuBar(), actions, self.recent_chosen.emit)
        self.top_bar = TopBar(actions, self)
        self.tool_strip = ToolStrip(actions, self)
        self.addToolBar(Qt.ToolBarArea.TopToolBarArea, self.top_bar)
        self.addToolBar(Qt.ToolBarArea.LeftToolBarArea, self.tool_strip)
        self.status = StatusBar(self)
        self.setStatusBar(self.status)
        self.message_bar = MessageBar(self)
        self._batch_bar = batch_bar
        self.guide = Guide(actions, self)
        self.welcome = Welcome(actions, self)
        self.welcome.recent_chosen.connect(self.recent_chosen)
        self._area = QWidget(self)
        self._add_centre(candidate_strip)
        self.docks = self._add_docks(labels_panel, annotations_panel, images_panel)
        self._add_panel_menu()
        actions.attach(self, self._area)
        self._default_layout = self.saveState(_LAYOUT_VERSION)
        self.focus_rule = FocusRule(self, canvas)
        self._restore_layout()
        self.show_welcome()
        for dock in self.docks.values():
            dock.visibilityChanged.connect(lambda _visible: self.layout_changed.emit())
        pass_drops_on(self)

    # pages

    @property
    def on_welcome(self) -> bool:
        """Whether the welcome page is shown."""
        return self._stack.currentWidget() is self.welcome

    def show_welcome(self) -> None:
        """Shows the welcome page and hides tools and panels."""
        self.show_image_only(False)
        if not self.on_welcome:
            self._layout_state = self.saveState(_LAYOUT_VERSION)
        self._stack.setCurrentWidget(self.welcome)
        self._show_docks(False)
        self.welcome.open_button.setFocus()

    def show_canvas(self) -> None:
        """Shows the canvas with the keyboard on it, and tools and panels in the user's layout."""
        if not self.on_welcome:
            self.focus_rule.take_home()
            return
        shield(self.welcome)  # the second click of a double click on a recent folder is no prompt
        self._stack.setCurrentWidget(self._area)
        self._show_docks(True)
        if not self._layout_state.isEmpty():
            self.restoreState(self._layout_state, _LAYOUT_VERSION)
        else:
            self._size_docks()
        self.tool_strip.setVisible(True)
        self.canvas.setFocus()

    def show_panel(self, name: str) -> None:
        """Opens and expands the panel with this name in ``docks``."""
        fresh = name in self._on_demand and self.docks[name].isHidden()
        self.docks[name].show()
        self.docks[name].set_collapsed(False)
        if fresh and not self.docks[name].isFloating():  # it would get as little room as it can do with
            shared = [dock for dock in self.docks.values() if self._shares(dock, self.docks[name])]
            tallest = max((dock.height() for dock in shared if dock is not self.docks[name]), default=0)
            heights = [tallest if dock is self.docks[name] else dock.height() for dock in shared]
            self.resizeDocks(shared, heights, Qt.Orientation.Vertical)

    def _shares(self, dock: Dock, other: Dock) -> bool:
        """Whether two panels share the height of the same edge of the window."""
        area = self.dockWidgetArea(dock)
        return area == self.dockWidgetArea(other) and not (
            dock.isHidden() or dock.collapsed or dock.isFloating()
        )

    def add_panel(self, name: str, title: str, panel: QWidget) -> Dock:
        """Adds a panel on the right that is shown only when it is asked for, before the window is shown."""
        dock = self.docks[name] = Dock(name, title, panel, self)
        self._on_demand.add(name)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        dock.hide()
        dock.toggleViewAction().setEnabled(False)
        self._panels_menu.addAction(dock.toggleViewAction())
        self._default_layout = self.saveState(_LAYOUT_VERSION)
        dock.set_collapsed(name in self._settings.get(keys.WINDOW_COLLAPSED))
        dock.visibilityChanged.connect(lambda _visible: self.layout_changed.emit())
        return dock

    def add_bar(self, bar: QFrame) -> None:
        """Adds a bar above the canvas, below the others; it shows and hides itself."""
        assert isinstance(self._batch_bar, JobBars)
        self._batch_bar.add(bar)

    def add_cover(self, cover: QWidget) -> None:
        """Adds a widget that can be shown in place of the canvas, see ``set_covered``."""
        layout = self._area.layout()
        assert layout is not None
        cover.setVisible(False)
        layout.addWidget(cover)
        self._cover = cover

    def set_covered(self, covered: bool) -> None:
        """Shows the cover in place of the canvas, or the canvas with the keyboard on it."""
        assert self._cover is not None
        # One hides before the other shows: side by side, the canvas would be resized and its view moved.
        hides, shows = (self.canvas, self._cover) if covered else (self._cover, self.canvas)
        hides.setVisible(False)
        shows.setVisible(True)
        if covered:
            self._cover.raise_()  # above what lies over the canvas
        else:
            self.focus_rule.take_home()
        self.covered.emit()

    def keep_visible(self, hidden_under: Callable[[QRectF], float]) -> None:
        """Keeps the candidate strip off the object in work, see ``dodge``.

        Args:
            hidden_under: How much of it a rectangle of the canvas would hide, square logical pixels.
        """
        self._hidden_under = hidden_under

    def dodge(self) -> None:
        """Moves the candidate strip if it hides the object in work, which has changed or moved."""
        if self._strip_overlay is not None:
            self._strip_overlay.dodge()

    def set_recent(self, folders: Sequence[Path]) -> None:
        """Lists recent folders in the menu and on the welcome page."""
        self.menus.set_recent(folders)
        self.welcome.set_recent(folders)

    # layout

    @property
    def panels_shown(self) -> bool:
        """Whether any panel is shown."""
        return any(not dock.isHidden() for dock in self.docks.values())

    def show_panels(self, shown: bool) -> None:
        """Shows the panels that were hidden together, or all; or hides all panels."""
        if not shown:
            self._layout_state = self.saveState(_LAYOUT_VERSION)
            self._shown_before = [dock for dock in self.docks.values() if not dock.isHidden()]
        for dock in self.docks.values():
            usual = not self._shown_before and dock.objectName() not in self._on_demand
            dock.setVisible(shown and (usual or dock in self._shown_before))
        if shown:
            self._shown_before = []

    @property
    def image_only(self) -> bool:
        """Whether panels, toolbars and the status bar are hidden."""
        return self._image_only

    def show_image_only(self, only: bool) -> None:
        """Hides panels, toolbars and the status bar, or shows what was hidden; the menu bar stays."""
        if only == self._image_only:
            return
        if only and self.panels_shown:
            self.show_panels(False)
        elif not only and self._shown_before:
            self.show_panels(True)
        self._image_only = only
        for bar in (self.top_bar, self.tool_strip, self.status):
            bar.setVisible(not only)
        self.layout_changed.emit()

    def set_full_screen(self, full: bool) -> None:
        """Fills the screen with the window, or returns to the size before."""
        state = Qt.WindowState.WindowFullScreen
        self.setWindowState(self.windowState() | state if full else self.windowState() & ~state)

    def reset_layout(self) -> None:
        """Puts all panels back in their places and sizes."""
        self.show_image_only(False)
        self._shown_before = []
        for dock in self.docks.values():
            dock.set_collapsed(False)
        self.restoreState(self._default_layout, _LAYOUT_VERSION)
        for dock in self.docks.values():
            dock.setFloating(False)
            dock.setVisible(dock.objectName() not in self._on_demand)
        self._size_docks()
        self.tool_strip.show()

    # status

    def set_title(self, image: str = "", folder: str = "", *, read_only: bool = False) -> None:
        """Names the image and the dataset in the title bar."""
        parts = [image, f"{folder} (read-only)" if read_only else folder, "samdesk"]
        title = " - ".join(part for part in parts if part)
        # One [*] is Qt's mark of a changed document.
        self.setWindowTitle(plain(title).replace("[*]", "[*][*]"))

    def show_message(
        self,
        text: str,
        kind: str = "info",
        actions: Sequence[Action] = (),
        key: str = "",
        seconds: float | None = None,
    ) -> None:
        """Shows a message in the message bar, see ``MessageBar.show_message``."""
        self.message_bar.show_message(text, kind, actions, key, seconds)

    def set_read_only(self, reason: str = "", actions: Sequence[Action] = ()) -> None:
        """Shows why the dataset is read-only; an empty reason removes the message."""
        if reason:
            self.show_message(reason, "warning", actions, _READ_ONLY)
        else:
            self.message_bar.dismiss(_READ_ONLY)

    def set_model_chip(self, text: str, tip: str = "", state: str = "ok") -> None:
        """Names the model in use; ``state`` is "ok", "busy", "warning" or "error"."""
        self.top_bar.chip.set_model(text, tip, state)

    def set_cursor(self, point: tuple[float, float] | None) -> None:
        """Shows the cursor position, image pixels; None: outside the image."""
        self.status.set_cursor(point)

    def set_zoom(self, zoom: float | None) -> None:
        """Shows the zoom factor, 1.0 is 100%."""
        self.status.set_zoom(zoom)

    def set_timing(
        self, encode_ms: float | None = None, decode_ms: float | None = None, cached: bool = False
    ) -> None:
        """Shows the model's times, see ``StatusBar.set_timing``."""
        self.status.set_timing(encode_ms, decode_ms, cached)

    def set_closer_look(self, text: str, tip: str = "") -> None:
        """Shows the state of the closer look in the status bar; empty: there is none."""
        self.status.set_closer_look(text, tip)

    def set_engine(self, text: str, tip: str = "") -> None:
        """Shows the model and its device in the status bar."""
        self.status.set_engine(text, tip)

    def set_saved(self, text: str, state: str | None = None) -> None:
        """Shows whether all edits are saved, see ``StatusBar.set_saved``."""
        self.status.set_saved(text, state)

    def set_hint(self, text: str) -> None:
        """Shows the hint of the tool in use."""
        self.status.set_hint(text)

    # Qt events

    def event(self, event: QEvent) -> bool:
        """Leaves keys that the focused widget needs to it, before any shortcut."""
        if isinstance(event, QKeyEvent) and widget_needs_key(QApplication.focusWidget(), event):
            event.accept()
            return True
        return super().event(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Focuses the canvas, or the Open button of the welcome page."""
        super().showEvent(event)
        (self.welcome.open_button if self.on_welcome else self.canvas).setFocus()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Emits ``close_requested``, and saves the layout if the window closes."""
        event.accept()
        self.close_requested.emit(event)
        if event.isAccepted():
            self.save_layout()

    def changeEvent(self, event: QEvent) -> None:
        """Follows a change of the window manager to full screen or back."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.WindowStateChange:
            self.layout_changed.emit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accepts local files and folders, as copies."""
        if accept_files(event):
            self.welcome.set_dropping(True)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Accepts local files and folders, as copies."""
        accept_files(event)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Removes the drop highlight."""
        self.welcome.set_dropping(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Emits ``paths_dropped``."""
        self.welcome.set_dropping(False)
        paths = accept_files(event)
        if paths:
            self.paths_dropped.emit(paths)

    # building

    def _add_centre(self, candidate_strip: QWidget | None) -> None:
        over = QVBoxLayout(self._area)
        over.setContentsMargins(0, 0, 0, 0)
        over.addWidget(self.canvas)
        if candidate_strip is not None:
            self._strip_overlay = DodgingOverlay(
                self._area, candidate_strip, lambda rect: self._hidden_under(rect)
            )
        centre = QWidget(self)
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self._stack = QStackedWidget(centre)
        self._stack.addWidget(self.welcome)
        self._stack.addWidget(self._area)
        self._stack.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        if self._batch_bar is not None:
            self._batch_bar.setObjectName("job")  # part of the window, not a card over the image
            layout.addWidget(self._batch_bar)
        layout.addWidget(self.guide)
        layout.addWidget(self._stack, 1)
        self.setCentralWidget(centre)
        # Over the panel below, not in the layout: an image that moves makes the next click miss.
        BelowOverlay(self, self.message_bar, centre, _MESSAGE_WIDTH)

    def _add_docks(self, labels: QWidget, annotations: QWidget, images: QWidget) -> dict[str, Dock]:
        right, bottom = Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea
        docks = {
            "labels": Dock("labels", "Labels", labels, self),
            "annotations": Dock("annotations", "Annotations", annotations, self),
            "images": Dock("images", "Images", images, self),
        }
        self.addDockWidget(right, docks["labels"])
        self.addDockWidget(right, docks["annotations"])
        self.addDockWidget(bottom, docks["images"])
        self.setCorner(Qt.Corner.BottomRightCorner, right)
        return docks

    def _size_docks(self) -> None:
        labels, annotations, images = (self.docks[name] for name in ("labels", "annotations", "images"))
        self.resizeDocks([labels], [34 * UNIT], Qt.Orientation.Horizontal)
        self.resizeDocks([labels, annotations], [30 * UNIT, 50 * UNIT], Qt.Orientation.Vertical)
        self.resizeDocks([images], [25 * UNIT], Qt.Orientation.Vertical)

    def _add_panel_menu(self) -> None:
        view = self.menus.menu("view")
        view.addSeparator()
        panels = Popup("&Panels", view)
        view.addMenu(panels)
        self._panels_menu = panels
        for dock in self.docks.values():
            panels.addAction(dock.toggleViewAction())

    def _show_docks(self, shown: bool) -> None:
        self.tool_strip.setVisible(shown)
        for dock in self.docks.values():
            dock.setVisible(shown and dock.objectName() not in self._on_demand)
            dock.toggleViewAction().setEnabled(shown)

    def _restore_layout(self) -> None:
        geometry = _from_text(self._settings.get(keys.WINDOW_GEOMETRY))
        if geometry.isEmpty() or not self.restoreGeometry(geometry):
            self._center()
        self._layout_state = _from_text(self._settings.get(keys.WINDOW_DOCKS))
        for name in self._settings.get(keys.WINDOW_COLLAPSED):
            if name in self.docks:
                self.docks[name].set_collapsed(True)

    def _center(self) -> None:
        screen = self.screen() or QApplication.primaryScreen()
        free = screen.availableGeometry()
        width, height = min(1440, free.width() * 9 // 10), min(900, free.height() * 9 // 10)
        self.resize(width, height)
        self.move(free.x() + (free.width() - width) // 2, free.y() + (free.height() - height) // 2)

    def save_layout(self) -> None:
        """Writes size, position and panels to the settings."""
        everything = not (self._shown_before or self._image_only)
        if not self.on_welcome and everything:  # hidden panels are shown again at the next start
            self._layout_state = self.saveState(_LAYOUT_VERSION)
        self._settings.set(keys.WINDOW_GEOMETRY, _to_text(self.saveGeometry()))
        self._settings.set(keys.WINDOW_DOCKS, _to_text(self._layout_state))
        self._settings.set(
            keys.WINDOW_COLLAPSED, [name for name, dock in self.docks.items() if dock.collapsed]
        )
        self._settings.flush()


def _to_text(state: QByteArray) -> str:
    return bytes(state.toBase64().data()).decode("ascii")


def _from_text(text: str) -> QByteArray:
    return QByteArray.fromBase64(QByteArray(text.encode("ascii", "ignore")))
