"""What a browser may do with the page of the board. `functions/page_headers.py` is a link to this file."""

import base64
import hashlib
import re

HEADERS = {
    "cache-control": "no-cache",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_MAP = re.compile(rb'<script type="importmap">(.*?)</script>', re.DOTALL)


def policy(index: bytes, connect: str = "") -> str:
    """The Content-Security-Policy of the page `index`. Its import map is the one script that stands in it; `connect` are origins that it may ask besides its own."""
    found = _MAP.search(index)
    assert found, "index.html has an import map"
    script = base64.b64encode(hashlib.sha256(found[1]).digest()).decode()
    asked = f"'self' {connect}".strip()
    return (
        f"default-src 'none'; script-src 'self' 'sha256-{script}'; style-src 'self'; img-src 'self' data:; connect-src {asked}; worker-src 'self'; "
        "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types headgate"
    )
