"""`headgate completion`: what a shell evaluates to complete the commands."""

import argparse

from headgate.cli.errors import FINE


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "shell", choices=("bash", "zsh", "fish"), help='evaluate it: eval "$(headgate completion bash)"'
    )


def run(arguments: argparse.Namespace) -> int:
    from headgate.cli.completion import script

    print(script(arguments.shell))
    return FINE
