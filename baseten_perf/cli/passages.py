"""Passages to try a client on: the sentences of Python's own language reference, which every Python brings along."""

from __future__ import annotations

import re

SHORTEST = 6  # words
SENTENCE_END = re.compile(r"(?<=[.:!?])\s+(?=[A-Z`\"'*])")


def passages(count: int) -> list[str]:
    """The first `count` passages, always the same; fewer if there are no more.

    Single sentences come first, then runs of two, of three, and so on.
    """
    from pydoc_data.topics import topics

    sections = [sentences(topics[name]) for name in sorted(topics)]
    found: dict[str, None] = {}
    for length in range(1, max(map(len, sections)) + 1):
        for section in sections:
            for start in range(len(section) - length + 1):
                if len(found) >= count:
                    return list(found)
                found[" ".join(section[start : start + length])] = None
    return list(found)


def sentences(text: str) -> list[str]:
    """The sentences of a text that have some length, each on one line."""
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    found = (sentence for paragraph in paragraphs for sentence in SENTENCE_END.split(paragraph))
    return [sentence for sentence in found if len(sentence.split()) >= SHORTEST]
