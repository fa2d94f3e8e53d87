"""PerformanceEncoder: `encode` as sentence-transformers has it, for a model behind an API; it needs no such package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..operations.columns import listed
from ..pipelines.late_client import LateClient
from ..validation import string, string_mapping

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..client.inputs import Texts
    from ..policy.keywords import Progress

LEAST_LENGTH = 1e-12  # of a vector that is divided by it


class PerformanceEncoder:
    """Encodes texts: `embed` of PerformanceClient, with the methods of sentence_transformers.SentenceTransformer.

    Parameters:
        base_url, model: as of PerformanceClient and of its `embed`.
        prompts: what texts begin with, by name, such as {"query": "query: ", "document": "passage: "}.
        default_prompt_name: of `prompts`, for calls that name none.
        dimensions, url_path, extra_body: as of `embed`.
        connection: `api_key` or `api_key_env`, `preference` and the other keywords of PerformanceClient; or `client`,
            a PerformanceClient, in place of all these and of `base_url`.
    """

    def __init__(
        self, base_url: str | None = None, model: str | None = None, *, prompts: Mapping[str, str] | None = None,
        default_prompt_name: str | None = None, dimensions: int | None = None, url_path: str | None = None,
        extra_body: Mapping[str, Any] | None = None, **connection: Any,
    ) -> None:  # fmt: skip
        self._late = LateClient(type(self).__name__, base_url, **connection)
        self.prompts = string_mapping("prompts", {} if prompts is None else prompts)
        self.default_prompt_name = default_prompt_name
        self._prompt(default_prompt_name)
        details = {"model": model, "dimensions": dimensions, "url_path": url_path, "extra_body": extra_body}
        self._details: dict[str, Any] = details

    def encode(
        self, sentences: Texts, prompt_name: str | None = None, prompt: str | None = None,
        batch_size: int | None = None, show_progress_bar: Progress | None = None, *,
        normalize_embeddings: bool = False, convert_to_numpy: Literal[True] = True,
    ) -> NDArray[np.float32]:  # fmt: skip
        """The vectors of texts: float32, of shape (texts, dimension), or (dimension,) for a str.

        Parameters:
            sentences: a str, or a sequence or column of str, also an empty one.
            prompt_name, prompt: what each text begins with, by its name in `prompts` (ValueError when it is not
                there) or as it is, which comes first.
            batch_size: inputs per request, as of `embed`.
            show_progress_bar: `progress` of `embed`.
            normalize_embeddings: divide each vector by its length.
            convert_to_numpy: True; there are no tensors here.
        """
        if convert_to_numpy is not True:
            raise ValueError(f"convert_to_numpy must be True, not {convert_to_numpy!r}: vectors are numpy arrays")
        start = self._prompt(prompt_name or self.default_prompt_name) if prompt is None else string("prompt", prompt)
        texts = listed(sentences)
        if texts is None:  # a str, or what `embed` refuses
            texts = [sentences]
        if not texts:
            return np.empty((0, self._details["dimensions"] or 0), np.float32)
        if start:
            texts = [start + text if isinstance(text, str) else text for text in texts]
        options = {**self._details, "batch_size": batch_size, "progress": show_progress_bar}
        vectors: NDArray[np.float32] = self._late.client.embed(texts, **options).numpy()
        if normalize_embeddings:
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), LEAST_LENGTH)
        return vectors[0] if isinstance(sentences, str) else vectors

    def encode_query(self, sentences: Texts, prompt_name: str | None = None, **options: Any) -> NDArray[np.float32]:
        """As `encode`, with the prompt "query" where `prompts` has it."""
        return self.encode(sentences, prompt_name or self._first("query"), **options)

    def encode_document(self, sentences: Texts, prompt_name: str | None = None, **options: Any) -> NDArray[np.float32]:
        """As `encode`, with the prompt "document", "passage" or "corpus", the first of them that `prompts` has."""
        return self.encode(sentences, prompt_name or self._first("document", "passage", "corpus"), **options)

    def _first(self, *names: str) -> str | None:
        return next((name for name in names if name in self.prompts), None)

    def _prompt(self, name: str | None) -> str:
        if name is None:
            return ""
        if name not in self.prompts:
            raise ValueError(f"there is no prompt {name!r} in prompts; it has {', '.join(map(repr, self.prompts))}")
        return self.prompts[name]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._late!r}, model={self._details['model']!r})"
