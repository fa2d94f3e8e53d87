"""The clients that are compared: one file each, all with the same small interface.

A peer file has a class `Peer(base_url, batch, concurrency, http_version)` whose methods are the kinds of workloads.
Each takes one list and returns all answers in input order; the connections stay open from call to call. peer.py has
what most peers do alike:

    post, post_each, post_one_by_one   payloads -> parsed answers
    post_fresh                         the same with a new client
    post_one                           payload -> awaitable of its parsed answer, on the peer's `loop`
    embed, embed_base64                texts -> one float32 array (texts, dim)
    embed_column                       a column of texts (pandas, pyarrow) -> the same
    embed_out                          (texts, array) -> the array, with the rows in it
    embed_stream                       texts -> float32 arrays (some texts, dim), in order
    embed_lists                        texts -> lists of floats
    embed_each, embed_one_by_one       texts -> float32 arrays (dim,), one call per text
    rerank                             texts -> (index, score) pairs, or results with these attributes, each read once
    classify                           texts -> lists of (label, score) pairs, or the like
    create                             base URLs -> that many clients
    close()

To add one: write the file, add a line to PEERS and two to cold.py.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """A peer: its name; its distribution, which is also the name of the package; its module here.

    lacks: kinds, or workloads, that it cannot do.
    native: its core is compiled, it makes all requests of a workload. Others make as many as fit in a second or two.
    waves: at least so many times the concurrency, where the first wave over idle connections is not typical.
    left_out: workloads that would take too long; max_runs: at most so many rounds. Both for slow peers.
    """

    name: str
    distribution: str
    module: str
    native: bool
    lacks: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    max_runs: int = 1_000_000
    waves: int = 1

    def absence(self, kind: str, workload: str) -> str:
        """Why there is no number for this workload; "" when there is one."""
        if kind in self.lacks or workload in self.lacks:
            return "-"
        return "left out: too slow" if workload in self.left_out else ""


BASELINE = "baseten_performance_client"

# AsyncOpenAI with its default is a peer where others ask for floats as JSON; elsewhere nothing differs from "openai".
_ALL_BUT_FLOATS = frozenset({
    "post", "post_each", "post_one_by_one", "post_one", "post_fresh", "embed_base64", "rerank", "classify", "create",
    "import", "first_answer",
})
_TABLE = (
    Entry("baseten_perf", "baseten_perf", "bench.peers.ours", native=True),
    Entry(
        BASELINE, "baseten_performance_client", "bench.peers.baseten", native=True,
        lacks=frozenset({"gzip_16x1024", "br_16x1024"}),  # it takes compressed answers for JSON, and fails
    ),
    Entry(
        "openai", "openai", "bench.peers.openai_async", native=False, lacks=frozenset({"rerank", "classify"}),
        left_out=frozenset({"memory", "kept_16x1024", "kept_128x1024"}), max_runs=1,
    ),
    Entry(
        "openai_base64", "openai", "bench.peers.openai_base64", native=False, lacks=_ALL_BUT_FLOATS,
        left_out=frozenset({"memory"}), max_runs=2,
    ),
    Entry(
        "aiohttp", "aiohttp", "bench.peers.aiohttp_client", native=False,
        lacks=frozenset({"h2_tiny", "h2_embed_16x1024"}),
    ),
    Entry(
        "pycurl", "pycurl", "bench.peers.pycurl_multi", native=False,
        lacks=frozenset({"post_each", "embed_each", "post_one"}),
    ),
    Entry(
        "httpx", "httpx", "bench.peers.httpx_client", native=False,
        left_out=frozenset({"tiny_512", "async_embed_2000", "async_post_2000", "memory"}), max_runs=1, waves=2,
    ),
    Entry("wreq", "wreq", "bench.peers.wreq_client", native=False),
    Entry("pyreqwest", "pyreqwest", "bench.peers.pyreqwest_client", native=False),
)

PEERS: dict[str, Entry] = {entry.name: entry for entry in _TABLE}
