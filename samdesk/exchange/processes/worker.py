"""A process that does a part of the work: ``samdesk exchange-worker``, started by ``processes.pool``.

It reads a ``ProcessWork`` and then lists of questions from its standard input, each as a pickle after its
length, and answers each list with a list of answers. It ends with its input.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
from typing import IO, Any

_LENGTH = struct.Struct("<Q")


def send(file: IO[bytes], value: object) -> None:
    """Writes a value. Raises ``OSError``."""
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    file.write(_LENGTH.pack(len(data)))
    file.write(data)
    file.flush()


def receive(file: IO[bytes]) -> Any:
    """Returns the next value. Raises ``EOFError`` at the end."""
    head = file.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    data = file.read(length)
    if len(data) < length:
        raise EOFError
    return pickle.loads(data)


def serve() -> None:
    """Answers what comes from the standard input, until its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the samdesk that ends this process
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what a library prints is no answer
        questions = sys.stdin.buffer
        try:
            work = receive(questions)
            while True:
                send(answers, work.answer(receive(questions)))
        except (EOFError, BrokenPipeError):
            return
