"""Embedder: what the components for texts and for documents share: parameters, the client, being written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from haystack import default_from_dict, default_to_dict
from haystack.utils import Secret

from ...pipelines.late_client import LateClient

if TYPE_CHECKING:
    from typing_extensions import Self

    from ...client import PerformanceClient
    from ...responses import OpenAIEmbeddingsResponse

KEY = Secret.from_env_var(["BASETEN_API_KEY", "OPENAI_API_KEY"])


class Embedder:
    """What the components have in common. Haystack makes their classes anew, so that they cannot call `super()`.

    Parameters:
        base_url, model: as of PerformanceClient and of its `embed`.
        api_key: resolved when the client is made, at `warm_up` or the first run.
        prefix, suffix: what each text begins and ends with.
        embed_options: other keywords of `embed`: `dimensions`, `extra_body`, `batch_size`, `timeout_s`, ...
        client_options: other keywords of PerformanceClient.
    """

    def __init__(
        self,
        base_url: str,
        model: str | None,
        api_key: Secret,
        prefix: str,
        suffix: str,
        embed_options: dict[str, Any] | None,
        client_options: dict[str, Any] | None,
        **others: Any,
    ) -> None:
        self._parameters = {
            "base_url": base_url, "model": model, "api_key": api_key, "prefix": prefix, "suffix": suffix,
            "embed_options": embed_options, "client_options": client_options, **others,
        }  # fmt: skip
        self._key = api_key
        self._base_url = base_url
        self._affixes = prefix, suffix
        self._embed_options = {**(embed_options or {}), "model": model}
        self._client_options = client_options or {}
        self._late: LateClient | None = None
        self._settings(None)  # what is wrong is told here

    def warm_up(self) -> None:
        """Make the client. Raises ValueError when there is no key."""
        if self._late is None:
            self._late = self._settings(self._key.resolve_value())

    def to_dict(self) -> dict[str, Any]:
        """What makes an equal component. Raises ValueError for a key that is no variable's, or a login in base_url."""
        if "@" in urlsplit(self._base_url).netloc:
            raise ValueError("base_url holds a user name, and perhaps a password, which are not written down")
        written: dict[str, Any] = default_to_dict(self, **self._parameters)
        return written

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The component that `to_dict` has written down."""
        made: Self = default_from_dict(cls, data)
        return made

    def _settings(self, api_key: str | None) -> LateClient:
        return LateClient(type(self).__name__, self._base_url, api_key=api_key, **self._client_options)

    def _client(self) -> PerformanceClient:
        self.warm_up()
        assert self._late is not None
        return self._late.client

    def _text(self, text: str) -> str:
        prefix, suffix = self._affixes
        return prefix + text + suffix


def meta_of(response: OpenAIEmbeddingsResponse[Any]) -> dict[str, Any]:
    """What Haystack's own embedders tell of a response."""
    usage = {"prompt_tokens": response.usage.prompt_tokens, "total_tokens": response.usage.total_tokens}
    return {"model": response.model, "usage": usage}
