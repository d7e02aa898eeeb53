"""A model hub on loopback: the endpoints that huggingface_hub speaks, with a CDN of its own and misfortunes on demand.

Endpoints and headers as the client in version 0.36 and 2.4 asks for and reads them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Optional
from urllib.parse import unquote, urlsplit

LARGE = 2_000
"""Files of more bytes are answered with a redirect to the CDN, with their SHA-256 as ETag."""


@dataclass
class Repository:
    """One repository: its commits, and where branches point."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    token: Optional[str] = None
    """Who has not this token sees nothing."""
    gated: bool = False

    def commit(self, files: dict[str, bytes], branch: str = "main") -> str:
        """A new commit on a branch; its name."""
        name = hashlib.sha1(repr((sorted(files), len(self.commits))).encode()).hexdigest()
        self.commits[name] = dict(files)
        self.branches[branch] = name
        return name


class Hub(ThreadingHTTPServer):
    """The hub, or its CDN; a context manager that serves while it is entered."""

    daemon_threads = True

    def __init__(self, cdn: Optional[Hub] = None) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.cdn = cdn
        self.repositories: dict[str, Repository] = {}
        self.blobs: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.cut = 0
        """How many of the next large answers break off in the middle."""
        self.busy = 0
        """How many of the next answers are 429."""
        self.after_config: Any = None
        """Called once, when the config has been answered."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Hub:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, *_: object) -> None:
        """Clients that go away are part of the play."""


class Answer(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.requests.append(f"{self.command} {path}")
        if self.server.busy:
            self.server.busy -= 1
            return self.send(429, b"{}", {"Retry-After": "0"})
        if found := re.fullmatch(r"/cdn/(\w+)", path):
            return self.send_file(self.server.blobs[found[1]], {"ETag": f'"{found[1]}"'})
        if found := re.fullmatch(r"/api/models/(?P<repository>.+?)(/revision/(?P<revision>.+))?", path):
            return self.tell(found["repository"], found["revision"] or "main")
        if found := re.fullmatch(r"/(?P<repository>.+?)/resolve/(?P<revision>[^/]+)/(?P<file>.+)", path):
            return self.resolve(found["repository"], found["revision"], found["file"])
        return self.send(404, b"{}")

    def allowed(self, name: str) -> Optional[Repository]:
        """The repository, if it is there and may be seen; else the answer is sent."""
        repository = self.server.repositories.get(name)
        authorised = repository is not None and self.headers.get("Authorization") == f"Bearer {repository.token}"
        if repository is None or (repository.token and not authorised and not repository.gated):
            self.send(401, b"{}", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
            return None
        if repository.gated and not authorised:
            self.send(401, b"{}", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to it is restricted"})
            return None
        return repository

    def commit_of(self, repository: Repository, revision: str) -> Optional[str]:
        name = repository.branches.get(revision, revision if revision in repository.commits else None)
        if name is None:
            self.send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        return name

    def tell(self, name: str, revision: str) -> None:
        repository = self.allowed(name)
        commit = self.commit_of(repository, revision) if repository else None
        if repository is None or commit is None:
            return
        siblings = [{"rfilename": file, "size": len(content)} for file, content in repository.commits[commit].items()]
        told = {"_id": "1", "id": name, "modelId": name, "sha": commit, "siblings": siblings, "private": False,
                "disabled": False, "gated": False, "tags": [], "downloads": 0, "likes": 0}  # fmt: skip
        self.send(200, json.dumps(told).encode(), {"Content-Type": "application/json"})

    def resolve(self, name: str, revision: str, file: str) -> None:
        repository = self.allowed(name)
        commit = self.commit_of(repository, revision) if repository else None
        if repository is None or commit is None:
            return
        content = repository.commits[commit].get(file)
        if content is None:
            return self.send(404, b"{}", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        digest = hashlib.sha256(content).hexdigest()
        headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if len(content) > LARGE and self.server.cdn is not None:
            self.server.cdn.blobs[digest] = content
            linked = {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
            return self.send(302, b"", {**headers, **linked, "Location": f"{self.server.cdn.url}/cdn/{digest}"})
        self.send_file(content, {**headers, "ETag": f'"{hashlib.sha1(content).hexdigest()}"'})
        if file == "config.json" and self.command == "GET" and self.server.after_config is not None:
            act, self.server.after_config = self.server.after_config, None
            act()

    def send_file(self, content: bytes, headers: dict[str, str]) -> None:
        """A file, or the range of it that is asked for."""
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start = int(wanted[1]) if wanted else 0
        part = content[start : int(wanted[2]) + 1 if wanted and wanted[2] else None]
        if wanted:
            headers = {**headers, "Content-Range": f"bytes {start}-{start + len(part) - 1}/{len(content)}"}
        self.send(206 if wanted else 200, part, headers)

    def send(self, status: int, content: bytes, headers: Optional[dict[str, str]] = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.server.cut and len(content) > LARGE:
            self.server.cut -= 1
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            self.connection.close()
            return
        self.wfile.write(content)

    def do_POST(self) -> None:
        path = unquote(urlsplit(self.path).path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else self.chunks()
        self.server.requests.append(f"POST {path}")
        if path == "/api/validate-yaml":
            return self.send(200, b'{"errors": [], "warnings": []}')
        if self.headers.get("Authorization") != "Bearer may-write":
            return self.send(403, b'{"error": "may not write"}')
        if path == "/api/repos/create":
            wanted = json.loads(body)
            name = "/".join(part for part in (wanted.get("organization"), wanted["name"]) if part)
            if name in self.server.repositories:
                return self.send(409, json.dumps({"url": f"{self.server.url}/{name}"}).encode())
            self.server.repositories[name] = Repository()
            self.server.repositories[name].commit({})
            return self.send(200, json.dumps({"url": f"{self.server.url}/{name}", "name": name}).encode())
        found = re.fullmatch(r"/api/models/(?P<repository>.+?)/(?P<what>preupload|commit)/(?P<branch>.+)", path)
        assert found is not None, path
        if found["what"] == "preupload":
            files = [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": None}
                     for one in json.loads(body)["files"]]  # fmt: skip
            return self.send(200, json.dumps({"files": files}).encode())
        lines = [json.loads(line) for line in body.splitlines() if line.strip()]
        content = {one["value"]["path"]: base64.b64decode(one["value"]["content"]) for one in lines if one["key"] == "file"}
        repository = self.server.repositories[found["repository"]]
        before = repository.commits[repository.branches[found["branch"]]]
        commit = repository.commit({**before, **content}, found["branch"])
        url = f"{self.server.url}/{found['repository']}/commit/{commit}"
        told = {"success": True, "commitOid": commit, "commitUrl": url, "hookOutput": ""}
        return self.send(200, json.dumps(told).encode())

    def chunks(self) -> bytes:
        """A body that comes in chunks."""
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body
