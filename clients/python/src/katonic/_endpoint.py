"""Which platform to call, and with which token: found as the command line tool finds them.

A URL that was given, or is in `KATONIC_URL`, wins; without one it is the installation of this machine. The token of the
local administrator is only ever sent to the local installation.
"""

import ipaddress
import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from .errors import ConfigurationError


@dataclass(frozen=True)
class Endpoint:
    """A platform and the token for it."""

    url: str
    token: str = field(repr=False)

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine, where no proxy can reach it."""
        host = urlsplit(self.url).hostname or ""
        try:
            return host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False


def find_endpoint(url: str | None, token: str | None) -> Endpoint:
    """Find the platform from what was given, the environment and this machine."""
    url = (url or os.environ.get("KATONIC_URL") or "").rstrip("/")
    token = (token or os.environ.get("KATONIC_TOKEN") or "").strip()
    local = _local() if not (url and token) else None
    if local and (not url or url == local.url):
        return _checked(local.url, token or local.token)
    if not url:
        raise ConfigurationError(
            "no platform is named, and none that you can use is installed on this machine",
            next_step="start one by `katonic up`, or set KATONIC_URL and KATONIC_TOKEN",
        )
    if not token:
        raise ConfigurationError(f"there is no token for {url}", next_step="set KATONIC_TOKEN")
    return _checked(url, token)


def _checked(url: str, token: str) -> Endpoint:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or url != f"{parts.scheme}://{parts.netloc}":
        raise ConfigurationError(f"`{url}` is no URL of a host", next_step="give one such as http://127.0.0.1:8080")
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise ConfigurationError("the token has characters that no token has", next_step="copy it again")
    return Endpoint(url, token)


def _local() -> Endpoint | None:
    home = _home()
    try:
        url = tomllib.loads((home / "client.toml").read_text())["gateway"]
        token = (home / "secrets/admin-token").read_text().strip()
    except (OSError, tomllib.TOMLDecodeError, KeyError):
        return None
    return Endpoint(str(url), token)


def _home() -> Path:
    if named := os.environ.get("KATONIC_HOME"):
        return Path(named)
    return Path("/var/lib/katonic") if os.geteuid() == 0 else Path.home() / ".local/share/katonic"
