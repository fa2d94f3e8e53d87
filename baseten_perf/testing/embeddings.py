"""The deterministic embedding model: hashed words and character n-grams, normalised to length 1.

Texts that share words, or parts of words, come out similar; any two different texts come out different, so that rows
that were swapped or shifted on their way do not go unnoticed. Nothing depends on PYTHONHASHSEED or on the other texts
of a batch: all sums are sums of small integers, exact in any order.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy
from numpy.typing import NDArray

DIMENSION = 384
WORD = re.compile(r"\w+")
LONGEST_CACHED_WORD = 64
SALTS = (b"1", b"2", b"3", b"4")  # of the whole text: in one bucket alone, short texts would collide
HASH, WEIGHT = 0, 1


def feature_hash(feature: str, salt: bytes = b"") -> int:
    """64 bits that tell the feature's bucket and sign."""
    digest = blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=8, salt=salt).digest()
    return int.from_bytes(digest, "little")


def word_features(word: str) -> NDArray[numpy.uint64]:
    """Rows of (hash, weight) for a word, the word itself first, then its n-grams of 3 and 4 characters.

    Long words weigh more than short ones, which stands in for how rare they are.
    """
    features = [(feature_hash(word), 1 + min(len(word) // 2, 4))]
    if len(word) > 3:
        framed = f"<{word[:LONGEST_CACHED_WORD]}>"
        features += [(feature_hash(framed[i : i + n]), 1) for n in (3, 4) for i in range(len(framed) - n + 1)]
    return numpy.array(features, dtype=numpy.uint64)


cached_word_features = functools.lru_cache(maxsize=65536)(word_features)


def text_features(text: str) -> NDArray[numpy.uint64]:
    """Rows of (hash, weight) for a text: its words, pairs of neighbours, and the text as a whole."""
    whole = numpy.array([(feature_hash(text, salt), 1) for salt in SALTS], dtype=numpy.uint64)
    words = [
        cached_word_features(word) if len(word) <= LONGEST_CACHED_WORD else word_features(word)
        for word in WORD.findall(text.lower())
    ]
    if not words:
        return whole
    first = numpy.array([features[0, HASH] for features in words], dtype=numpy.uint64)
    pairs = numpy.ones((len(words) - 1, 2), dtype=numpy.uint64)
    pairs[:, HASH] = (first[:-1] * numpy.uint64(0x9E3779B97F4A7C15)) ^ first[1:]
    return numpy.concatenate([whole, pairs, *words])


def embeddings(texts: Sequence[str], dimension: int = DIMENSION) -> NDArray[numpy.float32]:
    """Vectors of length 1, one per text: float32, shape (len(texts), dimension)."""
    features = [text_features(text) for text in texts]
    text_of_feature = numpy.repeat(numpy.arange(len(texts)), [len(of_text) for of_text in features])
    flat = numpy.concatenate(features)
    hashes = flat[:, HASH]
    buckets = (hashes >> numpy.uint64(1)) % numpy.uint64(dimension)
    signs = 1.0 - 2.0 * (hashes & numpy.uint64(1))
    sums = numpy.bincount(
        text_of_feature * dimension + buckets.astype(numpy.int64),
        signs * flat[:, WEIGHT],
        minlength=len(texts) * dimension,
    ).reshape(len(texts), dimension)
    norms = numpy.sqrt((sums * sums).sum(axis=1, keepdims=True))
    cancelled = norms[:, 0] == 0.0
    sums[cancelled, 0] = norms[cancelled, 0] = 1.0
    rows: NDArray[numpy.float32] = (sums / norms).astype(numpy.float32)
    return rows


def embedding(text: str, dimension: int = DIMENSION) -> NDArray[numpy.float32]:
    """The vector of one text, exactly as the server answers it: float32, shape (dimension,)."""
    row: NDArray[numpy.float32] = embeddings([text], dimension)[0]
    return row
