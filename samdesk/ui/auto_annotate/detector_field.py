"""The field for the model that finds the objects: one of a list, or a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDialog, QFileDialog, QPushButton, QWidget

from samdesk.base.plugins import Plugin
from samdesk.engine.models.open_vocabulary import is_open
from samdesk.engine.models.registry import MODELS
from samdesk.ui.kit.fields import CHECKPOINTS
from samdesk.ui.kit.plain import plain, tip
from samdesk.ui.models.plugin_entries import entry_text
from samdesk.ui.models.rows import has_class_names, known_name

_TIPS = {
    False: "A YOLO model, Flint, or a detection or segmentation checkpoint file",
    True: "A YOLOE model that is prompted (yoloe-11s-seg.pt), or a file of your own",
}


class DetectorField(QComboBox):
    """Chooses a detector by its name in the registry or by its file.

    Attributes:
        open: Whether it lists models with an open vocabulary, in place of those with classes of their own.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.open = False
        models = [model for model in MODELS if model.finds_boxes]
        self._entries = {
            False: [
                (model.name if model.url else f"{model.title} (built in)", model.name)
                for model in models
                if not is_open(model)
            ],
            True: [(model.name, model.name) for model in models if is_open(model)],
        }
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setMinimumWidth(220)
        self.show_open(False)

    def show_open(self, wanted: bool) -> None:
        """Lists the models with an open vocabulary, or the others; what is chosen stays."""
        self.open = wanted
        chosen = self.name
        blocked = self.blockSignals(True)
        self.clear()
        for text, name in self._entries[wanted]:
            self.addItem(plain(text), name)
        self.setCurrentText("")
        if chosen:
            self.choose(chosen)
        self.blockSignals(blocked)
        self.setToolTip(tip(_TIPS[wanted]))
        line = self.lineEdit()
        if line is not None:
            line.setPlaceholderText("Choose a YOLOE file" if wanted else "")

    def offer(self, text: str, name: str) -> None:
        """Lists another detector with classes of its own first."""
        self._entries[False].insert(0, (text, name))
        if not self.open:
            self.insertItem(0, plain(text), name)

    def offer_open(self, names: Iterable[str]) -> None:
        """Lists models with an open vocabulary that are on this machine first."""
        here = list(dict.fromkeys(names))
        others = [entry for entry in self._entries[True] if entry[1] not in here]
        self._entries[True] = [*((name, name) for name in here), *others]
        if self.open:
            self.show_open(True)
            if not self.name:
                self.choose(self.first_open)

    def offer_plugins(self, plugins: Iterable[Plugin]) -> None:
        """Lists the detectors of other packages last."""
        listed = {name for _, name in self._entries[False]}
        self._entries[False] += [(entry_text(p), p.name) for p in plugins if p.name not in listed]
        self.show_open(self.open)

    @property
    def first_open(self) -> str:
        """The first model with an open vocabulary; "": none is known."""
        return self._entries[True][0][1] if self._entries[True] else ""

    @property
    def name(self) -> str:
        """The chosen detector, name or path; "": none."""
        text = self.currentText().strip()
        at = self.findText(text, Qt.MatchFlag.MatchFixedString)
        return str(self.itemData(at)) if at >= 0 else text

    def choose(self, name: str) -> None:
        """Chooses a detector by its name or path."""
        name = known_name(name) if has_class_names(name) else name
        at = self.findData(name)
        self.setCurrentText(self.itemText(at) if at >= 0 else name)


def browse_button(title: str, take: Callable[[str], object], dialog: QDialog) -> QPushButton:
    """A button that lets the user choose a checkpoint file, whose path is passed on."""

    def browse() -> None:
        picker = QFileDialog(dialog, title, "", CHECKPOINTS)
        picker.setFileMode(QFileDialog.FileMode.ExistingFile)
        picker.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        picker.fileSelected.connect(take)
        picker.open()

    button = QPushButton("Browse…", dialog)
    button.setToolTip(tip(title))
    button.setAutoDefault(False)
    button.clicked.connect(browse)
    return button
