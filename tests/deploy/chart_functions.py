"""The functions of Helm's templates that the chart uses, as Go, sprig and Helm define them."""
import base64
import copy
import hashlib
import re

import yaml


class Failed(Exception):
    """A template says that the values will not do."""


def truth(value):
    """What `if` takes for true: everything but the zero values."""
    return not (value is None or value is False or (not isinstance(value, bool) and value in (0, "", [], {})))


def text(value):
    """A value as it is written out."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    raise Failed("a %s cannot be written out" % type(value).__name__)


class Dumper(yaml.SafeDumper):
    """YAML as Helm's toYaml writes it: sorted, blocks, no aliases."""

    def ignore_aliases(self, data):
        return True


def to_yaml(value):
    return yaml.dump(value, Dumper=Dumper, default_flow_style=False, sort_keys=True, width=1 << 20, allow_unicode=True).rstrip(
        "\n").removesuffix("\n...")


def go_and(*values):
    return next((value for value in values if not truth(value)), values[-1])


def go_or(*values):
    return next((value for value in values if truth(value)), values[-1])


def printf(form, *values):
    verbs = re.findall(r"%.", form)
    if verbs != [{str: "%s", int: "%d"}[type(value)] for value in values]:
        raise Failed("printf %r does not fit %r" % (form, values))
    return form % values


def required(message, value):
    if value is None or value == "":
        raise Failed(message)
    return value


def merge_into(target, source, overwrite):
    for key, value in source.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            merge_into(target[key], value, overwrite)
        elif overwrite or not truth(target.get(key)):
            target[key] = value
    return target


def indent(width, lines):
    return "\n".join(" " * width + line for line in lines.split("\n"))


FUNCTIONS = {
    "and": go_and,
    "append": lambda values, value: values + [value],
    "b64enc": lambda value: base64.b64encode(value.encode()).decode(),
    "deepCopy": copy.deepcopy,
    "contains": lambda part, whole: part in whole,
    "default": lambda fallback, value=None: value if truth(value) else fallback,
    "dict": lambda *pairs: dict(zip(pairs[::2], pairs[1::2], strict=True)),
    "div": lambda one, other: one // other,
    "eq": lambda one, *others: any(type(one) is type(other) and one == other for other in others),
    "int": lambda value: int(value or 0),
    "list": lambda *values: list(values),
    "merge": lambda target, source: merge_into(target, source, False),
    "mergeOverwrite": lambda target, source: merge_into(target, source, True),
    "ne": lambda one, other: one != other,
    "nindent": lambda width, lines: "\n" + indent(width, lines),
    "not": lambda value: not truth(value),
    "or": go_or,
    "printf": printf,
    "quote": lambda value: '"%s"' % text(value).replace("\\", "\\\\").replace('"', '\\"'),
    "required": required,
    "sha256sum": lambda value: hashlib.sha256(value.encode()).hexdigest(),
    "ternary": lambda yes, no, condition: yes if condition else no,
    "toYaml": to_yaml,
    "trimPrefix": lambda prefix, value: value.removeprefix(prefix),
    "trimSuffix": lambda suffix, value: value.removesuffix(suffix),
    "trunc": lambda length, value: value[:length],
}
