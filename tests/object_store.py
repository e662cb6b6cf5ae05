"""A server that speaks as much of S3 as pyarrow reads by, and misbehaves as told, object by object."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

STORED = 1_700_000_000  # when every object was stored
Fault = Callable[["Request"], bool]


class StoreServer(ThreadingHTTPServer):
    """`objects` by key, of the one bucket; `faults` by key: what answers in the server's place, if it says that it did."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.objects: dict[str, bytes] = {}
        self.stored: dict[str, int] = {}
        self.faults: dict[str, Fault] = {}
        self.asked: list[str] = []

    def url(self, key: str) -> str:
        """What names an object, or all below a prefix."""
        return f"s3://key:secret@bucket/{key}?scheme=http&endpoint_override=127.0.0.1:{self.server_port}"


class Request(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: StoreServer

    @property
    def key(self) -> str:
        """The object that it is about."""
        return unquote(urlsplit(self.path).path).partition("/bucket/")[2]

    def do_HEAD(self) -> None:  # the name that http.server calls
        """An object's size and time."""
        self.do_GET()

    def do_GET(self) -> None:  # likewise
        """A listing, or an object's bytes."""
        self.server.asked.append(f"{self.command} {self.key}")
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            self.answer(200, self._listing(query.get("prefix", [""])[0]))
        elif (fault := self.server.faults.get(self.key)) and fault(self):
            return
        elif self.key in self.server.objects:
            self.answer_object(self.server.objects[self.key])
        else:
            self.refuse(404, "NoSuchKey")

    def answer_object(self, data: bytes, *, sent: int | None = None, pause: float = 0) -> None:
        """The bytes that are asked for; only `sent` of them, and then the end of the connection, after a pause."""
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not asked:
            return self.answer(200, data, sent=sent, pause=pause)
        if int(asked[1]) >= len(data):
            return self.refuse(416, "InvalidRange")
        part = data[int(asked[1]) : int(asked[2]) + 1 if asked[2] else None]
        return self.answer(206, part, sent=sent, pause=pause)

    def refuse(self, status: int, code: str) -> None:
        """An error of S3's."""
        self.answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())

    def answer(self, status: int, data: bytes, *, sent: int | None = None, pause: float = 0) -> None:
        """A whole answer, or the part of it that is sent."""
        self.send_response(status)
        stored = self.server.stored.get(self.key, STORED)
        for name, value in {
            "Content-Length": str(len(data)),
            "Last-Modified": formatdate(stored, usegmt=True),
            "ETag": f'"{stored}"',
            "Content-Type": "application/xml",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        with contextlib.suppress(OSError):
            self.wfile.write(data if sent is None else data[:sent])
            self.wfile.flush()
        if sent is not None:
            time.sleep(pause)
            self.close_connection = True

    def _listing(self, prefix: str) -> bytes:
        stored = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(STORED))
        found = [(key, data) for key, data in sorted(self.server.objects.items()) if key.startswith(prefix)]
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size><LastModified>{stored}</LastModified></Contents>"
            for key, data in found
        )
        return (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name>'
            f"<Prefix>{escape(prefix)}</Prefix><KeyCount>{len(found)}</KeyCount><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>"
        ).encode()

    def log_message(self, *_: object) -> None:
        """Nowhere."""


@contextlib.contextmanager
def serving() -> Iterator[StoreServer]:
    """One that serves until the end of the context."""
    server = StoreServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
