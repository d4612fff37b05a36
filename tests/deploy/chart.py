#!/usr/bin/python3
"""Renders the Helm chart as `helm template` does, for machines without Helm: values, their schema, templates.

    chart.py RELEASE NAMESPACE [VALUES.yaml ...] > manifests.yaml

Of Helm's functions it knows those that the chart uses, and refuses others; no subcharts, hooks or look-ups in a cluster.
"""
import copy
import json
import os
import sys

import jsonschema
import yaml

from chart_functions import FUNCTIONS
from chart_template import TemplateError, Templates

CHART = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/helm/txtd")


class ValuesError(Exception):
    """values.schema.json does not allow these values."""


def merge(below, above):
    """Values given over values of the chart: mappings are merged, null takes a key away, all else replaces."""
    merged = dict(below)
    for key, value in above.items():
        if value is None and key in merged:
            del merged[key]
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def load(name):
    with open(name, encoding="utf-8") as file:
        return yaml.safe_load(file) or {}


def values_of(*given, chart=CHART):
    """The chart's values under those given, each a mapping; checked against the schema."""
    values = load(os.path.join(chart, "values.yaml"))
    for more in given:
        values = merge(values, more)
    with open(os.path.join(chart, "values.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    errors = sorted(jsonschema.Draft7Validator(schema).iter_errors(values), key=str)
    if errors:
        raise ValuesError("; ".join("%s: %s" % ("/".join(map(str, e.path)), e.message[:160]) for e in errors))
    return values


def render(release, namespace, *given, chart=CHART):
    """The text of every template that makes one, by file name."""
    about = load(os.path.join(chart, "Chart.yaml"))
    dot = {
        "Values": copy.deepcopy(values_of(*given, chart=chart)),
        "Chart": {key[:1].upper() + key[1:]: value for key, value in about.items()},
        "Release": {"Name": release, "Namespace": namespace, "Service": "Helm", "IsInstall": True, "IsUpgrade": False},
    }
    templates = Templates(FUNCTIONS)
    folder = os.path.join(chart, "templates")
    names = sorted(os.listdir(folder))
    for name in names:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            templates.add(name, file.read())
    texts = {}
    for name in names:
        if name.endswith((".yaml", ".txt")):
            text = templates.execute(name, dot).strip()
            if text:
                texts[name] = text + "\n"
    return texts


def manifests(release, namespace, *given, chart=CHART):
    """All in one text, as `helm template` prints it."""
    texts = render(release, namespace, *given, chart=chart)
    return "".join("---\n# Source: txtd/templates/%s\n%s" % (name, text) for name, text in texts.items() if name.endswith(".yaml"))


def main():
    if len(sys.argv) < 3:
        sys.exit("usage: chart.py RELEASE NAMESPACE [VALUES.yaml ...]")
    try:
        sys.stdout.write(manifests(sys.argv[1], sys.argv[2], *[load(name) for name in sys.argv[3:]]))
    except (ValuesError, TemplateError) as error:
        sys.exit("chart.py: %s" % error)


if __name__ == "__main__":
    main()
