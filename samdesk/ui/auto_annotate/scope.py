"""Which images a run is about: the one on screen, those selected, those found, or the whole folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QRadioButton, QWidget

from samdesk.domain.document import ImageKey
from samdesk.ui.kit.plain import tip
from samdesk.ui.kit.theme import UNIT


class Scope(Enum):
    """Which images a run is about."""

    IMAGE = "This image"
    SELECTED = "Selected images"
    FOUND = "Search result"
    FOLDER = "Folder"


_TIPS = {
    Scope.IMAGE: "The image on screen",
    Scope.SELECTED: "The images selected in the film strip: Ctrl+click or Shift+click selects several",
    Scope.FOUND: "The images that the search in use finds",
    Scope.FOLDER: "All images of the folder",
}


@dataclass(frozen=True)
class Scopes:
    """The images of each scope.

    Attributes:
        folder: All images, in order.
        image: The one on screen; None: there is none.
        selected: Those selected in the film strip.
        found: Those that the search in use finds; None: nothing is searched for.
    """

    folder: tuple[ImageKey, ...] = ()
    image: ImageKey | None = None
    selected: tuple[ImageKey, ...] = ()
    found: tuple[ImageKey, ...] | None = None

    def keys(self, scope: Scope) -> tuple[ImageKey, ...]:
        """The images of a scope."""
        if scope is Scope.FOLDER:
            return self.folder
        if scope is Scope.FOUND:
            return self.found or ()
        if scope is Scope.SELECTED:
            return self.selected
        return (self.image,) if self.image is not None else ()

    def offers(self, scope: Scope) -> bool:
        """Whether a scope can be chosen: one selected image is that on screen."""
        return len(self.keys(scope)) > (1 if scope is Scope.SELECTED else 0)

    @property
    def likely(self) -> Scope:
        """The scope that is meant unless the user says otherwise."""
        for scope in (Scope.SELECTED, Scope.FOUND):
            if self.offers(scope):
                return scope
        return Scope.FOLDER


class ScopeChooser(QWidget):
    """One radio button for each scope, with the number of its images.

    Signals:
        changed: Emitted when the user chooses another one.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scopes = Scopes()
        self.buttons: dict[Scope, QRadioButton] = {}
        group = QButtonGroup(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3 * UNIT)
        for scope in Scope:
            button = QRadioButton(scope.value, self)
            button.setToolTip(tip(_TIPS[scope]))
            button.clicked.connect(self.changed)
            group.addButton(button)
            layout.addWidget(button)
            self.buttons[scope] = button
        layout.addStretch(1)
        self.set_scopes(Scopes())

    def set_scopes(self, scopes: Scopes) -> None:
        """Shows how many images each scope has; the likely one is chosen."""
        self._scopes = scopes
        for scope, button in self.buttons.items():
            count = len(scopes.keys(scope))
            shown = "" if scope is Scope.IMAGE or not scopes.offers(scope) else f" ({count:,})"
            button.setText(f"{scope.value}{shown}")
            button.setEnabled(scopes.offers(scope) or scope is Scope.FOLDER)
        self.choose(scopes.likely)

    def choose(self, scope: Scope) -> None:
        """Chooses a scope."""
        self.buttons[scope].setChecked(True)

    @property
    def scope(self) -> Scope:
        """The scope that is chosen."""
        return next((scope for scope, button in self.buttons.items() if button.isChecked()), Scope.FOLDER)

    @property
    def keys(self) -> tuple[ImageKey, ...] | None:
        """The images to annotate; None: all of the dataset."""
        return None if self.scope is Scope.FOLDER else self._scopes.keys(self.scope)

    def show_keys(self, keys: Sequence[ImageKey] | None) -> None:
        """Chooses the scope with these images; others take the place of those selected."""
        if keys is None or tuple(keys) == self._scopes.folder:
            self.choose(Scope.FOLDER)
            return
        wanted = tuple(keys)
        for scope in (Scope.IMAGE, Scope.SELECTED, Scope.FOUND):
            if self._scopes.offers(scope) and self._scopes.keys(scope) == wanted:
                self.choose(scope)
                return
        self.set_scopes(Scopes(self._scopes.folder, self._scopes.image, wanted, self._scopes.found))
        self.buttons[Scope.SELECTED].setEnabled(True)
        self.choose(Scope.SELECTED)
