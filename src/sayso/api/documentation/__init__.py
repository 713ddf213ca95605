"""The documentation as pages at /docs: the Markdown files of `docs/`, which come with the package."""
