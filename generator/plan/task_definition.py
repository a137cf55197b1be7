"""Task definitions of ECS: as properties of CloudFormation, and what FARGATE takes of them."""

from typing import Any

# What users name themselves: labels and options stay as they are.
FREE = ("dockerLabels", "driverOpts", "labels", "options")
# CloudFormation's spelling where it is not the API's, by the property around it ("" for any).
OTHERWISE = {
    ("", "efsVolumeConfiguration"): "EFSVolumeConfiguration",
    ("", "fsxWindowsFileServerVolumeConfiguration"): "FSxWindowsFileServerVolumeConfiguration",
    ("efsVolumeConfiguration", "fileSystemId"): "FilesystemId",
    ("authorizationConfig", "iam"): "IAM",
    ("proxyConfiguration", "properties"): "ProxyConfigurationProperties",
}
GB = 1024
# MiB that a task may have, by its CPU units (docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size).
FARGATE = {
    256: (512, GB, 2 * GB),
    512: tuple(range(GB, 4 * GB + 1, GB)),
    1024: tuple(range(2 * GB, 8 * GB + 1, GB)),
    2048: tuple(range(4 * GB, 16 * GB + 1, GB)),
    4096: tuple(range(8 * GB, 30 * GB + 1, GB)),
    8192: tuple(range(16 * GB, 60 * GB + 1, 4 * GB)),
    16384: tuple(range(32 * GB, 120 * GB + 1, 8 * GB)),
}


def properties(document: Any, inside: str = "") -> Any:
    """The document of the API as CloudFormation has it: names begin with a capital letter, and its own placeholders are filled in."""
    if isinstance(document, dict):
        return {key if inside in FREE else _spelt(key, inside): properties(each, key) for key, each in document.items()}
    if isinstance(document, list):
        return [properties(each, inside) for each in document]
    if isinstance(document, str) and "${AWS::" in document:
        return {"Fn::Sub": document.replace("${", "${!").replace("${!AWS::", "${AWS::")}
    return document


def _spelt(key: str, inside: str) -> str:
    return OTHERWISE.get((inside, key)) or OTHERWISE.get(("", key)) or key[:1].upper() + key[1:]


def units(text: Any, unit: str) -> int | None:
    """CPU units or MiB of what the API takes: `1024`, `1 vCPU`, `2 GB`; None for anything else."""
    number, _, named = str(text).strip().partition(" ")
    try:
        return round(float(number) * 1024) if named.strip().lower() == unit else int(number) if not named else None
    except ValueError:
        return None
