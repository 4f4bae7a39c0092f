"""Reports what the Ultralytics trainer would make of the dataset, once it is open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from threading import Event

from PySide6.QtCore import QObject, SignalInstance

from samdesk.dataset.dataset import Dataset
from samdesk.dataset.trainer import dismissed
from samdesk.dataset.trainer.checks import TrainingFinding
from samdesk.dataset.trainer.facts import TrainingFacts
from samdesk.dataset.trainer.fix import TrainingReport, YamlFix
from samdesk.dataset.trainer.training import check_training, fix_data_yaml, training_facts
from samdesk.ui.kit.message_bar import Action
from samdesk.ui.kit.messages import Messages
from samdesk.workers.job import Job
from samdesk.workers.storage.client import DatasetInfo, StorageClient

KEY = "training"
"""The key of the message."""


class TrainingController(QObject):
    """Checks each dataset after it is opened, and shows all findings in one message with a button to fix.

    The checks run in a thread of their own, after the first image is loaded.

    Attributes:
        report: What was found last; None: not known yet.
    """

    def __init__(self, storage: StorageClient, messages: Messages, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._storage, self._messages = storage, messages
        self._read_only = False
        self._jobs: list[tuple[Job, Event]] = []
        self.report: TrainingReport | None = None
        self._open_check: Callable[[], object] | None = None

    def follow(
        self, opened: SignalInstance, changed: SignalInstance, open_check: Callable[[], object]
    ) -> None:
        """Checks each dataset that is opened, and again what was found when its splits have changed.

        Args:
            opened: (DatasetInfo) a dataset was opened.
            changed: Its splits, or what its files hold, were changed.
            open_check: Shows all findings of the dataset.
        """
        self._open_check = open_check
        opened.connect(self.check)
        changed.connect(self._check_again)

    def check(self, info: DatasetInfo) -> None:
        """Checks the dataset that was just opened."""
        self._read_only = info.read_only
        self.report = None
        self._messages.dismiss(KEY)
        self._storage.ask(training_facts, self._check, _ignore, doing="checking how the dataset trains")

    def stop(self) -> None:
        """Ends the check."""
        self._cancel()
        for job, _ in self._jobs:
            job.wait()
        self._jobs.clear()

    def _check_again(self) -> None:
        """What was found may be mended, such as a list that was missing."""
        if self.report is not None and self.report.findings:
            self._storage.ask(_facts_now, self._check, _ignore, doing="checking how the dataset trains")

    def _check(self, facts: TrainingFacts) -> None:
        self._cancel()
        self._jobs = [(job, stopped) for job, stopped in self._jobs if job.isRunning()]
        stopped = Event()

        def work() -> tuple[Event, TrainingReport, tuple[TrainingFinding, ...]]:
            report = check_training(facts, stopped.is_set)
            return stopped, report, dismissed.undismissed(facts.folder, report.findings)

        job = Job(work, self)
        job.done.connect(self._deliver)
        self._jobs.append((job, stopped))
        job.start()

    def _cancel(self) -> None:
        for _, stopped in self._jobs:
            stopped.set()

    def _deliver(self, result: tuple[Event, TrainingReport, tuple[TrainingFinding, ...]]) -> None:
        stopped, report, shown = result
        if not stopped.is_set():
            self._show(report, shown)

    def _show(self, report: TrainingReport, shown: Sequence[TrainingFinding]) -> None:
        self.report = report
        information = [finding for finding in shown if finding.only_information]
        if information:
            self._dismiss(information)  # it is reported once
        if not shown:
            self._messages.dismiss(KEY)
        elif len(information) == len(shown):
            self._messages.info(_text(shown), key=KEY, seconds=12)
        else:
            fixable = report.fix is not None and any(finding.fixable for finding in shown)
            actions: list[Action] = []
            if report.fix is not None and fixable and not self._read_only:
                actions.append(("Fix data.yaml", partial(self._fix, report.fix)))
            if self._open_check is not None:
                actions.append(("Check dataset", self._open_check))
            self._messages.warn(
                _text(shown), key=KEY, actions=actions, dismissed=partial(self._dismiss, shown)
            )

    def _dismiss(self, findings: Sequence[TrainingFinding]) -> None:
        self._storage.ask(
            lambda dataset: dismissed.add(dataset.folder, findings), _ignore, doing="saving a setting"
        )

    def _fix(self, fix: YamlFix) -> None:
        def work(dataset: Dataset) -> tuple[str, TrainingFacts]:
            fix_data_yaml(dataset, fix)
            return dataset.core.names.path.name, training_facts(dataset)

        def then(answer: tuple[str, TrainingFacts]) -> None:
            name, facts = answer
            self._messages.info(f"{name} was changed: {fix.text}.", key="training-fixed")
            self._check(facts)

        self._storage.ask(work, then, doing="changing data.yaml")


def _facts_now(dataset: Dataset) -> TrainingFacts:
    if dataset.lists.pending:
        dataset.lists.sync(now=True)
    return training_facts(dataset)


def _text(findings: Sequence[TrainingFinding]) -> str:
    if len(findings) == 1:
        return findings[0].message
    return "\n".join(f"• {finding.message}" for finding in findings)


def _ignore(_result: object) -> None:
    """Ignores an answer, or that the check was not possible."""
