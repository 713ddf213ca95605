"""sayso: your own ChatGPT and Whisper API."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("sayso")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0"
