"""The question whether a model file may run the code that it holds."""

from __future__ import annotations

from pathlib import Path

from samdesk.engine.checkpoints.trusted import UntrustedFileError
from samdesk.ui.kit.messages import Messages

_SHOWN = 4


def ask_to_trust(messages: Messages, file: UntrustedFileError) -> bool:
    """Asks the user, who has to confirm; Enter and Esc refuse."""
    return messages.confirm(
        f"Run the code in {Path(file.path).name}?", question_text(file), action="Run its code", danger=True
    )


def question_text(file: UntrustedFileError) -> str:
    """What the file is and what agreeing means."""
    named = [name.removesuffix("(...)") for name in file.needs]
    names = ", ".join(named[:_SHOWN]) + (f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else "")
    return (
        f"{file.path} is not only weights: it also holds program code, which runs when the file is opened. "
        f"It uses {names}.\n\n"
        "That code can do anything you can do on this computer: read, change and delete your files, or send "
        "them away. Most models need no code; a file from a stranger that does may be an attack.\n\n"
        "Run it only if you trust whoever made the file. Your answer is remembered for exactly this file; if "
        "it changes, you are asked again."
    )
