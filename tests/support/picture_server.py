"""A picture server on this machine that speaks one of three dialects, with faults by rule.

It checks what each real server checks: which fields it takes and where its pictures come back. A picture is
a plain colour that follows from weights, prompt and seed.
"""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

COMMON = {"prompt", "model", "n", "size", "response_format", "user"}
OPEN = {
    "seed",
    "generator_device",
    "num_inference_steps",
    "guidance_scale",
    "true_cfg_scale",
    "negative_prompt",
}
FIELDS = {
    "openai": COMMON | {"quality", "output_format", "background", "moderation"},
    "vllm-omni": COMMON | OPEN | {"flow_shift", "extra_params", "output_format"},
}
"""Dialect -> the fields it takes; sglang takes any."""


@dataclass
class Fault:
    """What goes wrong with one request.

    Attributes:
        status: HTTP status of an error; 0 for none.
        code: the error's code.
        headers: further headers.
        half: send half of the answer, then close.
        seconds: to wait before answering.
        picture: bytes in place of the picture.
    """

    status: int = 0
    code: str = "server_error"
    headers: dict[str, str] = field(default_factory=dict)
    half: bool = False
    seconds: float = 0.0
    picture: bytes | None = None


FaultRule = Callable[[dict[str, Any], int], Fault | None]
"""(request body, number of earlier requests for its prompt) -> what goes wrong, or None."""


class PictureServer:
    """Serves from its construction until the end of a ``with`` block, on 127.0.0.1 only.

    Args:
        dialect: ``openai``, ``vllm-omni`` or ``sglang``.
        model: the name it serves.
        weights: decide the pictures, like prompt and seed.
        fault: what goes wrong.
        rewrite: makes the revised prompt of a prompt; None leaves it.
        urls: whether pictures come back as urls on this server.
        noisy: whether seeds do not decide.
        key: that every request must bring; None for none.
        port: to listen on; 0 for any.

    Attributes:
        requests: every body, in order of arrival.
        most: the largest number of requests under way together.
    """

    def __init__(
        self,
        dialect: str,
        *,
        model: str = "painter",
        weights: str = "first",
        fault: FaultRule = lambda request, before: None,
        rewrite: Callable[[str], str] | None = None,
        urls: bool = False,
        noisy: bool = False,
        key: str | None = None,
        port: int = 0,
    ) -> None:
        self.dialect, self.model, self.weights = dialect, model, weights
        self.fault, self.rewrite, self.urls, self.noisy, self.key = fault, rewrite, urls, noisy, key
        self.requests: list[dict[str, Any]] = []
        self.most = self._now = 0
        self._asked: dict[str, int] = {}
        self._files: dict[str, bytes] = {}
        self._count = itertools.count()
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.draw(self)

            def do_GET(self) -> None:
                outer.get(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def get(self, handler: BaseHTTPRequestHandler) -> None:
        name = handler.path.removeprefix("/v1")
        if name == "/models":
            entry = {"id": self.model, "object": "model", "created": time.time_ns(), "owned_by": self.dialect}
            _send(handler, 200, json.dumps({"data": [entry]}).encode())
        elif name in self._files:
            _send(handler, 200, self._files[name])
        else:
            _send(handler, 404, b"{}")

    def draw(self, handler: BaseHTTPRequestHandler) -> None:
        request = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        with self._lock:
            before = self._asked.get(request["prompt"], 0)
            self._asked[request["prompt"]] = before + 1
            self.requests.append(request)
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            self._answer(handler, request, self.fault(request, before) or Fault())
        finally:
            with self._lock:
                self._now -= 1

    def _answer(self, handler: BaseHTTPRequestHandler, request: dict[str, Any], fault: Fault) -> None:
        time.sleep(fault.seconds)
        if self.key is not None and handler.headers.get("Authorization") != f"Bearer {self.key}":
            _error(handler, 401, "invalid_api_key", "wrong key")
        elif (complaint := self._complaint(request)) is not None:
            _error(handler, 400, "invalid_request_error", complaint)
        elif fault.status:
            _error(handler, fault.status, fault.code, "it failed", fault.headers)
        else:
            picture = self.picture(request) if fault.picture is None else fault.picture
            answer: dict[str, Any] = {"b64_json": base64.b64encode(picture).decode(), "url": None}
            if self.urls:
                name = f"/images/{next(self._count)}/content"
                self._files[name] = picture
                answer = {"b64_json": None, "url": f"{self.url}{name}"}
            if self.rewrite is not None:
                answer["revised_prompt"] = self.rewrite(request["prompt"])
            body = json.dumps({"created": 1, "data": [answer]}).encode()
            _send(handler, 200, body, half=fault.half)

    def _complaint(self, request: dict[str, Any]) -> str | None:
        """What the real server would refuse about a request."""
        if request["model"] != self.model:
            return "Model mismatch"
        strange = request.keys() - FIELDS.get(self.dialect, request.keys())
        if strange:
            return f"unknown field {min(strange)}"
        asked_for = request.get("response_format")
        if self.dialect == "openai" and asked_for is not None and not self.model.startswith("dall-e"):
            return "response_format is not supported"
        if self.dialect == "sglang" and asked_for != "b64_json" and not self.urls:
            return "url needs a storage"
        return None

    def picture(self, request: dict[str, Any]) -> bytes:
        """A PNG of one colour."""
        from PIL import Image

        seed = next(self._count) if self.noisy or self.dialect == "openai" else request.get("seed")
        colour = hashlib.sha256(f"{self.weights}|{request['prompt']}|{seed}".encode()).digest()[:3]
        buffer = io.BytesIO()
        Image.new("RGB", (48, 48), tuple(colour)).save(buffer, format="PNG")
        return buffer.getvalue()


def _error(
    handler: BaseHTTPRequestHandler,
    status: int,
    code: str,
    message: str,
    headers: dict[str, str] | None = None,
) -> None:
    _send(handler, status, json.dumps({"error": {"code": code, "message": message}}).encode(), headers)


def _send(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    headers: dict[str, str] | None = None,
    half: bool = False,
) -> None:
    try:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2] if half else body)
    except (BrokenPipeError, ConnectionResetError):
        pass
    if half:
        handler.close_connection = True
