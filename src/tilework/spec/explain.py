"""What is wrong with a spec, in words: which setting, what is wrong, and one way to fix it. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tilework.errors import TileworkError, UserError
from tilework.spec.problems import Fault, Problem


class WrongSpec(UserError):
    """Several wrong settings as one error: all of them are named, the first one's fix is given."""

    def __init__(self, problems: Sequence[Problem], *, where: str = "", why: str) -> None:
        text = "; ".join(what(one) for one in problems)
        super().__init__(f"{where}: {text}" if where else text, why=why, fix=fix(problems[0]), field=problems[0].field)
        self.problems = tuple(problems)


def problems_of(error: TileworkError) -> list[Problem]:
    """What a section found wrong with itself, in its own words where it has no values."""
    if isinstance(error, WrongSpec):
        return list(error.problems)
    return [
        Problem(
            error.field,
            Fault.REFUSED,
            {"what": error.what, "fix": error.fix, "named": True, "override": error.override},
        )
    ]


def what(problem: Problem) -> str:
    """Where it is and what is wrong."""
    text, named = _problem_text(problem)
    return text if named or problem.field == "spec" else f"{problem.field}: {text}"


def beside(problem: Problem) -> str:
    """What is wrong, to be read beside the setting."""
    return _problem_text(problem)[0]


def _problem_text(problem: Problem) -> tuple[str, bool]:
    """What is wrong, and whether that names the setting."""
    field, values = problem.field, problem.values
    if problem.fault is Fault.UNKNOWN_KEY:
        meant = str(values["meant"])
        near = meant.rpartition(".")[2] if meant.rpartition(".")[0] == field.rpartition(".")[0] else meant
        return f"unknown key {field}" + (f" (did you mean {near}?)" if meant else ""), True
    if problem.fault is Fault.MISSING:
        return f"{field} is missing", True
    if problem.fault is Fault.REFUSED:
        return str(values["what"]), bool(values["named"])
    return f"{_wanted(values)}, not {_shown(values['given'])}", False


def fix(problem: Problem) -> str:
    """What to write instead."""
    field, values = problem.field, problem.values
    if problem.fault is Fault.UNKNOWN_KEY:
        if values["meant"]:
            return f"write {values['meant']}"
        if field == "data.path":
            return "for your own folder of images add data.kind=images"
        settings = ", ".join(name for name in values["known"] if name != "kind")
        return f"remove it; {field.rpartition('.')[0] or 'a spec'} has {settings}" if settings else "remove it"
    if problem.fault is Fault.MISSING:
        if kinds := values["kinds"]:
            return f"add it, for example {field}.kind={kinds[0]} (the kinds are {', '.join(kinds)})"
        return f"set {field}" + (f" ({values['description']})" if values["description"] else "")
    if text := remedy(problem):
        return text
    if problem.fault is Fault.REFUSED:
        return "" if values["named"] else f"correct {field}"
    return f"correct {field}: it {_wanted(values)}"


def remedy(problem: Problem) -> str:
    """What to write instead, to be read beside the setting: nothing where `beside` covers it already."""
    values = problem.values
    if problem.fault in {Fault.UNKNOWN_KEY, Fault.MISSING}:
        return fix(problem)
    if problem.fault is Fault.REFUSED:
        return str(values["fix"])
    if values["near"]:
        return f"write {values['near']}"
    if values["rule"] == "string_type":
        return f"put it in quotes, on the command line as '{problem.field}=\"...\"'"
    return ""


_TYPES = {"int": "a whole number", "float": "a number", "bool": "true or false", "string": "text"}
_RULES = {
    "finite_number": "must be a finite number",
    "tuple_type": "must be a list, for example [32, 64]",
    "list_type": "must be a list, for example [32, 64]",
    "dict_type": "must be a mapping of settings",
    "model_type": "must be a mapping of settings",
    "model_attributes_type": "must be a mapping of settings",
    "string_pattern_mismatch": "may only hold lower-case letters, digits, dots and hyphens",
}
_BOUNDS = {
    "greater_than_equal": "must be {} or more",
    "greater_than": "must be more than {}",
    "less_than_equal": "must be {} or less",
    "less_than": "must be less than {}",
    "string_too_long": "must have {} characters or fewer",
    "string_too_short": "must have {} characters or more",
    "too_short": "must have {} items or more",
    "too_long": "must have {} items or fewer",
    "literal_error": "must be {}",
}


def _wanted(values: Mapping[str, Any]) -> str:
    """What a setting takes."""
    rule, limit = str(values["rule"]), values["limit"]
    if rule in _RULES:
        return _RULES[rule]
    if rule in _BOUNDS:
        return _BOUNDS[rule].format(f"{limit:g}" if isinstance(limit, float) else limit)
    kind = rule.split("_")[0]
    if kind in _TYPES or kind == "decimal":
        return f"must be {_TYPES.get(kind, 'a value of its type')}"
    text = str(values["message"])
    return text[:1].lower() + text[1:]


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
