"""What a server begins with: its address and its event loop."""

import asyncio
import socket

import uvloop

from sayso.config import Settings
from sayso.errors import ConfigurationError


def listen(settings: Settings) -> socket.socket:
    """Return a bound socket. Raises `ConfigurationError` when the address can not be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((settings.host, settings.port))
    except OSError as error:
        bound.close()
        raise ConfigurationError(
            f"can not listen on {settings.host}:{settings.port} "
            f"(settings 'host' and 'port'): {error.strerror}"
        ) from None
    return bound


def event_loop() -> asyncio.AbstractEventLoop:
    """Return the event loop that a server runs on."""
    return uvloop.new_event_loop()
