"""What `sayso serve` does: open the database, run the server, and say how to use it."""

import json
import socket
from pathlib import Path

from rich.status import Status

from sayso.app.gateway import Gateway
from sayso.app.head_start import HeadStart
from sayso.app.names import check_pins, follow_names
from sayso.app.planning import plan, prepare
from sayso.app.retention import open_retention
from sayso.app.server import serve
from sayso.app.server_file import ServerFile
from sayso.app.tenancy import Tenancy, open_tenancy
from sayso.billing.rate_limits import gather_names
from sayso.catalog.catalogue import Catalogue
from sayso.cli.console import FileProgress, err, out
from sayso.cli.console_link import sign_in_link
from sayso.config import Settings


async def serve_gateway(settings: Settings, bound: socket.socket, early: HeadStart) -> None:
    """Serve until a signal comes. Raises `ConfigurationError` for what an operator must mend."""
    tenancy = await open_tenancy(settings, with_first_tenant=True)
    models_dir = settings.data_dir / "models"
    catalogue = Catalogue.of(settings)
    await follow_names(settings, catalogue, tenancy.database)
    await gather_names(tenancy.database, catalogue.aliases)
    progress = FileProgress()
    try:
        deployments = prepare(plan(settings, catalogue), models_dir, progress)
    finally:
        progress.close()
    catalogue.know(deployment.snapshot for deployment in deployments)
    check_pins(catalogue)
    retention = await open_retention(settings, tenancy.database)
    # A link is for who looks at it, not for a file that keeps what a service prints.
    console = await sign_in_link(tenancy, _base_url(bound)) if out.is_terminal else None
    gateway = Gateway(settings, catalogue, deployments, tenancy, retention, early)
    await early.close()  # hosts that the database's names have made needless
    base_url = _base_url(bound)
    server_file = ServerFile(settings.data_dir)
    server_file.write(base_url)
    status = Status("loading the models …", console=err)
    status.start()

    def ready() -> None:
        status.stop()
        _welcome(base_url, console, tenancy, settings.data_dir)

    try:
        await serve(gateway, bound, ready)
    finally:
        status.stop()
        server_file.remove()


def _base_url(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - an address to show, not to bind
        host = "127.0.0.1"
    return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"


def _welcome(base_url: str, console: str | None, tenancy: Tenancy, data_dir: Path) -> None:
    out.print(f"\nsayso is ready at [bold]{base_url}[/bold]")
    out.print(f"Documentation: {base_url.removesuffix('/v1')}/docs")
    if console is not None:
        out.print(f"Console, for 15 minutes and once: {console}", markup=False)
    out.print(f"{'A link' if console is None else 'Another link'} to the console: sayso console")
    if tenancy.first is None:
        out.print("Another key: sayso keys create --name NAME")
        return
    key = tenancy.first.key.secret
    message = json.dumps(
        {
            "model": "gpt-3.5-turbo",
            "messages": [{"role": "user", "content": "What is the capital of France?"}],
        }
    )
    out.print(f"Data folder: {data_dir}")
    out.print("Your API key, shown this once:\n")
    out.print(f"    [bold]{key}[/bold]\n")
    out.print("Paste this for a first answer:\n", markup=False)
    for line in (
        f"export OPENAI_BASE_URL={base_url}",
        f"export OPENAI_API_KEY={key}",
        'curl $OPENAI_BASE_URL/chat/completions -H "Authorization: Bearer $OPENAI_API_KEY" \\',
        f"  -H 'Content-Type: application/json' -d '{message}'",
        'curl $OPENAI_BASE_URL/audio/transcriptions -H "Authorization: Bearer $OPENAI_API_KEY" \\',
        "  -F model=whisper-1 -F file=@speech.mp3",
    ):
        out.print(f"    {line}", markup=False)
    out.print("")
