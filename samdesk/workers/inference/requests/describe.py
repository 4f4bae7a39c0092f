"""Request: describe the model in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from samdesk.engine.protocols import ModelInfo
from samdesk.workers.inference.events import Event
from samdesk.workers.inference.requests.kind import Needs, Request, RequestKind

if TYPE_CHECKING:
    from samdesk.workers.inference.loop import InferenceLoop


@dataclass(frozen=True)
class DescribeRequest(Request):
    """Describe the model in use completely, including what takes seconds to compute."""

    @property
    def kind(self) -> RequestKind[DescribeRequest]:
        return DESCRIBE


@dataclass(frozen=True)
class ModelDescribed(Event):
    """The description of the model in use is complete."""

    info: ModelInfo


def describe_model(loop: InferenceLoop, request: DescribeRequest) -> None:
    """Posts the description."""
    loop.model.describe()


DESCRIBE = RequestKind("describe", describe_model, needs=Needs.MODEL)
