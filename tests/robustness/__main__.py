"""Runs real samdesk processes on a full disk, without a home, with few files, ... and prints a table."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.make import photo

ROOT = Path(__file__).parents[2]
ANNOTATE = ("annotate", "photos", "--det-model", "flint", "--sam-model", "flint", "--device", "cpu")
_CAPS = "+dac_override,+dac_read_search"
NOBODY = ("setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups",
          f"--inh-caps={_CAPS}", f"--ambient-caps={_CAPS}")  # fmt: skip
"""A user without an entry in the list of users, who may read the installation."""


@dataclass(frozen=True)
class Done:
    """What a process did: exit code and output; -1 if it had to be killed."""

    code: int
    out: str
    err: str

    @property
    def in_words(self) -> bool:
        """Whether it ended by itself, without a traceback."""
        return self.code >= 0 and "Traceback" not in self.err + self.out

    @property
    def last(self) -> str:
        """The last lines of its output."""
        lines = [line for line in (self.out + self.err).splitlines() if line.strip()]
        return " / ".join(lines[-2:]).replace("|", "¦")[:400]


@contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def read_only(place: Path, on: bool = True) -> None:
    """Remounts a file system."""
    subprocess.run(["mount", "-o", f"remount,{'ro' if on else 'rw'}", str(place)], check=True)


def fill(place: Path) -> None:
    """Writes until there is no room."""
    with (place / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return


def photos(folder: Path, count: int = 3) -> Path:
    """Writes images into ``folder/photos``."""
    for number in range(count):
        photo(folder / "photos" / f"{number}.png", 320, 240, seed=number)
    return folder


def samdesk(*arguments: str, where: Path, before: tuple[str, ...] = (), **changes: str | None) -> list[str]:
    """The command of a samdesk process."""
    environment = {"SAMDESK_HOME": str(where / "home"), "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    environment |= {"HOME": str(where), "QT_QPA_PLATFORM": "offscreen", "YOLO_OFFLINE": "true"}
    given = {**environment, **changes}
    pairs = [f"{name}={value}" for name, value in given.items() if value is not None]
    return [*before, "env", "-i", *pairs, sys.executable, "-m", "samdesk", *arguments]


def run(
    command: list[str], where: Path, meanwhile: Callable[[subprocess.Popen[str]], None] | None = None
) -> Done:
    """Runs a process; ``meanwhile`` is called once it prints its first line."""
    process = subprocess.Popen(
        command,
        cwd=where,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="backslashreplace",
    )
    first = ""
    if meanwhile is not None:
        assert process.stdout is not None
        first = process.stdout.readline()
        meanwhile(process)
    try:
        out, err = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        return Done(-1, first + out, err)
    return Done(process.returncode, first + (out or ""), err)


def limited(limit: str) -> tuple[str, ...]:
    """A shell that sets a limit and becomes the program after it."""
    return ("bash", "-c", f'ulimit {limit}; exec "$@"', "limited")


def without_qt(text: str) -> str:
    """The standard error without what Qt's offscreen platform says of each window."""
    return "\n".join(line for line in text.splitlines() if "propagateSizeHints" not in line)


# -- the rows: each returns what happened


def full_disk(scratch: Path) -> Done:
    with small_disk(scratch / "disk", 4) as disk:
        photos(disk)
        fill(disk)
        return run(samdesk(*ANNOTATE, where=scratch), disk)


def disk_fills(scratch: Path) -> Done:
    with small_disk(scratch / "disk", 4) as disk:
        photos(disk, 6)
        return run(samdesk(*ANNOTATE, where=scratch), disk, lambda _: fill(disk))


def read_only_folder(scratch: Path) -> Done:
    with small_disk(scratch / "disk", 4) as disk:
        photos(disk)
        read_only(disk)
        return run(samdesk(*ANNOTATE, where=scratch), disk)


def becomes_read_only(scratch: Path) -> Done:
    with small_disk(scratch / "disk", 4) as disk:
        photos(disk, 6)
        return run(samdesk(*ANNOTATE, where=scratch), disk, lambda _: read_only(disk))


def vanished_folder(scratch: Path) -> Done:
    photos(scratch, 8)
    return run(samdesk(*ANNOTATE, where=scratch), scratch, lambda _: shutil.rmtree(scratch / "photos"))


def no_home(scratch: Path) -> Done:
    photos(scratch)
    return run(samdesk(*ANNOTATE, where=scratch, before=NOBODY, HOME=None, SAMDESK_HOME=None), scratch)


def unwritable_home(scratch: Path) -> Done:
    photos(scratch)
    with small_disk(scratch / "home", 1) as home:
        read_only(home)
        return run(samdesk(*ANNOTATE, where=scratch), scratch)


def c_locale(scratch: Path) -> Done:
    photos(scratch)
    photo(scratch / "photos" / "ü\x1b[2J.png", 320, 240)
    changes = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    return run(samdesk(*ANNOTATE, where=scratch, **changes), scratch)


def not_utf_8(scratch: Path) -> Done:
    photos(scratch)
    shutil.copy(scratch / "photos" / "0.png", os.fsencode(scratch / "photos") + b"/caf\xe9.png")
    return run(samdesk(*ANNOTATE, where=scratch, PYTHONIOENCODING="ascii"), scratch)


def few_files(scratch: Path) -> Done:
    photos(scratch)
    return run(samdesk(*ANNOTATE, where=scratch, before=limited("-n 9")), scratch)


def little_memory(scratch: Path) -> Done:
    photos(scratch)
    return run(samdesk(*ANNOTATE, where=scratch, before=limited("-v 900000")), scratch)


def closed_pipe(scratch: Path) -> Done:
    photos(scratch, 4)

    def close(process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None

    done = run(samdesk(*ANNOTATE, where=scratch), scratch, close)
    count = len(list((scratch / "photos").glob("*.txt")))
    return Done(done.code, f"{count} of 4 label files", done.err)


def no_display(scratch: Path) -> Done:
    photos(scratch)
    return run(samdesk("photos", where=scratch, QT_QPA_PLATFORM=None), scratch)


def window_signal(number: signal.Signals) -> Callable[[Path], Done]:
    def end(scratch: Path) -> Done:
        photos(scratch)
        command = samdesk("photos", where=scratch)
        process = subprocess.Popen(command, cwd=scratch, stderr=subprocess.PIPE, text=True)
        settings = scratch / "home" / "config" / "settings.json"
        deadline = time.monotonic() + 60
        while not settings.exists() and time.monotonic() < deadline:  # written once the folder is open
            time.sleep(0.1)
        process.send_signal(number)
        try:
            _, err = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            return Done(-1, "did not end", "")
        geometry = "window.geometry" in settings.read_text("utf-8")
        said = without_qt(err)
        return Done(process.returncode, f"settings and layout {'saved' if geometry else 'NOT saved'}", said)

    return end


def editing(fault: str) -> Callable[[Path], Done]:
    """A window whose disk fails while the user draws, and is put right again."""

    def edit(scratch: Path) -> Done:
        with small_disk(scratch / "disk", 8) as disk:
            photos(disk)
            command = samdesk(str(disk / "photos"), fault, where=scratch)
            command[command.index("samdesk")] = "tests.robustness.window_session"
            done = run(command, ROOT)
            if done.code == 3:
                return Done(-1, done.out, done.err)
            return Done(
                done.code, done.out, "\n".join(x for x in done.err.splitlines() if "SizeHints" not in x)
            )

    return edit


ROWS: dict[str, Callable[[Path], Done]] = {
    "annotate, the disk is full": full_disk,
    "annotate, the disk fills": disk_fills,
    "annotate, a read-only folder": read_only_folder,
    "annotate, remounted read-only": becomes_read_only,
    "annotate, the folder vanishes": vanished_folder,
    "annotate, no HOME and an unknown user": no_home,
    "annotate, a home that cannot be written": unwritable_home,
    "annotate, C locale, an escape in a name": c_locale,
    "annotate, a name that is not UTF-8, ASCII output": not_utf_8,
    "annotate, 9 open files at most": few_files,
    "annotate, 900 MB of address space": little_memory,
    "annotate, the reader of the output goes": closed_pipe,
    "window, the disk fills while drawing": editing("full"),
    "window, new files read-only while drawing": editing("read-only"),
    "window, the folder vanishes while drawing": editing("vanished"),
    "window, no display": no_display,
    "window, Ctrl+C": window_signal(signal.SIGINT),
    "window, SIGTERM": window_signal(signal.SIGTERM),
}


def main() -> int:
    """Returns 1 if a process ended otherwise than in words."""
    wanted = sys.argv[1:]
    faults = 0
    print("| condition | exit code | in words | output ends with |\n| --- | --- | --- | --- |")
    for name, row in ROWS.items():
        if wanted and not any(word in name for word in wanted):
            continue
        with tempfile.TemporaryDirectory(prefix="samdesk-robust-") as scratch:
            done = row(Path(scratch))
        faults += not done.in_words
        print(f"| {name} | {done.code} | {'yes' if done.in_words else 'NO'} | {done.last} |", flush=True)
        if not done.in_words:
            print(done.err[-3000:], file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
