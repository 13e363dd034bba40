"""Asks the HTTP port of a service."""

import urllib.error
import urllib.request


def asked(port: int, path: str) -> tuple[int, str]:
    """The status and the text of the answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
