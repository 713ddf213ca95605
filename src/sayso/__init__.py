"""sayso: your own ChatGPT and Whisper API."""

__version__: str


def __getattr__(name: str) -> str:
    """Return the version when somebody asks: finding it out takes a while."""
    if name != "__version__":
        raise AttributeError(name)
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("sayso")
    except PackageNotFoundError:  # a source tree that was never installed
        return "0.0.0"
