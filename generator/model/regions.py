"""The regions of AWS, of China, GovCloud and the European Sovereign Cloud.

Source: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
"""

# Region names of the partitions besides `aws` begin so.
PARTITIONS = {
    "cn-": "aws-cn",
    "eusc-": "aws-eusc",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
}

REGIONS = frozenset(
    [
        "af-south-1",
        "ap-east-1",
        "ap-east-2",
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-south-2",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-southeast-3",
        "ap-southeast-4",
        "ap-southeast-5",
        "ap-southeast-6",
        "ap-southeast-7",
        "ca-central-1",
        "ca-west-1",
        "cn-north-1",
        "cn-northwest-1",
        "eu-central-1",
        "eu-central-2",
        "eu-isoe-west-1",
        "eu-north-1",
        "eu-south-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "eusc-de-east-1",
        "il-central-1",
        "me-central-1",
        "me-south-1",
        "mx-central-1",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-gov-east-1",
        "us-gov-west-1",
        "us-iso-east-1",
        "us-iso-west-1",
        "us-isob-east-1",
        "us-isob-west-1",
        "us-isof-east-1",
        "us-isof-south-1",
        "us-west-1",
        "us-west-2",
    ]
)


def partition_of(region: str) -> str:
    """The partition of a region, as ARNs have it. One that is not known is taken for `aws`."""
    return next((name for start, name in PARTITIONS.items() if region.startswith(start)), "aws")


def forwards(source: str, target: str) -> bool:
    """Whether a rule of EventBridge in one region may have a bus in the other as its target: between any two regions of the partition `aws`, and
    not between those of GovCloud or China. Source: https://aws.amazon.com/blogs/compute/expanding-cross-region-event-routing-with-amazon-eventbridge/
    It says nothing of the partitions that are newer or isolated; they are taken to forward nothing."""
    return source == target or partition_of(source) == partition_of(target) == "aws"
