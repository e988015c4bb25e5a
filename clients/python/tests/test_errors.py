"""What goes wrong is said in a form that programs and people can read."""

import socket
from pathlib import Path

import pytest

import katonic
from katonic import Client
from katonic.api import models, operations
from katonic.errors import (
    ConfigurationError,
    DeniedError,
    InvalidError,
    KatonicError,
    NotFoundError,
    SnapshotError,
    StaleError,
    UnauthenticatedError,
    UnavailableError,
)

NO_PROJECT = "prj_01h455vb4pex5vsknk084sn02q"
NO_EXECUTION = "exe_01h455vb4pex5vsknk084sn02q"


def test_a_wrong_token_is_refused(url: str) -> None:
    with Client(url, "kat_wrong") as client, pytest.raises(UnauthenticatedError) as refused:
        client.projects()
    assert refused.value.reason == "TOKEN_INVALID"
    assert "KATONIC_TOKEN" in refused.value.next_step
    assert "kat_wrong" not in str(refused.value)
    with Client(url, "kat_wrong") as client, pytest.raises(UnauthenticatedError):
        next(client.events())


def test_a_token_is_good_for_its_scopes_only(client: Client, url: str) -> None:
    request = models.CreateTokenRequest(name="reader", scopes=["projects:read"])
    made = client.call(operations.CREATE_TOKEN, request)
    with Client(url, made.secret) as reader, pytest.raises(DeniedError) as refused:
        reader.run("true", project="never-made")
    assert refused.value.reason == "SCOPE_MISSING"


def test_what_is_not_there_is_said(client: Client) -> None:
    with pytest.raises(NotFoundError) as refused:
        client.run("true", project=NO_PROJECT)
    assert refused.value.reason == "NOT_FOUND"
    with pytest.raises(NotFoundError) as refused:
        client.job(NO_EXECUTION)
    assert refused.value.reason == "EXECUTION_NOT_FOUND"
    assert refused.value.trace_id
    with pytest.raises(NotFoundError):
        client.runs(project="there-is-none")


def test_what_is_wrong_is_named(client: Client, project: str) -> None:
    with pytest.raises(InvalidError) as refused:
        client.run("true", project="Not A Name")
    assert (refused.value.reason, list(refused.value.violations)) == ("INVALID_ARGUMENT", ["name"])
    with pytest.raises(InvalidError) as refused:
        client.run("true", project=project, tier="no-such-tier")
    assert refused.value.reason == "UNKNOWN_TIER"
    with pytest.raises(InvalidError) as refused:
        client.run([], project=project)
    assert "command" in refused.value.violations
    with pytest.raises(InvalidError, match="q: `<1` is not a number"):
        client.runs("loss<<1")
    with pytest.raises(InvalidError):
        client.job("nonsense/../x")


def test_a_stale_etag_is_refused(client: Client, project: str) -> None:
    job = client.run("true", project=project, wait=True)
    request = models.UpdateExecutionRequest(execution_id=job.id, title="best", etag=job.execution.etag)
    assert client.call(operations.UPDATE_EXECUTION, request).title == "best"
    with pytest.raises(StaleError) as refused:
        client.call(operations.UPDATE_EXECUTION, request)
    assert refused.value.reason == "ETAG_STALE"


def test_nobody_at_the_other_end_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with Client(url, "kat_x") as client, pytest.raises(UnavailableError, match=url) as refused:
        client.projects()
    assert isinstance(refused.value, KatonicError)
    assert refused.value.retryable
    monkeypatch.setenv("KATONIC_URL", url)
    monkeypatch.setenv("KATONIC_TOKEN", "kat_x")
    with pytest.raises(UnavailableError):
        next(katonic.events())


def test_a_folder_that_is_not_there_is_said(client: Client, project: str, tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="no folder"):
        client.run("true", project=project, folder=tmp_path / "none")


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for variable in ("KATONIC_URL", "KATONIC_TOKEN"):
        monkeypatch.delenv(variable)
    monkeypatch.setenv("KATONIC_HOME", str(tmp_path))
    return tmp_path


def test_the_local_installation_is_found(home: Path, url: str, token: str) -> None:
    with pytest.raises(ConfigurationError, match="no platform"):
        Client()
    (home / "secrets").mkdir()
    (home / "secrets/admin-token").write_text(f"{token}\n")
    (home / "client.toml").write_text(f'gateway = "{url}"\n')
    with Client() as client:
        assert client.url == url
        client.projects()


def test_the_local_token_goes_nowhere_else(home: Path, token: str) -> None:
    (home / "secrets").mkdir()
    (home / "secrets/admin-token").write_text(token)
    (home / "client.toml").write_text('gateway = "http://127.0.0.1:4100"\n')
    assert Client("http://127.0.0.1:4100/").url == "http://127.0.0.1:4100"
    with pytest.raises(ConfigurationError, match="no token"):
        Client("http://127.0.0.1:4200")


@pytest.mark.parametrize("url", ["127.0.0.1:1", "ftp://h", "http://", "http://h/api"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="no URL"):
        Client(url, "kat_x")


def test_a_token_cannot_carry_another_header() -> None:
    with pytest.raises(ConfigurationError):
        Client("http://h:1", "kat_x\nHost: evil")
