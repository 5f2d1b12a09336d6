"""A local S3 server (moto) as a process of its own: BUCKET LOG.

Says its port when it is ready, writes a line for each request into LOG, and ends when whoever
started it closes its input or ends. A process of its own, since a client in the same process may
hold Python's lock while it waits for an answer.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class Quiet(WSGIRequestHandler):
    """Requests are written down by the server below."""

    protocol_version = "HTTP/1.1"

    def log(self, *_: object) -> None:
        """Nothing on the error output."""


def main(bucket: str, log: str) -> None:
    app: Callable[..., Iterable[bytes]] = DomainDispatcherApplication(create_backend_app)
    # moto looks whether an object is there and puts it in two steps, which S3 does in one.
    turn = threading.Lock()
    with Path(log).open("a", encoding="utf-8", buffering=1) as written:

        def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            asked = (environ["PATH_INFO"], environ["QUERY_STRING"], environ.get("HTTP_RANGE", ""))
            written.write(" ".join([environ["REQUEST_METHOD"], *filter(None, asked)]) + "\n")
            with turn:
                return list(app(environ, start))

        server = make_server("127.0.0.1", 0, answer, threaded=True, request_handler=Quiet)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        made = HTTPConnection("127.0.0.1", server.server_port)
        made.request("PUT", f"/{bucket}")
        assert made.getresponse().status == HTTPStatus.OK
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
