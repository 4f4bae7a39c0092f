"""Command-line options for the parameters of auto-annotate, made from their table."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Annotated, Any

import typer

from samdesk.settings.parameters import PARAMETERS

TRUST_HELP = (
    "Let the model files run program code that they hold (remembered for these files). Only for files whose "
    "maker you trust: the code can do whatever you can do."
)


def with_parameters(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a Typer command one option per parameter in place of its ``**parameters``."""

    @wraps(command)
    def wrapper(*args: Any, **options: Any) -> None:
        command(*args, **options)

    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    options = [
        inspect.Parameter(
            row.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=row.default,
            annotation=Annotated[type(row.default), typer.Option(help=row.usage)],
        )
        for row in PARAMETERS
    ]
    # Typer reads both: the signature for the options, the annotations for their types.
    wrapper.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
    wrapper.__annotations__ = {p.name: p.annotation for p in (*own, *options)}
    return wrapper


def class_choice(texts: Sequence[str] | None) -> tuple[tuple[int, ...] | None, tuple[str, ...]]:
    """Class ids (None: none given) and names from texts such as "0,2", "0 2" and "person,traffic light"."""
    ids: list[int] = []
    names: list[str] = []
    for part in ",".join(texts or ()).split(","):
        words = part.split()
        if all(word.removeprefix("-").isdecimal() for word in words):
            ids += map(int, words)
        else:
            names.append(" ".join(words))
    return (tuple(ids) if ids or (texts and not names) else None), tuple(names)


def class_confidences(texts: Sequence[str] | None) -> tuple[tuple[str, float], ...]:
    """Pairs (class name, minimum confidence) from texts such as "person=0.4,traffic light=0.6".

    Raises:
        ValueError: One is no such pair.
    """
    result = []
    for part in ",".join(texts or ()).split(","):
        name, _, value = part.rpartition("=")
        if not part.strip():
            continue
        try:
            result.append((" ".join(name.split()), float(value)))
        except ValueError:
            name = ""
        if not name.strip():
            raise ValueError(f"--class-conf must be a class and its confidence (person=0.4), not {part!r}")
    return tuple(result)
