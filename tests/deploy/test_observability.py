#!/usr/bin/python3
"""Alerts and dashboard: the rules are right and each fires when it should; every metric and label that they name is there in the
page of a running txtd.

    test_observability.py TXTD TXTCTL
"""
import json
import os
import re
import subprocess
import sys
import tempfile

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../e2e"))
from service import Txtd  # noqa: E402

FOLDER = os.path.join(HERE, "../../deploy/observability")
RULES = os.path.join(FOLDER, "txtd.rules.yaml")
CASES = os.path.join(HERE, "txtd.rules.test.yaml")
METRIC = re.compile(r"\b((?:txtd|process)_[a-z_]+)\b(?:\{([^}]*)\})?")
LABEL = re.compile(r'([a-z_]+)="([^"]*)"')
OURS = ("transport", "rcode", "type", "source", "limit", "reason", "outcome", "status", "le")


def expect(condition, *what):
    if not condition:
        sys.exit("FAIL: " + " ".join(map(str, what)))


def check_rules():
    """Returns the rules' expressions."""
    for command in (["check", "rules", RULES], ["test", "rules", CASES]):
        done = subprocess.run(["promtool", *command], capture_output=True, text=True, check=False)
        expect(done.returncode == 0, "promtool", *command[:2], done.stdout, done.stderr)
    with open(RULES, encoding="utf-8") as file:
        rules = [rule for group in yaml.safe_load(file)["groups"] for rule in group["rules"]]
    with open(CASES, encoding="utf-8") as file:
        checks = [check for test in yaml.safe_load(file)["tests"] for check in test["alert_rule_test"]]
    for rule in rules:
        expect(rule["labels"]["severity"] in ("critical", "warning"), rule["alert"], "has no severity")
        expect(rule["annotations"].keys() == {"summary", "action"}, rule["alert"], "does not say what to do")
        found = [bool(check["exp_alerts"]) for check in checks if check["alertname"] == rule["alert"]]
        expect(True in found and False in found, rule["alert"], "is not tried both ways")
    print("ok: %d alerts, %d cases" % (len(rules), len(checks)))
    return [rule["expr"] for rule in rules]


def check_dashboard():
    """Returns the dashboard's expressions."""
    with open(os.path.join(FOLDER, "txtd.dashboard.json"), encoding="utf-8") as file:
        dashboard = json.load(file)
    panels = dashboard["panels"]
    expect(len({panel["id"] for panel in panels}) == len(panels), "an id stands twice")
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        expect(not cells & taken and place["x"] + place["w"] <= 24, panel["title"], "lies on another")
        taken |= cells
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    expressions = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    expressions += [variable["query"] for variable in dashboard["templating"]["list"] if variable["type"] == "query"]
    expressions += [note["expr"] for note in dashboard["annotations"]["list"]]
    for expression in expressions:
        used = set(re.findall(r"\$(\w+)", expression)) - {"__rate_interval"}
        expect(used <= variables, "no such variable:", expression)
        expect(expression.count("(") == expression.count(")"), "parentheses:", expression)
    print("ok: a dashboard of %d panels" % len(panels))
    return expressions


def check_parses(expressions):
    """PromQL reads them all."""
    with tempfile.TemporaryDirectory() as directory:
        name = os.path.join(directory, "rules.yaml")
        plain = [re.sub(r"\$__rate_interval", "1m", expression) for expression in expressions if "label_values" not in expression]
        with open(name, "w", encoding="utf-8") as file:
            json.dump({"groups": [{"name": "dashboard", "rules": [
                {"record": "expression:%d" % number, "expr": expression} for number, expression in enumerate(plain)]}]}, file)
        done = subprocess.run(["promtool", "check", "rules", "--lint=none", name], capture_output=True, text=True, check=False)
        expect(done.returncode == 0, "promtool:", done.stdout, done.stderr)


def check_metrics(txtd, expressions):
    with tempfile.TemporaryDirectory() as directory:
        with Txtd(txtd, directory) as service:
            service.register()
            page = service.get_internal("/metrics")[1]
            service.stop()
    samples = {}
    for name, labels in re.findall(r"^([a-z_]+)(?:\{([^}]*)\})? ", page, re.M):
        samples.setdefault(name, []).append(dict(LABEL.findall(labels)))
    named = set()
    for expression in expressions:
        for name, labels in METRIC.findall(expression):
            wanted = {key: value for key, value in LABEL.findall(labels) if key in OURS}
            expect(any(wanted.items() <= sample.items() for sample in samples.get(name, [])), "/metrics lacks", name, wanted)
            named.add(name)
        for label in set(re.findall(r"by \(([^)]*)\)", expression)):
            for key in [key.strip() for key in label.split(",")]:
                expect(key == "instance" or any(key in sample for name, _ in METRIC.findall(expression)
                                                for sample in samples[name]), "no metric has", key, "in", expression)
    print("ok: all %d metrics are there" % len(named))


def main():
    expressions = check_rules() + check_dashboard()
    check_parses(expressions)
    check_metrics(sys.argv[1], expressions)


if __name__ == "__main__":
    main()
