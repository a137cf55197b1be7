"""The text of a new domain.yaml."""

import json
import re
from pathlib import Path

from headgate.cli.errors import UsageError
from headgate.cli.schemas import modeline
from headgate.generator.metadata.read_error import ReadError
from headgate.generator.metadata.yaml_reader import read

DOMAIN = """\
# The owner of the domain {name}, its AWS account, and what its products share.
owner: {owner}
{account}{region}# defaults:                  # any keys of a product, merged under each product here
#   wait: {{deadline: 4h}}
"""


def domain_text(name: str, owner: str, account: str, region: str, products: Path) -> str:
    """Raises `UsageError` where the account is wrong, or missing while other domains name theirs."""
    elsewhere = next((each for each in sorted(products.glob("*/domain.yaml")) if _names_account(each)), None)
    if elsewhere and not account:
        raise UsageError(f"{elsewhere} names its account, so every domain needs one: give it with --account")
    if account and not re.fullmatch(r"[0-9]{12}", account):
        raise UsageError(f"--account {account}: expected an AWS account id of twelve digits")
    return modeline("domain") + DOMAIN.format(
        name=name,
        owner=json.dumps(owner, ensure_ascii=False) if owner else f"{name}-team",
        account=f'account: "{account}"\n' if account else "",
        region=f"region: {region}\n" if region else "",
    )


def _names_account(path: Path) -> bool:
    try:
        return path.is_file() and "account" in read(path.read_bytes())
    except (ReadError, OSError):
        return False  # `headgate validate` reports what is wrong with it
