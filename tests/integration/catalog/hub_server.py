"""A Hugging Face hub on loopback: metadata, files, redirects to another host, ranges, faults on request."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass
class Seen:
    path: str
    headers: dict[str, str]


@dataclass
class Hub:
    """One repository. Files named in `lfs` are redirected to another host, as the hub does."""

    repo: str = "owner/model"
    commit: str = COMMIT
    files: dict[str, bytes] = field(default_factory=dict)
    lfs: set[str] = field(default_factory=set)
    sent_instead: dict[str, bytes] = field(default_factory=dict)
    cut_after: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    ranges: bool = True
    seen: list[Seen] = field(default_factory=list)
    server: ThreadingHTTPServer | None = None

    @property
    def port(self) -> int:
        assert self.server
        return int(self.server.server_address[1])

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def downloads(self) -> list[Seen]:
        return [seen for seen in self.seen if "/cdn/" in seen.path or "/resolve/" in seen.path]

    def info(self) -> dict[str, Any]:
        siblings = []
        for name, content in self.files.items():
            sibling: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": blob_id(content)}
            if name in self.lfs:
                digest = hashlib.sha256(content).hexdigest()
                sibling["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 134}
            siblings.append(sibling)
        return {
            "id": self.repo,
            "sha": self.commit,
            "siblings": siblings,
            "cardData": {"license": "mit"},
            "createdAt": "2024-01-02T00:00:00.000Z",
            "tags": [],
        }


class HubHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_GET(self) -> None:
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        hub.seen.append(Seen(path, {name.lower(): value for name, value in self.headers.items()}))
        if hub.statuses and "/api/" not in path:
            self._answer(hub.statuses.pop(0), b"")
        elif path in {f"/api/models/{hub.repo}/revision/{rev}" for rev in ("main", hub.commit)}:
            self._answer(200, json.dumps(hub.info()).encode(), {"Content-Type": "application/json"})
        elif (match := re.fullmatch(rf"/{hub.repo}/resolve/{hub.commit}/(.+)", path)) and match[
            1
        ] in hub.files:
            if match[1] in hub.lfs:
                location = f"http://localhost:{hub.port}/cdn/{match[1]}?signature=secret"
                etag = hashlib.sha256(hub.files[match[1]]).hexdigest()
                self._answer(
                    302, b"", {"Location": location, "X-Linked-Etag": etag, "X-Repo-Commit": hub.commit}
                )
            else:
                self._file(match[1])
        elif path.startswith("/cdn/") and path.removeprefix("/cdn/") in hub.files:
            self._file(path.removeprefix("/cdn/"))
        else:
            self._answer(404, b'{"error":"Repository not found"}', {"X-Error-Code": "RepoNotFound"})

    def _file(self, name: str) -> None:
        content = self.hub.sent_instead.get(name, self.hub.files[name])
        headers = {
            "ETag": f'"{blob_id(content)}"',
            "X-Repo-Commit": self.hub.commit,
            "Accept-Ranges": "bytes",
        }
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if match and self.hub.ranges:
            start = int(match[1])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self._answer(206, content[start:], headers, cut=True)
        else:
            self._answer(200, content, headers, cut=True)

    def _answer(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, *, cut: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if cut and self.hub.cut_after and len(body) > self.hub.cut_after[0]:
            body = body[: self.hub.cut_after.pop(0)]
            self.close_connection = True
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay silent."""
