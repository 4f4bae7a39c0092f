"""What a run with an open vocabulary looks for, as its plan and its journal have it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from samdesk.base.text import counted

_BETWEEN_TEXTS = re.compile("[,;|]")


def texts_of(text: str) -> tuple[str, ...]:
    """The words for a label in a text of the user: "red apple, green apple" is two, each a prompt."""
    parts = (" ".join(part.split()) for part in _BETWEEN_TEXTS.split(text))
    return tuple(dict.fromkeys(part for part in parts if part))


@dataclass(frozen=True)
class PlannedExample:
    """An example of a label, on an image of the dataset.

    Attributes:
        key: The image.
        box: x0, y0, x1, y1, image pixels.
    """

    key: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class PlannedConcept:
    """A label that a run looks for.

    Attributes:
        label: Its name.
        texts: Words for it.
        examples: Objects that look like it. They are in the plan with their boxes, so that a run which is
            resumed or made again looks for the same, whatever has become of the annotations.
    """

    label: str
    texts: tuple[str, ...] = ()
    examples: tuple[PlannedExample, ...] = ()

    @property
    def title(self) -> str:
        """Label, words and number of examples, for the user: 'apple: "red apple", 5 examples'."""
        own = self.texts == (self.label,)
        parts = [] if own else [f'"{text}"' for text in self.texts]
        parts += [counted(len(self.examples), "example")] if self.examples else []
        return f"{self.label}: {', '.join(parts)}" if parts else self.label

    def to_json(self) -> dict[str, Any]:
        """As values that JSON has; see ``from_json``."""
        examples = [[example.key, *example.box] for example in self.examples]
        return {"label": self.label, "texts": list(self.texts), "examples": examples}

    @classmethod
    def from_json(cls, value: Any) -> PlannedConcept:
        """The concept of ``to_json``. Raises ``ValueError`` if it is none."""
        try:
            examples = tuple(
                PlannedExample(str(key), (float(x0), float(y0), float(x1), float(y1)))
                for key, x0, y0, x1, y1 in value["examples"]
            )
            return cls(str(value["label"]), tuple(map(str, value["texts"])), examples)
        except (TypeError, KeyError, ValueError) as error:
            raise ValueError(f"this is no concept: {value!r:.80}") from error
