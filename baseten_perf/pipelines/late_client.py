"""LateClient: the settings of a client, which is made when it is first used, in the process that uses it."""

from __future__ import annotations

import os
from inspect import signature
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ..client import PerformanceClient
from ..http.urls import request_url, shown_url
from ..policy.fields import OPTIONS
from ..validation import instance, string

if TYPE_CHECKING:
    from ..policy import RequestProcessingPreference

_OPTIONS = frozenset(signature(PerformanceClient).parameters) - {"base_url", "api_key", "preference"}


@runtime_checkable
class Secret(Protocol):
    """A str that is shown nowhere, such as pydantic's SecretStr."""

    def get_secret_value(self) -> str: ...


class LateClient:
    """Gives a client to a stage or an adapter. Pickles have the settings, and no client that was made of them.

    Parameters:
        owner: name of the class that has these parameters, for errors.
        base_url, preference: as of PerformanceClient.
        api_key: as of PerformanceClient, or pydantic's SecretStr of it.
        api_key_env: environment variable that holds the key where the client is made; not together with `api_key`.
        options: the other keywords of PerformanceClient.
        client: a client to use instead; then none of the others is given.

    Raises TypeError or ValueError naming the parameter.
    """

    def __init__(
        self,
        owner: str,
        base_url: str | None,
        /,
        *,
        client: PerformanceClient | None = None,
        api_key: str | Secret | None = None,
        api_key_env: str | None = None,
        preference: RequestProcessingPreference | None = None,
        **options: Any,
    ) -> None:
        for name in options:
            if name not in _OPTIONS:
                advice = f"; give preference=RequestProcessingPreference({name}=...)" if name in OPTIONS else ""
                raise TypeError(f"{owner}() got an unexpected keyword argument {name!r}{advice}")
        if api_key is not None and api_key_env is not None:
            raise ValueError("api_key and api_key_env are given; there is one key")
        if isinstance(api_key, Secret):
            api_key = api_key.get_secret_value()
        self._api_key = None if api_key is None else string("api_key", api_key)
        self._api_key_env = None if api_key_env is None else string("api_key_env", api_key_env)
        self._options = {**options, "preference": preference}
        self._made: PerformanceClient | None = None
        self._given: PerformanceClient | None = None
        if client is None:
            self._base_url = string("base_url", base_url)
            # What is wrong with the options of a client is told here and now.
            request_url(self._base_url, "/")
            self._make(self._api_key or "-").close()
        else:
            settings = {"base_url": base_url, "api_key": api_key, "api_key_env": api_key_env, **self._options}
            for name, value in settings.items():
                if value is not None:
                    raise ValueError(f"client and {name} are given; a client has its own")
            self._given = instance("client", client, PerformanceClient)
            self._base_url = client.base_url

    @property
    def client(self) -> PerformanceClient:
        """The client. Raises ValueError at the first use when there is no API key."""
        if self._given is not None:
            return self._given
        if self._made is None:
            key = self._api_key
            if self._api_key_env is not None:
                key = os.environ.get(self._api_key_env)
                if key is None:
                    raise ValueError(f"the environment variable {self._api_key_env!r} of api_key_env is not set")
            self._made = self._make(key)
        return self._made

    def _make(self, api_key: str | None) -> PerformanceClient:
        return PerformanceClient(self._base_url, api_key, **self._options)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_made": None}

    def __repr__(self) -> str:
        return f"base_url={shown_url(self._base_url)!r}"
