"""SearchController: finds images and annotations, lists them, and keeps what is found up to date."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import randrange
from time import monotonic
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from samdesk.base.text import counted
from samdesk.dataset import search as queries
from samdesk.dataset.search import Counts
from samdesk.domain.labels import Label
from samdesk.domain.search import Search, SearchError, check_labels, parse
from samdesk.domain.search_words import Completion, SortKey, completions
from samdesk.ui.images.panel import ImagesPanel
from samdesk.ui.labels.controller import LabelsController
from samdesk.ui.search.bar import SearchBar
from samdesk.ui.search.chips import CHIPS, PROBLEMS, Chip, label_chip
from samdesk.ui.search.found import NO_SEARCH, FoundPanel
from samdesk.ui.search.query import FoundImages, find_numbers
from samdesk.workers.failure import Failure
from samdesk.workers.storage.client import DatasetInfo, StorageClient

if TYPE_CHECKING:
    from samdesk.dataset.search import FoundCursor, FoundPage

TEXT = "search"
"""Setting of the dataset: the text of the search in use."""
SEARCH_AFTER_MS = 150
"""After the last key, the search is made."""
ERROR_AFTER_MS = 700
"""After the last key, an error is shown: until then the word may not be typed to its end."""
AGAIN_AFTER_MS = 400
"""After a change of the dataset, what is found is updated; later where that takes long."""
COUNT_AFTER_MS = 1500
"""After a change of the dataset, the chips are counted; later where that takes long."""
AGAIN_SHARE, COUNT_SHARE = 0.2, 0.05
"""Of its time the storage thread spends at most so much on updating what is found, and on counting chips."""
READING_MS = 500
"""While facts are still being read, what is found is updated this often."""
PAGE = 200


@dataclass
class _Asked:
    """What of the search is being asked: an answer to an earlier one is dropped.

    Attributes:
        number: Of the newest search.
        busy: Whether a question is on its way.
        again: Whether to ask once more after its answer.
        since: When the first question was asked, ``monotonic`` seconds.
    """

    number: int = 0
    since: float = 0.0
    busy: bool = False
    again: bool = False


class SearchController(QObject):
    """Makes the searches of the search bar.

    Signals:
        changed: Another search is in use, or none.
        found_changed: What was found has changed.
        first_found: A search by the user has found annotations; the list of them is to be shown.
    """

    changed = Signal()
    found_changed = Signal()
    first_found = Signal()

    def __init__(
        self,
        storage: StorageClient,
        labels: LabelsController,
        images: ImagesPanel,
        bar: SearchBar,
        found: FoundPanel,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._storage, self._labels, self._images = storage, labels, images
        self._bar, self._found = bar, found
        self._search: Search | None = Search()
        self._problems = False
        self._asked = _Asked()
        self._by_user = False
        self._models: Sequence[str] = ()
        self._counts: Counts | None = None
        self._images_found = 0
        self._counting_since = 0.0
        self._cursor: FoundCursor | None = None
        self._is_open = False
        self._chip_queue: list[Chip] = []
        self._type_timer = self._timer(SEARCH_AFTER_MS, self._read_quietly)
        self._error_timer = self._timer(ERROR_AFTER_MS, lambda: self._take(report=True, again=False))
        self._again_timer = self._timer(AGAIN_AFTER_MS, self._find)
        self._reading_timer = self._timer(READING_MS, self._find)
        self._count_timer = self._timer(COUNT_AFTER_MS, self._count_chips)
        self._connect()
        self._update_chips()

    def _timer(self, ms: int, slot: Callable[[], object]) -> QTimer:
        timer = QTimer(self, singleShot=True, interval=ms)
        timer.timeout.connect(slot)
        return timer

    def _connect(self) -> None:
        bar = self._bar
        bar.edited.connect(self._follow_typing)
        bar.searched.connect(self.read)
        bar.sort_chosen.connect(self.sort_by)
        bar.saved_chosen.connect(self.search_for)
        bar.chips.toggled.connect(self._toggle_chip)
        bar.field.set_complete(self._complete)
        self._found.more_requested.connect(self._find_more)
        self._storage.changed.connect(self.refresh_soon)
        self._labels.current_changed.connect(self._follow_label)
        self._images.problems_changed.connect(self._update_chips)

    # -- the search in use

    @property
    def text(self) -> str:
        """The search in use; "" if there is none, or what is typed is no search."""
        return str(self._search) if self._search is not None else ""

    @property
    def open(self) -> bool:
        """Whether there is a dataset to search."""
        return self._is_open

    @property
    def search(self) -> Search:
        """The search in use; an empty one if what is typed is no search."""
        return self._search or Search()

    @property
    def active(self) -> bool:
        """Whether anything is searched for or sorted by."""
        return self._problems or bool(self.search.terms) or self.search.sort is not None

    @property
    def finds_annotations(self) -> bool:
        """Whether the annotations found are worth a list: the search is not empty."""
        return bool(self.search.terms) or self.search.sort is not None

    def start(self, info: DatasetInfo) -> None:
        """Goes on with the search that a dataset was left with."""
        self._is_open = True
        self._models, self._counts, self._problems = (), None, False
        self._asked = _Asked(self._asked.number + 1)  # questions about another dataset are not answered
        self._chip_queue.clear()
        self._again_timer.setInterval(AGAIN_AFTER_MS)
        self._count_timer.setInterval(COUNT_AFTER_MS)
        self._bar.set_text("")
        self._search = Search()
        self._found.clear()
        self._found.set_labels(info.labels)
        self._show_found()
        self._update_chips()
        self._storage.ask(
            lambda dataset: dataset.settings_get(TEXT) or "", self._restore, doing="reading a setting"
        )
        self._count_timer.start()

    def search_for(self, text: str) -> None:
        """Searches for something else, as if the user had typed it."""
        self._problems = False
        self._bar.set_text(text)
        self.read()

    def clear(self) -> None:
        """Shows everything again."""
        self.search_for("")

    def sort_by(self, key: SortKey | None) -> None:
        """Sorts what is found; the same key again reverses it, a random order is another one each time."""
        search = self._search
        if search is None:
            return
        now = search.sort
        if key is None:
            after = Search(search.terms)
        elif key is SortKey.RANDOM:
            after = search.sorted_by(key, seed=randrange(1, 1_000_000))
        else:
            again = now is not None and now.key is key
            after = search.sorted_by(key, reverse=again and now is not None and not now.reverse)
        self.search_for(str(after))

    def refresh_soon(self, _what: object = None) -> None:
        """Updates what is found a moment later: the dataset has changed."""
        if self._is_open and self.active and not self._again_timer.isActive():
            self._again_timer.start()
        if self._is_open and not self._count_timer.isActive():
            self._count_timer.start()

    def read(self) -> None:
        """Reads what is typed and searches for it, or shows what is wrong with it."""
        self._take(report=True, again=True)

    # -- typing

    def _follow_typing(self, text: str) -> None:
        self._type_timer.start()
        self._error_timer.start()
        if not text.strip():
            self.read()

    def _read_quietly(self) -> None:
        """Searches for what is typed if it is a search; a word may not be typed to its end yet."""
        self._take(report=False, again=False)

    def _take(self, *, report: bool, again: bool) -> None:
        """Reads what is typed.

        Args:
            report: Whether to show what is wrong with it.
            again: Whether to search even if the search in use is the same.
        """
        if report:
            self._type_timer.stop()
            self._error_timer.stop()
        text = self._bar.text
        try:
            search = parse(text)
            check_labels(search, text, self._labels.labels.names)
        except SearchError as error:
            if report:
                self._refuse(error)
            return
        self._error_timer.stop()
        if search == self._search and not again:
            return
        self._by_user = True
        self._use(search)
        self._storage.set_setting(TEXT, text.strip())

    def _refuse(self, error: SearchError) -> None:
        """Shows what is wrong; nothing is filtered until it is right."""
        self._search, self._problems = None, False
        self._asked.number += 1
        self._counts = None
        self._images.set_found(None)
        self._found.clear("Nothing is listed until the search is right.")
        self._bar.show_error(error)
        self.changed.emit()
        self.found_changed.emit()

    def _restore(self, text: str) -> None:
        if self._bar.text or not text:
            return
        self._bar.set_text(text)
        try:
            self._use(parse(text))
        except SearchError as error:
            self._refuse(error)

    def _use(self, search: Search) -> None:
        self._search = search
        self._asked.number += 1
        self._counts = None
        self._bar.set_search(search, self._active_chips())
        self._bar.set_found("…" if self.active else "")
        if self.active:
            self._find()
        else:
            self._images.set_found(None)
            self._found.clear()
            self._show_found()
        self.changed.emit()

    def _complete(self, text: str, position: int) -> Sequence[Completion]:
        return completions(text, position, self._labels.labels, self._models)

    # -- finding

    def _find(self) -> None:
        """Asks for the images, the numbers, and the annotations as far as they are listed."""
        search = self._search
        if search is None or not self.active or not self._is_open:
            return
        if self._asked.busy:
            self._asked.again = True
            return
        self._asked.busy, self._asked.since = True, monotonic()
        number = self._asked.number
        if not search.terms and search.sort is None:  # only what cannot be read
            self._receive_images(number, None)
            return
        query = partial(find_numbers, search=search, numbering=self._images.numbering)
        self._storage.ask(query, partial(self._receive_images, number), self._fail, doing="searching")

    def _receive_images(self, number: int, found: FoundImages | None) -> None:
        if self._is_old(number):
            return
        if found is not None and found.numbering is not self._images.numbering:
            self._asked.busy = False
            self._find()  # images have come or gone since
            return
        if found is not None and found.progress is not None:  # what is read later is found later
            self._reading_timer.start()
        numbers = None if found is None else found.numbers
        self._images_found = 0 if numbers is None else len(numbers)
        self._images.set_found(numbers, problems_only=self._problems)
        if not self.finds_annotations:
            self._end_asking()
            self._show_found()
            return
        limit = min(max(self._found.loaded, PAGE), 10 * PAGE)
        query = partial(queries.find_annotations, search=self.search, limit=limit)
        self._storage.ask(query, partial(self._receive_page, number), self._fail, doing="searching")

    def _receive_page(self, number: int, page: FoundPage) -> None:
        if self._is_old(number):
            return
        self._end_asking()
        self._counts = Counts(self._images_found, page.total, page.progress)
        self._show_found()
        self._cursor = page.cursor
        self._found.set_rows(page.annotations, more=page.cursor is not None)
        by_user, self._by_user = self._by_user, False
        if by_user and page.annotations:
            self.first_found.emit()
        self.found_changed.emit()

    def _find_more(self) -> None:
        query = partial(queries.find_annotations, search=self.search, limit=PAGE, after=self._cursor)
        self._storage.ask(
            query, partial(self._receive_more, self._asked.number), self._fail, doing="searching"
        )

    def _receive_more(self, number: int, page: FoundPage) -> None:
        if number == self._asked.number:
            self._cursor = page.cursor
            self._found.add_rows(page.annotations, more=page.cursor is not None)

    def _is_old(self, number: int) -> bool:
        """Whether an answer is about an earlier search; the newest is asked for then."""
        if number == self._asked.number:
            return False
        self._asked.busy = self._asked.again = False
        self._find()
        return True

    def _end_asking(self) -> None:
        again, self._asked.again, self._asked.busy = self._asked.again, False, False
        took = (monotonic() - self._asked.since) * 1000
        self._again_timer.setInterval(round(max(AGAIN_AFTER_MS, took / AGAIN_SHARE)))
        self._reading_timer.setInterval(round(max(READING_MS, took / AGAIN_SHARE)))
        if again:
            self._again_timer.start()

    def _fail(self, failure: Failure) -> None:
        self._end_asking()
        self._bar.set_found("not found", failure.text)
        self._storage.failed.emit(failure)

    def _show_found(self) -> None:
        """Shows how much was found, and whether the current image is part of it."""
        if not self.active:
            self._bar.set_found("")
            self._found.set_count("")
            self._found.view.set_hint(NO_SEARCH)
            return
        if self._counts is None:
            self._bar.set_found(counted(self._images.listed, "image"))
            return
        annotations, images = self._counts.annotations, self._counts.images
        text = f"{counted(annotations, 'annotation')} in {counted(images, 'image')}"
        progress = self._counts.progress
        if progress is not None:
            text += f"  ·  reading {100 * progress.done // max(progress.total, 1)}%"
        why = "" if self._images.current_matches else "The open image is not one of them; it stays listed."
        self._bar.set_found(text, why)
        self._found.set_count(text)
        self._found.view.set_hint("No annotation matches the search.")
        self.found_changed.emit()

    # -- chips

    def _toggle_chip(self, chip: Chip, on: bool) -> None:
        if chip == PROBLEMS:
            self._problems = on
            self._use(self._without_group(chip) if on else self.search)
            return
        search = self._without_group(chip).plus(*chip.search.terms) if on else self._without(chip)
        self._problems = self._problems and not (on and chip.group == PROBLEMS.group)
        self._bar.set_text(str(search))
        self.read()

    def _without(self, chip: Chip) -> Search:
        return self.search.minus(*chip.search.terms)

    def _without_group(self, chip: Chip) -> Search:
        """The search without the chips that exclude this one."""
        search = self.search
        for other in self._bar.chips.chips:
            if chip.group and other.group == chip.group and other.id != chip.id:
                search = search.minus(*other.search.terms)
        return search

    def _active_chips(self) -> list[str]:
        terms = set(self.search.terms)
        active = [c.id for c in self._bar.chips.chips if c.text and set(c.search.terms) <= terms]
        return active + ([PROBLEMS.id] if self._problems else [])

    def _follow_label(self, _label: Label | None) -> None:
        self._found.set_labels(self._labels.labels)
        self._update_chips()
        self._count_timer.start()

    def _update_chips(self) -> None:
        current = self._labels.current
        chips = list(CHIPS)
        if current is not None:
            chips.insert(3, label_chip(current.name))
        problems = self._images.problem_count
        if problems or self._problems:
            chips.insert(2, PROBLEMS)
        self._bar.chips.set_chips(chips)
        self._bar.chips.set_active(self._active_chips())
        self._bar.chips.set_count(PROBLEMS, 0, problems)

    def _count_chips(self) -> None:
        """Counts the chips one after another, so that other questions come in between."""
        idle = not self._chip_queue
        self._chip_queue = [chip for chip in self._bar.chips.chips if chip.text]
        if idle:
            self._counting_since = monotonic()
            self._count_next()

    def _count_next(self) -> None:
        if not self._chip_queue or not self._is_open:
            self._chip_queue.clear()
            return
        chip = self._chip_queue[0]
        query = partial(queries.count, search=chip.search)
        self._storage.ask(query, partial(self._show_count, chip), self._stop_counting, doing="counting")

    def _show_count(self, chip: Chip, counts: Counts) -> None:
        self._bar.chips.set_count(chip, counts.annotations, counts.images)
        if self._chip_queue and self._chip_queue[0] == chip:
            del self._chip_queue[0]
        if counts.progress is not None:
            self._count_timer.start()  # what is read later is counted later
        if not self._chip_queue:
            took = (monotonic() - self._counting_since) * 1000
            self._count_timer.setInterval(round(max(COUNT_AFTER_MS, took / COUNT_SHARE)))
            query = partial(queries.tally, search=Search(), field="model")
            self._storage.ask(query, self._note_models, self._stop_counting, doing="reading the models")
        self._count_next()

    def _note_models(self, tally: tuple[tuple[str, int], ...]) -> None:
        """Notes the names of models, which are offered for completion."""
        self._models = tuple(name for name, _ in tally if name)

    def _stop_counting(self, failure: Failure) -> None:
        self._chip_queue.clear()
        self._storage.failed.emit(failure)
