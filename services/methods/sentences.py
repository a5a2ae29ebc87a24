"""What is wrong with an argument, in a sentence for people who do not know pydantic."""

from re import sub

from pydantic_core import ErrorDetails

from events.model import HOSTNAME_PATTERN, INTERFACE_PATTERN, NAME_PATTERN, PRINTABLE_PATTERN, PROJECT_PATTERN

_SENTENCES = {
    "missing": "this argument is missing",
    "extra_forbidden": "there is no such argument",
    "string_type": "it must be text",
    "string_too_short": "it must not be empty",
    "string_too_long": "it has more than {max_length} characters",
    "too_short": "it needs {min_length} or more",
    "too_long": "it takes {max_length} at most, and these are {actual_length}",
    "list_type": "it must be a list",
    "tuple_type": "it must be a list",
    "dict_type": "it must be an object",
    "model_type": "it must be an object",
    "int_type": "it must be a whole number",
    "int_parsing": "it must be a whole number",
    "int_from_float": "it must be a whole number",
    "float_type": "it must be a number",
    "float_parsing": "it must be a number",
    "bool_type": "it must be true or false",
    "bool_parsing": "it must be true or false",
}
"""By pydantic's names of the findings (docs.pydantic.dev, "Validation Errors")."""

_PATTERNS = {
    NAME_PATTERN: "it must be letters, digits and inner dots, hyphens and underscores",
    HOSTNAME_PATTERN: "it must be a host name: letters, digits and inner hyphens, in labels joined by dots",
    INTERFACE_PATTERN: "it must be the name of an interface: letters, digits, dots, hyphens and underscores",
    PROJECT_PATTERN: "it must be printable ASCII without spaces",
    PRINTABLE_PATTERN: "it must not have control characters",
}

_QUOTED_MAX = 80
"""Characters of what a caller wrote that are said back."""


def problem_said(problem: ErrorDetails) -> str:
    """Return what is wrong, as a part of a sentence."""
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], "it has characters that are not taken")
    known = _SENTENCES.get(kind)
    if known is not None:
        return known.format_map(context)
    return problem["msg"].removeprefix("Value error, ").replace("Input should be", "it must be")


def shortened(text: str) -> str:
    """Return a sentence in which nothing is quoted at length."""
    return sub(rf"(['\"])([^'\"]{{{_QUOTED_MAX}}})[^'\"]+\1", r"\1\2...\1", text)
