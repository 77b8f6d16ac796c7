"""A lighthouse on the time-skipping server: hours pass in milliseconds."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from tests.workflows.house import Lighthouse, workers_of
from tocsin.domain import naming
from tocsin.embedded.stack import add_search_attributes

TEST_SERVER = Path(sys.executable).with_name("temporal-test-server")


@pytest.fixture
async def env() -> AsyncIterator[WorkflowEnvironment]:
    """A time-skipping server of one's own: its clock is shared by all that runs on it."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(TEST_SERVER), data_converter=pydantic_data_converter
    ) as env:
        await add_search_attributes(env.client, naming.SEARCH_ATTRIBUTES)
        yield env


@pytest.fixture
async def house(env: WorkflowEnvironment) -> AsyncIterator[Lighthouse]:
    """A lighthouse with a worker for every queue."""
    house = Lighthouse(env)
    async with workers_of(house):
        yield house


DEV_SERVER = Path(sys.executable).with_name("temporal")


@pytest.fixture
async def real_env() -> AsyncIterator[WorkflowEnvironment]:
    """A real server of one's own, for what the time-skipping one cannot do."""
    arguments = [
        word
        for name, kind in naming.SEARCH_ATTRIBUTES.items()
        for word in ("--search-attribute", f"{name}={kind}")
    ]
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(DEV_SERVER),
        dev_server_extra_args=arguments,
        data_converter=pydantic_data_converter,
    ) as env:
        yield env


@pytest.fixture
async def real_house(real_env: WorkflowEnvironment) -> AsyncIterator[Lighthouse]:
    """The same lighthouse on a real server."""
    house = Lighthouse(real_env)
    async with workers_of(house):
        yield house
