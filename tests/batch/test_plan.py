"""The plan of a run: its parameters as JSON has them."""

from __future__ import annotations

import json

import pytest

from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.domain.document import ImageKey


def test_the_parameters_of_a_plan_make_it_again() -> None:
    plan = AutoAnnotatePlan(
        det_model="own.pt",
        classes=(0, 2),
        mapping=(("car", "vehicle"),),
        class_conf=(("bus", 0.7),),
        objects_from="boxes",
        tile=640,
        keys=(ImageKey("a.jpg"),),
    )
    stored = json.loads(json.dumps(plan.parameters()))
    assert "keys" not in stored
    again = AutoAnnotatePlan.from_parameters({**stored, "of_a_newer_samdesk": 1})
    assert again.keys is None
    assert again.parameters() == plan.parameters()


@pytest.mark.parametrize("values", [{"conf": 7.0}, {"conf": "much"}, {"classes": 3}, {"class_conf": [1]}])
def test_what_is_no_plan_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"conf|classes|parameters"):
        AutoAnnotatePlan.from_parameters(values)
