"""Access tokens for Vertex AI: given, or made from credentials and kept fresh.

A token is never logged and never part of an error; google-auth blocks, so it works in a thread.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread

from ..._http._proxies import proxy_of
from ...exceptions import AuthenticationError, HTTPConnectionError, TarashException

if TYPE_CHECKING:
    from ..._data._exchange import Config

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
TOKENS = "https://oauth2.googleapis.com"
ACCESS_TOKEN = "access_token"  # noqa: S105  (the setting's name)
CREDENTIALS = (ACCESS_TOKEN, "credentials", "credentials_path")
API_KEYS = ("AIza", "AQ.")
"""What keys of the Gemini API begin with, which are no tokens."""
REFRESH_SECONDS = 20
"""One exchange with the token endpoint may take so long."""


class Tokens:
    """Where an account's access tokens come from: of the settings, the first that is there.

    `access_token` (text), `credentials` (an object of google-auth), `credentials_path` (a file),
    else the application default credentials of the machine.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._given: str | None = settings.get(ACCESS_TOKEN)
        self._credentials: Any = settings.get("credentials")
        self._path: str | None = settings.get("credentials_path")
        self._lock = anyio.Lock()

    @property
    def quota_project(self) -> str | None:
        """The project that requests are counted against, where the credentials name one."""
        return getattr(self._credentials, "quota_project_id", None)

    async def token(self) -> str:
        """Return a token that is valid now.

        Raises:
            AuthenticationError: There are no credentials, or they were refused.
            HTTPConnectionError: The token endpoint can't be reached.
        """
        if self._given is not None:
            return self._given

        async with self._lock:
            return await to_thread.run_sync(self._fresh)

    def _fresh(self) -> str:
        import google.auth.exceptions as problems

        failure: TarashException
        try:
            return self._refreshed()
        except problems.TransportError as error:
            failure = HTTPConnectionError(
                f"Google's token endpoint can't be reached ({type(error).__name__}); check the "
                "network",
                submission="not_sent",
            )
        except problems.GoogleAuthError as error:
            message = f"{type(error).__name__}: {error.args[0] if error.args else ''}"
            failure = _refused(message, missing=isinstance(error, problems.DefaultCredentialsError))
        except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
            failure = _refused(f"{type(error).__name__} while reading {self._path}", missing=True)

        # Without its cause: what google-auth raises may quote the credentials.
        raise failure

    def _refreshed(self) -> str:
        if self._credentials is None:
            self._credentials = _from_file(self._path) if self._path else _default()

        if not self._credentials.valid:
            proxy_of(TOKENS)  # google-auth makes connections of its own, and says less of a proxy
            import requests
            from google.auth.transport.requests import Request

            with requests.Session() as session:
                request = Request(session)
                self._credentials.refresh(_hurried(request))

        return str(self._credentials.token)


def _hurried(request: Any) -> Any:
    """Give each exchange a limit of ours: google-auth's own is two minutes."""

    def send(url: str, *arguments: Any, **options: Any) -> Any:
        return request(url, *arguments, **{**options, "timeout": REFRESH_SECONDS})

    return send


def _default() -> Any:
    import google.auth

    credentials, _project = google.auth.default(scopes=SCOPES)
    return credentials


def _from_file(path: str) -> Any:
    """Load credentials of one of the kinds that people keep in files."""
    content = json.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  (of the file's text, not of a type)

    kind: Any  # google-auth has few types of its own
    if content.get("type") == "authorized_user":
        from google.oauth2 import credentials

        kind = credentials.Credentials
        return kind.from_authorized_user_info(content, SCOPES)

    from google.oauth2 import service_account

    kind = service_account.Credentials
    return kind.from_service_account_info(content, scopes=SCOPES)


def has_credentials(settings: Mapping[str, Any]) -> bool:
    """Tell whether settings say themselves where tokens come from."""
    return any(settings.get(name) is not None for name in CREDENTIALS)


def _refused(message: str, *, missing: bool) -> AuthenticationError:
    """Return the error for credentials that give no token; missing ones won't by themselves."""
    return AuthenticationError(
        f"No access token for Vertex AI: {message} (check credentials_path, run `gcloud auth "
        "application-default login`, or give a token: 'access_token' in provider_config, or "
        "api_keys={'google': …} where a job is resumed)",
        submission="not_sent",
        code="no_key" if missing else None,
    )


def has_token(config: Config) -> bool:
    """Tell whether a config is for Vertex AI."""
    return config.provider_config.get("gcp_project") is not None


def with_token(config: Config, token: str) -> Config | None:
    """Return a config for Vertex AI with an access token; None where it has credentials."""
    settings = config.provider_config
    if not has_token(config) or token.startswith(API_KEYS) or has_credentials(settings):
        return None

    return config.model_copy(update={"provider_config": {**settings, ACCESS_TOKEN: token}})
