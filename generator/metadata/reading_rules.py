"""The rules a file can break before it means anything: `HG101` to `HG112`."""

from headgate.generator.findings import Rule

UNREADABLE = Rule("HG101", "unreadable file", "A file that cannot be read describes no product.")
NOT_YAML = Rule("HG102", "not valid YAML", "A file that does not parse describes no product.")
DUPLICATE_KEY = Rule("HG103", "key given twice", "YAML keeps the last of two equal keys, so the first is lost unseen.")
EXPANSION = Rule(
    "HG104",
    "aliases expand too far",
    "A few lines of nested aliases can stand for millions of values and fill the memory.",
)
UNKNOWN_KEY = Rule("HG105", "unknown key", "A key nobody reads is a setting its writer believes in and nobody applies.")
MISSING_KEY = Rule("HG106", "missing key", "Without it the product cannot be built.")
WRONG_TYPE = Rule(
    "HG107", "wrong type", "YAML guessed another type than the one that is meant; most often quotes are missing."
)
WRONG_VALUE = Rule(
    "HG108", "value not allowed", "The value has the right type, but not one of the forms that mean something."
)
WRONG_PLACE = Rule(
    "HG109", "file out of place", "A product's path is its identity, so a file elsewhere would be lost unseen."
)
NO_DOMAIN = Rule("HG110", "domain without domain.yaml", "The domain's owner and defaults stand in domain.yaml.")
ONE_OF = Rule("HG111", "exactly one of several keys", "The keys exclude each other, or one of them has to be there.")
EMPTY_VALUE = Rule("HG112", "nothing after the key", "A key with nothing after it is most often a list that was lost.")

READING_RULES = (
    UNREADABLE,
    NOT_YAML,
    DUPLICATE_KEY,
    EXPANSION,
    UNKNOWN_KEY,
    MISSING_KEY,
    WRONG_TYPE,
    WRONG_VALUE,
    WRONG_PLACE,
    NO_DOMAIN,
    ONE_OF,
    EMPTY_VALUE,
)
