"""A guard before gradio's upload: what is too much is refused before it is written, what was broken off is deleted."""

import threading
import time
import traceback
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from space import storage
from space.limits import MOST_BYTES

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

UPLOADS = ("/upload", "/plain")  # where videos are sent to
ENVELOPE = 1 << 20  # bytes of a request beside its file
HOUR = 3600.0  # seconds
MOST_PER_HOUR = 4 * 10**9  # bytes from one address
MOST_AT_ONCE = 12  # uploads from one address


class UploadGuard:
    """ASGI middleware for what sends a video (`UPLOADS`); all else passes.

    Refused are requests without a length or larger than a video may be, all of them while the disk is nearly full, and
    those from an address that has too many under way or has sent too much within an hour.
    """

    def __init__(self, app: App) -> None:
        """`app`: what gets the requests that pass."""
        self.app = app
        self._running: defaultdict[str, int] = defaultdict(int)
        self._sent: defaultdict[str, deque[tuple[float, int]]] = defaultdict(deque)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].rstrip("/").endswith(UPLOADS):
            await self.app(scope, receive, send)
            return
        address = (scope.get("client") or ("", 0))[0]
        length = dict(scope["headers"]).get(b"content-length", b"")
        status, words = self._judge(address, int(length) if length.isdigit() else None)
        if status:
            await refuse(send, status, words)
            return
        self._running[address] += 1
        self._sent[address].append((time.monotonic(), int(length)))
        left = False

        async def listen() -> Message:
            nonlocal left
            message = await receive()
            left = left or message["type"] == "http.disconnect"
            return message

        try:
            await self.app(scope, listen, send)
        except Exception as e:
            left = True
            let_go(e)
            raise
        finally:
            self._running[address] -= 1
            if left:
                threading.Timer(storage.SETTLED + 1, storage.sweep_uploads).start()

    def _judge(self, address: str, length: int | None) -> tuple[int, str]:
        """The HTTP status and sentence of a refusal; 0 where the request may pass."""
        if length is None:
            return 411, "an upload must say how long it is (Content-Length)"
        if length > MOST_BYTES + ENVELOPE:
            return 413, f"{length / 1e6:.0f} MB; this page takes up to {MOST_BYTES / 1e6:.0f} MB. Export it smaller"
        if not storage.room(length):
            return 507, "the disk of this page is nearly full; please come back in an hour"
        sent, now = self._sent[address], time.monotonic()
        while sent and now - sent[0][0] > HOUR:
            sent.popleft()
        if self._running[address] >= MOST_AT_ONCE:
            return 429, f"{self._running[address]} uploads from your network are under way; wait for one of them to end"
        if sum(size for _, size in sent) + length > MOST_PER_HOUR:
            return 429, f"more than {MOST_PER_HOUR / 1e9:.0f} GB within an hour came from your network; wait a while"
        return 0, ""


def let_go(error: BaseException | None) -> None:
    """Clears the frames of an error and of its contexts.

    So what they hold is released, and with it the file that was written, however long the error is kept in a log.
    """
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__


async def refuse(send: Send, status: int, words: str) -> None:
    """Answers with a sentence as plain text."""
    body = words.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
