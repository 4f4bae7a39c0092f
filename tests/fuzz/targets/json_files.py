"""The JSON files that samdesk keeps: settings, records and notes of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path

from samdesk.base.json_file import JsonError, parse
from samdesk.batch.targets.label_folder import LabelFolder
from samdesk.batch.targets.written_files import RECORD
from samdesk.dataset.open import locate_store
from samdesk.dataset.trainer import dismissed
from samdesk.dataset.trainer.checks import TrainingFinding
from samdesk.domain.document import ImageKey
from samdesk.engine.models.weights import find
from samdesk.settings import table
from samdesk.settings.table import SETTINGS, Settings
from samdesk.training.detector.state import WorkFolder
from samdesk.training.record.taught_record import TaughtRecord
from samdesk.training.teach.events import from_line
from tests.fuzz.mutate import mutate_text
from tests.fuzz.target import SilentLossError, Target


def _is_object(data: bytes) -> bool:
    try:
        return isinstance(parse(data.decode("utf-8-sig")), dict)
    except (UnicodeDecodeError, JsonError):
        return False


# -- settings


def _settings_seeds(folder: Path) -> list[bytes]:
    settings = Settings(folder / "settings.json", save_delay=0)
    settings.set(table.MODEL_NAME, "mobile_sam.pt")
    settings.set(table.THEME, "dark")
    settings.set(table.LOOK_CLOSER_FROM, 4.0)
    settings.set(table.AUTO_PARAMETERS["conf"], 0.5)
    settings.add_recent(Path("/data/caf\udce9 ü"))
    settings.set(table.LAST_IMAGES, {"/data/caf\udce9 ü": "a/b.jpg"})
    settings.set(table.SHORTCUTS, {"edit.undo": ["Ctrl+Z", "U"]})
    settings.set(table.WINDOW_COLLAPSED, ["labels"])
    return [(folder / "settings.json").read_bytes(), b"{}"]


def _read_settings(data: bytes, folder: Path) -> None:
    path, bad = folder / "settings.json", folder / "settings.json.bad"
    path.write_bytes(data)
    settings = Settings(path, save_delay=0)
    if not _is_object(data) and not (settings.problem and bad.read_bytes() == data):
        raise SilentLossError("a damaged file is neither told nor kept")
    for setting in SETTINGS:
        value = settings.get(setting)
        setting.check(value)
        repr(value).encode("utf-8")
    settings.recent()
    settings.problem.encode("utf-8", "surrogateescape")
    settings.set(table.FILL_OPACITY, 71)
    settings.set(table.FILL_OPACITY, 72)
    again = Settings(path, save_delay=0)
    if again.get(table.FILL_OPACITY) != 72 or (again.problem and not settings.problem):
        raise SilentLossError("what was set is not there after a restart")


SETTINGS_FILE = Target(_settings_seeds, _read_settings, mutate_text)


# -- the record of runs in a label folder


def _manifest_seeds(folder: Path) -> list[bytes]:
    labels = LabelFolder(folder, [ImageKey("0.png"), ImageKey("ü/1.png")])
    with labels.locked():
        labels.write(ImageKey("0.png"), "0 0.1 0.1 0.5 0.1 0.5 0.5\n", from_run=True)
        labels.write(ImageKey("ü/1.png"), "", from_run=True)
    return [(folder / RECORD).read_bytes()]


def _read_manifest(data: bytes, folder: Path) -> None:
    (folder / RECORD).write_bytes(data)
    (folder / "0.txt").write_text("1 0.1 0.1 0.5 0.1 0.5 0.5\n")
    labels = LabelFolder(folder, [ImageKey("0.png"), ImageKey("1.png")])
    if labels.from_run(ImageKey("0.png")):
        raise SilentLossError("a file that no run wrote may be replaced")
    told = bool(labels.problem)
    with labels.locked():
        labels.begin()
        labels.write(ImageKey("1.png"), "", from_run=True)
    if not LabelFolder(folder, [ImageKey("1.png")]).from_run(ImageKey("1.png")):
        raise SilentLossError("what the run wrote is forgotten")
    whole = all(_is_object(line) for line in data.split(b"\n")[:-1])
    if not whole and not (told and (folder / f"{RECORD}.bad").read_bytes() == data):
        raise SilentLossError("a damaged record is neither told nor kept")


RUN_MANIFEST = Target(_manifest_seeds, _read_manifest, mutate_text)


# -- the record of taught weights


def _taught_seeds(_folder: Path) -> list[bytes]:
    scores = [{"what": "click", "before": 0.7, "after": 0.8}, {"what": "class a", "before": None, "after": 1}]
    entry = {"id": "masks-1", "kind": "masks", "when": 1.7e9, "scores": scores, "names": ["a", "ü"]}
    use = {"version": 1, "steps": [{}, {"masks": "masks-1"}], "at": 1}
    return [json.dumps([entry, use], ensure_ascii=False).encode()]


def _read_taught(data: bytes, folder: Path) -> None:
    """The first list item is the file of scores, the second that of the weights in use; else both are."""
    try:
        entry, use = (json.dumps(part).encode() for part in json.loads(data))
    except (ValueError, TypeError, RecursionError):
        entry = use = data
    home = folder / ".samdesk" / "taught"
    (home / "masks-1").mkdir(parents=True)
    (home / "masks-1" / "flint-taught-masks.safetensors").write_bytes(b"")
    (home / "masks-1" / "teaching.json").write_bytes(entry)
    (home / "use.json").write_bytes(use)
    record = TaughtRecord.read(folder)
    (kept,) = record.entries
    for text in (record.problem, kept.problem, *kept.names, *(score.what for score in kept.scores)):
        text.encode("utf-8", "surrogateescape")
    assert isinstance(kept.when + kept.seconds, (int, float))
    assert record.in_use.masks in (None, kept)
    if not _is_object(use) and not record.problem:
        raise SilentLossError("a damaged record is not told")
    record.use(kept)
    if TaughtRecord.read(folder).in_use.masks is None:
        raise SilentLossError("the weights in use are forgotten")


TAUGHT_RECORD = Target(_taught_seeds, _read_taught, mutate_text)


# -- notes: what is lost is asked or found again


def _note_seeds(folder: Path) -> list[bytes]:
    state = WorkFolder.open(folder / "work", "plan")
    return [
        b'["masks: 3 images", "split"]',
        json.dumps({"folder": "/data", "store": str(folder / "dataset.db")}).encode(),
        (state.root / "state.json").read_bytes(),
        b'{"weights_dir": "/weights", "settings_version": "0.0.6"}',
        b'{"event": "progress", "kind": "masks", "done": 1, "total": 9, "rate": 2.5, "seconds_left": null}',
    ]


def _read_notes(data: bytes, folder: Path) -> None:
    finding = TrainingFinding("split", "2 images are in both parts", only_information=False)
    state = Path(os.environ["SAMDESK_HOME"]) / "state"
    places = (state / "training", state / "stores", folder / "work", folder / "config" / "Ultralytics")
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
    dismissed._file(folder).write_bytes(data)
    dismissed.read(folder)
    dismissed.add(folder, [finding])
    if dismissed.undismissed(folder, [finding]):
        raise SilentLossError("what was dismissed is shown again")
    dismissed._file(folder).unlink()
    location = state / "stores" / dismissed._file(folder).name
    location.write_bytes(data)
    locate_store(folder)
    location.unlink()
    (folder / "work" / "state.json").write_bytes(data)
    WorkFolder.open(folder / "work", "another plan")
    (folder / "config" / "Ultralytics" / "settings.json").write_bytes(data)
    os.environ["YOLO_CONFIG_DIR"] = str(folder / "config")
    find("sam_b.pt")
    from_line(data.decode("utf-8", "surrogateescape"))


NOTES = Target(_note_seeds, _read_notes, mutate_text)
