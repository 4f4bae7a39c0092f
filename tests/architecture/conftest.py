"""The sources are parsed once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers import sources


@pytest.fixture(scope="package", autouse=True)
def parsed_sources() -> Iterator[None]:
    yield
    sources.forget()
