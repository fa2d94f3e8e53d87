"""Texts to embed: short ones, which cost next to nothing to send, and such as documents are cut into."""

from __future__ import annotations

_ENGLISH = (
    'The committee met again on Tuesday.\n"Nothing has changed," she said, and read the figures: 14 % more than in '
    "1998, at half the price. What follows is a summary of what was said, in the order in which it was said.\n\n"
)
_OTHERS = (
    "Über die Maße der Brücke, 1 280 m, wurde früher gestritten; heute weiß man's: „Später“ heißt „nie“. ",
    "En été, l'eau du fleuve baisse d'un mètre; à la fin d'août, on y marche à pied jusqu'à l'île. 😀 ",
    "委員会は火曜日に再び開かれた。「何も変わっていない」と彼女は言い、数字を読み上げた。",
)
_EVERY = 4  # each fourth text has characters that are not ASCII


def texts(count: int, length: int = 0) -> list[str]:
    """As many texts, each another one; of `length` characters each, or short ones."""
    if not length:
        return [f"text {number}" for number in range(count)]
    bodies = [_of_length(_ENGLISH, length), *(_of_length(other, length) for other in _OTHERS)]
    return [_numbered(number, bodies) for number in range(count)]


def _numbered(number: int, bodies: list[str]) -> str:
    head = f"{number} "
    kind = number // _EVERY % len(_OTHERS) + 1 if number % _EVERY == 0 else 0
    return head + bodies[kind][len(head) :]


def _of_length(paragraph: str, length: int) -> str:
    return (paragraph * (length // len(paragraph) + 1))[:length]
