"""Files that outlive a loss of power: written apart, synced, and put in their place at once."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Replace a file. After a crash it is either the old one or the new one."""
    beside = path.with_name(f"{path.name}.new")
    with open(beside, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    move(beside, path)


def move(source: Path, target: Path) -> None:
    """Put a synced file or folder in its place, where an old file may be."""
    os.replace(source, target)
    sync(target.parent)


def sync(path: Path) -> None:
    """Let a file or a folder reach the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    """Write all of `data` from `offset` on."""
    left = memoryview(data).cast("B")
    while left:
        written = os.pwrite(descriptor, left, offset)
        left, offset = left[written:], offset + written


def replace(source: Path, target: Path) -> None:
    """Put a synced file or folder in its place; an old folder is moved beside the source first, and then removed."""
    if not target.is_dir():
        move(source, target)
        return
    old = source.with_name(f"{source.name}.old")
    remove(old)
    os.replace(target, old)
    move(source, target)
    remove(old)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
