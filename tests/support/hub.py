"""The Hub as its library sees it, answered within this process: requests come in over HTTP, none go out."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

TOKEN = "hf_" + "SecretOfTheTest" * 2
COMMIT = "0123456789" * 4
AFTER = "fedcba9876" * 4


@dataclass
class FakeHub:
    """One private repository, which only :data:`TOKEN` opens.

    Attributes:
        repository: its ``owner/name``.
        files: path -> content at :data:`COMMIT`, which ``main`` points to.
        statuses: last word of an address -> status that is answered in place of a success.
        card_errors: what is wrong with every card that is sent.
        requests: every request, in order.
        commits: header and files of every commit.
    """

    repository: str = "lab/tiny"
    files: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    card_errors: list[str] = field(default_factory=list)
    requests: list[httpx2.Request] = field(default_factory=list)
    commits: list[tuple[dict[str, Any], dict[str, bytes]]] = field(default_factory=list)

    def tokens(self) -> set[str | None]:
        """What the requests for the repository identified themselves with.

        The library asks other things on its own, once per process, which need no token.
        """
        own = [request for request in self.requests if f"/{self.repository}" in request.url.path]
        return {request.headers.get("authorization") for request in own}

    def client(self) -> httpx2.Client:
        """What the library asks, with its own hook, which refuses while offline."""
        from huggingface_hub.utils._http import hf_request_event_hook

        return httpx2.Client(
            transport=httpx2.MockTransport(self.answer), event_hooks={"request": [hf_request_event_hook]}
        )

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """The Hub's answer."""
        self.requests.append(request)
        path = request.url.path
        for word, status in self.statuses.items():
            if f"/{word}" in path:
                return httpx2.Response(status, json={"error": "no"})
        if path == "/api/validate-yaml":
            errors = [{"message": text} for text in self.card_errors]
            return httpx2.Response(400 if errors else 200, json={"errors": errors, "warnings": []})
        opened = request.headers.get("authorization") == f"Bearer {TOKEN}"
        if not opened or f"{self.repository}/" not in f"{path}/":
            return httpx2.Response(404, headers={"X-Error-Code": "RepoNotFound"}, json={"error": "not found"})
        if "/resolve/" in path:
            return self.file(path.partition("/resolve/")[2].partition("/")[2], request.method)
        if "/tree/" in path:
            tree = [
                {"type": "file", "path": name, "size": len(content), "oid": _oid(content)}
                for name, content in self.files.items()
            ]
            return httpx2.Response(200, json=tree)
        if "/preupload/" in path:
            asked = json.loads(request.read())["files"]
            modes = [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in asked]
            return httpx2.Response(200, json={"files": modes})
        if "/commit/" in path:
            return self.commit(request)
        revision = path.partition("/revision/")[2] or "main"
        if revision not in {"main", COMMIT}:
            header = {"X-Error-Code": "RevisionNotFound"}
            return httpx2.Response(404, headers=header, json={"error": "no revision"})
        siblings = [{"rfilename": name} for name in self.files]
        return httpx2.Response(200, json={"id": self.repository, "sha": COMMIT, "siblings": siblings})

    def file(self, name: str, method: str) -> httpx2.Response:
        """A file, or what is known of it."""
        if name not in self.files:
            return httpx2.Response(404, headers={"X-Error-Code": "EntryNotFound"}, json={"error": "no file"})
        content = self.files[name]
        about = {"ETag": f'"{_oid(content)}"', "X-Repo-Commit": COMMIT, "Content-Length": str(len(content))}
        return httpx2.Response(200, headers=about, content=b"" if method == "HEAD" else content)

    def commit(self, request: httpx2.Request) -> httpx2.Response:
        """Takes a commit."""
        lines = [json.loads(line) for line in request.read().splitlines()]
        header = next(line["value"] for line in lines if line["key"] == "header")
        added = {
            line["value"]["path"]: base64.b64decode(line["value"]["content"])
            for line in lines
            if line["key"] == "file"
        }
        self.commits.append((header, added))
        address = f"{request.url.scheme}://{request.url.host}/{self.repository}"
        pull = f"{address}/discussions/1" if request.url.params.get("create_pr") else None
        return httpx2.Response(
            200,
            json={"commitUrl": f"{address}/commit/{AFTER}", "commitOid": AFTER, "pullRequestUrl": pull},
        )


def _oid(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """The Hub, a cache of its own, and the token in the environment."""
    import huggingface_hub
    from huggingface_hub import constants
    from huggingface_hub.utils._http import default_client_factory

    fake = FakeHub()
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    huggingface_hub.set_client_factory(fake.client)
    yield fake
    huggingface_hub.set_client_factory(default_client_factory)
