"""The rules a file can break before it means anything: `HG101` to `HG120`."""

from headgate.generator.findings import Rule, Severity

UNREADABLE = Rule("HG101", "unreadable file", "A file that cannot be read describes no product.")
NOT_YAML = Rule("HG102", "not valid YAML", "A file that does not parse describes no product.")
DUPLICATE_KEY = Rule(
    "HG103", "key given twice", "YAML keeps the last of two equal keys, so the first is silently lost."
)
EXPANSION = Rule(
    "HG104",
    "aliases expand too far",
    "A few lines of nested aliases can stand for millions of values and fill the memory.",
)
UNKNOWN_KEY = Rule("HG105", "unknown key", "An unknown key has no effect, although its author expects one.")
MISSING_KEY = Rule("HG106", "missing key", "Without it the product cannot be built.")
WRONG_TYPE = Rule(
    "HG107", "wrong type", "YAML read another type than the schema expects; most often quotes are missing."
)
WRONG_VALUE = Rule("HG108", "value not allowed", "The value has the right type, but is not one of the allowed values.")
WRONG_PLACE = Rule(
    "HG109",
    "file out of place",
    "A product's path is its identity, so a file in another place would be silently ignored.",
)
NO_DOMAIN = Rule("HG110", "domain without domain.yaml", "domain.yaml holds the domain's owner and defaults.")
ONE_OF = Rule("HG111", "exactly one of several keys", "The keys exclude each other, or one of them is required.")
EMPTY_VALUE = Rule(
    "HG112", "nothing after the key", "A key without a value is most often a list whose items were lost."
)
INDENTATION = Rule(
    "HG113", "wrong indentation", "At another level the key has no effect, and it is missing where it belongs."
)
CUT_VALUE = Rule("HG114", "value cut at a comma", "Inside braces an unquoted comma ends a value, so the rest is lost.")
OWN_TYPE = Rule(
    "HG115",
    "a step type of the project that cannot be used",
    "It is left out, so no product can use it; the others stay.",
)
PYTHON = Rule("HG116", "Python that yields no products", "The products that it would yield are missing.")
JSON_FILE = Rule(
    "HG120",
    "a JSON file of a product that cannot be used",
    "What the product takes from it is missing, so the product cannot be built.",
)
SHIPPED_FILE = Rule("HG117", "a file that cannot ship", "The step has nothing to run without it.")
SYNTAX = Rule("HG118", "a syntax error in a script", "The job would fail in its first second, in production.")
UNUSED_FILE = Rule(
    "HG119", "a file that no step names", "It is not deployed, although its author may expect it.", Severity.WARNING
)

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
    INDENTATION,
    CUT_VALUE,
    OWN_TYPE,
    PYTHON,
    SHIPPED_FILE,
    SYNTAX,
    UNUSED_FILE,
    JSON_FILE,
)
