"""The platform that the tests use, and a project of its own for each."""

import os
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from katonic import AsyncClient, Client

from .proxy import CuttingProxy


@pytest.fixture(scope="session")
def url() -> str:
    return named("KATONIC_URL")


@pytest.fixture(scope="session")
def token() -> str:
    return named("KATONIC_TOKEN")


def named(variable: str) -> str:
    value = os.environ.get(variable, "")
    if not value:
        pytest.fail(
            f"{variable} is not set: these tests need a running platform, named by KATONIC_URL and KATONIC_TOKEN"
        )
    return value


@pytest.fixture
def client(url: str, token: str) -> Iterator[Client]:
    with Client(url, token) as client:
        yield client


@pytest.fixture
async def async_client(url: str, token: str) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(url, token) as client:
        yield client


@pytest.fixture
def project() -> str:
    return f"python-{uuid4().hex[:12]}"


@pytest.fixture
def proxy(url: str) -> Iterator[CuttingProxy]:
    with CuttingProxy(url) as proxy:
        yield proxy
