"""An OpenAI-compatible endpoint on this machine that answers by rule: for tests, and for trying out a run.

>>> from selfreward_eval.harness.instruments.judge_openai import OpenAIJudge
>>> from selfreward_eval.harness.instruments.judging import Turn
>>> with ScriptedEndpoint(lambda request, before: Response("8 7")) as endpoint:
...     judge = OpenAIJudge("any-model", endpoint.url, api_key_env=None)
...     [reply] = judge.replies([[Turn("user", "a horse")]])
>>> reply.text, len(endpoint.requests)
('8 7', 1)
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, TypeAlias


@dataclass
class Response:
    """One response.

    Attributes:
        text: the reply, as a whole chat completion.
        status: HTTP status; other than 200 sends ``error``.
        error: the error's message.
        code: the error's code.
        headers: further headers.
        body: sent as it is, in place of text and error.
        seconds: to wait before answering.
        half: send half of the body, then close.
        reset: close the connection without an answer.
        message: fields to add to the message.
        finish: the finish reason.
        usage: whether token counts are sent.
    """

    text: str = "fine"
    status: int = 200
    error: str = "it failed"
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    seconds: float = 0.0
    half: bool = False
    reset: bool = False
    message: dict[str, Any] = field(default_factory=dict)
    finish: str = "stop"
    usage: bool = True

    def content(self) -> bytes:
        """The body to send."""
        if self.body is not None:
            return self.body
        if self.status != 200:
            return json.dumps({"error": {"message": self.error, "code": self.code}}).encode()
        message = {"role": "assistant", "content": self.text, **self.message}
        answer: dict[str, Any] = {"choices": [{"message": message, "finish_reason": self.finish}]}
        answer["model"] = "served-model"
        if self.usage:
            answer["usage"] = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
        return json.dumps(answer).encode()


ResponseRule: TypeAlias = Callable[[dict[str, Any], int], Response]
"""(request body, number of earlier requests with the same messages) -> the response."""


class ScriptedEndpoint:
    """Serves from its construction until :meth:`stop` or the end of a ``with`` block, on 127.0.0.1 only.

    Attributes:
        rule: decides every response; may be replaced while running.
        requests: every request body, in order of arrival.
        headers: the headers of every request.
        times: the monotonic time of every request.
        most: the largest number of requests under way together.
    """

    def __init__(self, rule: ResponseRule, port: int = 0) -> None:
        self.rule = rule
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        self.most = self._now = 0
        self._asked: dict[str, int] = {}
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The ``base_url`` of a judge."""
        return f"http://127.0.0.1:{self.port}/v1"

    def stop(self) -> None:
        """Closes the port; requests from now on are refused."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """One request, in a thread of its own."""
        request = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        with self._lock:
            key = json.dumps(request["messages"])
            before = self._asked.get(key, 0)
            self._asked[key] = before + 1
            self.requests.append(request)
            self.headers.append(dict(handler.headers))
            self.times.append(time.monotonic())
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            self._send(handler, self.rule(request, before))
        finally:
            with self._lock:
                self._now -= 1

    def _send(self, handler: BaseHTTPRequestHandler, response: Response) -> None:
        time.sleep(response.seconds)
        if response.reset:
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        content = response.content()
        try:
            handler.send_response(response.status)
            handler.send_header("Content-Length", str(len(content)))
            for name, value in response.headers.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(content[: len(content) // 2] if response.half else content)
        except (BrokenPipeError, ConnectionResetError):
            pass
        if response.half:
            handler.close_connection = True


def last_turn_text(request: dict[str, Any]) -> str:
    """The text of a request's last message."""
    content = request["messages"][-1]["content"]
    return content if isinstance(content, str) else str(content[-1]["text"])
