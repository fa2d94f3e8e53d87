"""MessagePack documents as Python values, in the forms that the reference client gives them."""

from __future__ import annotations

import re
from typing import Any

# How extension type -1, the timestamp, begins in each of its three forms.
_TIMESTAMP = re.compile(rb"\xd6\xff|\xd7\xff|\xc7\x0c\xff")


def loads(text: bytes) -> Any:
    """The value of a MessagePack document of up to 1024 levels.

    str, bin (as bytes), numbers, nil, booleans, arrays as lists, maps with any hashable keys; an extension, timestamps
    included, becomes the tuple (type, bytes).

    Raises ValueError.
    """
    # Here and not above: most servers answer in JSON.
    import msgpack

    # A few bytes may claim lengths for which gigabytes would be set aside. So first see, making nothing, whether all
    # that is claimed is there.
    walker = msgpack.Unpacker(max_buffer_size=max(1, len(text)))
    walker.feed(text)
    try:
        walker.skip()
        if _TIMESTAMP.search(text):
            return _with_timestamps(text)
        return msgpack.unpackb(text, strict_map_key=False, ext_hook=_extension)
    except msgpack.OutOfData:
        raise ValueError("unexpected end of data") from None
    except msgpack.StackError:
        raise ValueError("depth limit exceeded") from None
    except msgpack.FormatError:
        raise ValueError("a byte that begins no value") from None
    except msgpack.ExtraData:
        raise ValueError("the document ends before the body does") from None
    except TypeError as reason:
        raise ValueError(f"a map's key: {reason}") from None


def _extension(kind: int, content: bytes) -> tuple[int, bytes]:
    return kind, content


def _with_timestamps(text: bytes) -> Any:
    """The same for documents that hold timestamps: the one extension that the library decodes by itself."""
    from msgpack import Timestamp, unpackb

    def plain(value: Any) -> Any:
        return (-1, value.to_bytes()) if type(value) is Timestamp else value

    document = unpackb(
        text,
        strict_map_key=False,
        ext_hook=_extension,
        list_hook=lambda values: list(map(plain, values)),
        object_pairs_hook=lambda pairs: {plain(key): plain(value) for key, value in pairs},
    )
    return plain(document)
