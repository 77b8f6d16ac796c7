"""Exit 0 when the URL given answers 200, 1 otherwise: the health check of a container that has no curl."""

from __future__ import annotations

import http.client
import sys
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 3.0


def status_of(url: str) -> int:
    """The HTTP status that `url` answers with; never by way of a proxy, which containers often inherit."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status
    finally:
        connection.close()


def main(url: str) -> int:
    """Probe `url` and say on standard error why it is not healthy."""
    try:
        status = status_of(url)
    except (OSError, http.client.HTTPException) as error:
        print(f"{url} does not answer: {error!r}", file=sys.stderr)
        return 1
    if status != http.client.OK:
        print(f"{url} answers {status}, not 200", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
