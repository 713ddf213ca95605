"""Gateways for tests that kill them: the real application on a real socket, over scripted engines.

For each line that it reads, which says after how many whole answers' charges the gateway kills itself (0 for
never), this program forks a gateway, which prints `PID PORT`, waits for its end and prints `gone`.
"""

import os
import signal
import socket
import sys
from pathlib import Path
from unittest.mock import patch

import uvicorn
import uvloop

from sayso.billing.ledger import Ledger
from sayso.billing.reservation import Hold
from sayso.billing.settlement_spool import SettlementSpool
from sayso.db.session import Database
from sayso.inference.metering import BilledLedger, UsageEvent
from sayso.telemetry.metrics import Metrics
from tests.integration.billing.billed_application import application


class Doomed(BilledLedger):
    """Dies between a charge and its answer."""

    lives = 0

    async def settle(self, hold: Hold, event: UsageEvent) -> None:
        """Charge, then die where it is time."""
        whole = not self._admitted[hold.request_id].streamed
        await super().settle(hold, event)
        self.lives -= whole
        if whole and self.lives == 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def serve(url: str, folder: Path, lives: int) -> None:
    """Serve until killed."""
    async with Database.open(url) as database:
        ledger = Ledger.open(database)
        spool = SettlementSpool(database, folder)
        billed = Doomed(ledger, Metrics(), spool)
        billed.lives = lives
        await spool.open()
        ledger.start()
        billed.start()
        bound = socket.socket()
        bound.bind(("127.0.0.1", 0))
        bound.listen(128)
        server = uvicorn.Server(
            uvicorn.Config(
                application(billed), loop="none", http="httptools", lifespan="off", log_config=None, workers=1
            )
        )
        print(os.getpid(), bound.getsockname()[1], flush=True)
        await server.serve([bound])


def main() -> None:
    """Fork gateways, one at a time."""
    url, folder = sys.argv[1], Path(sys.argv[2])
    for line in sys.stdin:
        if child := os.fork():
            os.waitpid(child, 0)
            print("gone", flush=True)
            continue
        # Here the machine is busy with whoever asks; what is looked at is what fails, not what is slow.
        with patch("sayso.core.patience.ADMISSION_SECONDS", 30.0):
            uvloop.run(serve(url, folder, int(line)))


if __name__ == "__main__":
    main()
