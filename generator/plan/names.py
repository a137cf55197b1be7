"""Names that AWS limits: state machines, executions, logical ids, tags."""

import re
from hashlib import blake2b

from headgate.generator.model.product import Product, Step
from headgate.generator.steps import step_types

MAX_NAME = 80  # of a state machine and of an execution
MAX_PREFIX = 16  # the deployment's NamePrefix stands before a machine's name
MACHINE = "{machine}"  # stands for the machine's own name in what its states call
EXECUTION_SUFFIX = len("-2026-01-31-1430-9999")  # business date, cycle, attempt


def machine_name(product: Product) -> str:
    """`<domain>_<product>`. Neither part can hold an underscore, so two products never share a name unless shortened."""
    return shortened(f"{product.domain}_{product.name}", MAX_NAME - MAX_PREFIX)


def execution_prefix(product: Product) -> str:
    """What an execution's name begins with; the business date, cycle and attempt follow."""
    return shortened(product.name, MAX_NAME - EXECUTION_SUFFIX)


def shortened(name: str, limit: int) -> str:
    """`name`, or its beginning and a digest of the whole where it is too long."""
    if len(name) <= limit:
        return name
    digest = blake2b(name.encode(), digest_size=4).hexdigest()
    return f"{name[: limit - 9].rstrip('-_')}-{digest}"


def logical_id(name: str) -> str:
    """A CloudFormation logical id: `position-by-account` -> `PositionByAccount`.

    A word that begins with a digit would run into the one before it (`a-1` and `a1`), so such names carry a digest.
    """
    words = name.split("-")
    joined = "".join(word[0].upper() + word[1:] for word in words)
    if any(word[0].isdigit() for word in words[1:]):
        joined += "H" + blake2b(name.encode(), digest_size=3).hexdigest()
    return "P" + joined if joined[0].isdigit() else joined


def unique_logical_id(identity: str) -> str:
    """A logical id among products of several domains: that of the name, and a digest of the whole identity."""
    return logical_id(identity.split("/")[1]) + "Of" + blake2b(identity.encode(), digest_size=5).hexdigest()


def resource(step: Step) -> str:
    """What the step runs, as templates name it: what is deployed with the product has the deployment's prefix."""
    name = str(step.settings[step_types()[step.type].resource])
    return f"${{NamePrefix}}{name}" if is_deployed(step) else name


def is_deployed(step: Step) -> bool:
    """Whether what the step runs is deployed with the product."""
    return bool(step.code) and step_types()[step.type].resources.exists()


def deployed_id(product: Product, step: Step) -> str:
    """What the logical ids begin with of what is deployed for the step; no other product has them."""
    digest = blake2b(f"{product.id}/{step.name}".encode(), digest_size=5).hexdigest()
    return f"{logical_id(product.name)}{logical_id(step.name)}Of{digest}"


def tag_value(text: str) -> str:
    """Text as a tag's value may hold it (letters, digits, spaces and _ . : / = + - @, at most 256)."""
    return re.sub(r"[^\w\s.:/=+\-@]", "_", text)[:256]
