"""Command-line options for the parameters of auto-annotate, made from their table."""

from __future__ import annotations

import inspect
from collections.abc import Callable
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
