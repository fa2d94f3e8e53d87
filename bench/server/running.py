"""A server that runs: where it answers, what it is, the CPU it has used, and how it ends."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

_STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class RunningServer:
    """Owns the server's process and its temporary directory until stop().

    https_urls: by HTTP version, where it speaks TLS. ca_file: the certificate of the authority that signed its own.
    """

    title: str
    base_url: str
    process: subprocess.Popen[str]
    directory: Path
    https_urls: dict[int, str] = field(default_factory=dict)
    ca_file: str = ""

    def cpu_seconds(self) -> float | None:
        """User + system time of the server and its children so far; None where there is no /proc."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        if not children.exists():
            return None
        return sum(_cpu_seconds(each) for each in [str(pid), *children.read_text().split()])

    def stop(self) -> None:
        """Ends the server by its pid and removes its directory."""
        self.process.terminate()
        try:
            self.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory)


def _cpu_seconds(pid: str) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
