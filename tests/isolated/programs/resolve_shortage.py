"""A host that must be looked up while no descriptor is left: neither its name nor its addresses are doubted."""

from __future__ import annotations

import socket
import threading

from shared import names
from shared.patience import eventually
from shared.shortage import give_back, limit, use_up

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server


def main() -> None:
    names.begin()
    with Server() as server:
        PerformanceClient(server.url, "key").batch_post("/same", [0])  # loads what a first call loads
        limit(256)
        for number, host in enumerate(("waited.test", "denied.test")):
            client = PerformanceClient(f"http://{host}:{server.port}", "key")
            other = PerformanceClient(server.faulty(http10=True), "key", client_wrapper=client.get_client_wrapper())
            assert other.batch_post("/same", [0]).data == [0]
            taken = use_up()
            answers: list[object] = []
            call = threading.Thread(target=lambda: answers.extend(client.batch_post("/same", [1, 2, 3]).data))  # noqa: B023
            call.start()
            if number == 1:
                # What some systems say when they cannot open what would tell them.
                for family in (names.A, names.AAAA):
                    names.deny(host, family, socket.EAI_NONAME)
            else:
                eventually(lambda: names.asked("waited.test", names.A))
            for family in (names.A, names.AAAA):
                names.deny(host, family) if family == names.AAAA else names.answer(host, family, "127.0.0.1")
            ended = threading.Timer(0.3, give_back, (taken,))
            ended.start()
            call.join(20)
            ended.join()
            assert answers == [1, 2, 3], answers
    print("done")


main()
