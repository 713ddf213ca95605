"""Requests by id, so that one that was closed before its end can be asked what it used."""

from collections import OrderedDict

from sayso.engines.openvino.choice import Job
from sayso.errors import EngineUnavailable

_REMEMBERED = 1024


class JobIndex:
    """The requests that run, and the latest of those that have ended or were stopped before they came."""

    def __init__(self) -> None:
        self._running: dict[str, Job] = {}
        self._ended: OrderedDict[str, Job | None] = OrderedDict()

    def enter(self, request_id: str, job: Job) -> None:
        """Add a request. Raises `EngineUnavailable` where it has been stopped already."""
        if request_id in self._ended:
            raise EngineUnavailable("The request was stopped.")
        self._running[request_id] = job

    def leave(self, request_id: str) -> None:
        """Remember a request whose stream has ended or was closed."""
        if job := self._running.pop(request_id, None):
            self._remember(request_id, job)

    def find(self, request_id: str) -> Job | None:
        """Return a request; one that is not known yet shall not begin any more."""
        job = self._running.get(request_id) or self._ended.get(request_id)
        if job is None:
            self._remember(request_id, None)
        return job

    def _remember(self, request_id: str, job: Job | None) -> None:
        self._ended[request_id] = job
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)
