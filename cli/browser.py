"""Opens a page in the browser of whoever sits at this terminal."""

import os
import sys
import webbrowser

from headgate.cli import terminal


def open_page(address: str) -> bool:
    """Whether a browser was asked to show it: not from a script, on a remote machine, or where there is no screen."""
    if not terminal.is_terminal(sys.stdout) or "SSH_CONNECTION" in os.environ:
        return False
    if sys.platform.startswith("linux") and not ({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()):
        return False
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False
