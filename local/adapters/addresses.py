"""The address of a queue does not name the port that the endpoint happens to have.

The endpoint finds a queue by its URL, with its own port in it, so event source mappings find no queue after a restart on another
port. AWS's URLs do not change. A request goes to the endpoint, whatever the URL of the queue in it says.
"""

from ministack.services import sqs

from headgate.local.adapters.settings import Settings

HOOKS = ("sqs:DEFAULT_PORT", "sqs:_queue_url_for_account")


def install(settings: Settings) -> None:
    sqs.DEFAULT_PORT = "4566"
