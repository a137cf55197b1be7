"""A command that has started processes ends them, however it is asked to end."""

import signal


def end_in_order() -> None:
    """Ctrl-C, SIGTERM and a terminal that is closed raise `KeyboardInterrupt`. What is ignored (`nohup`) stays so."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, signal.default_int_handler)
