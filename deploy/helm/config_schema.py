#!/usr/bin/python3
"""Writes the part about `config` in txtd/values.schema.json: exactly txtd's own keys, which stand in control/config_schema.c, less
those that the chart decides. A test runs it again and compares.

    config_schema.py            changes txtd/values.schema.json
    config_schema.py --print    prints what it would be
"""
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "../../control/config_schema.c")
TARGET = os.path.join(HERE, "txtd/values.schema.json")
WIDTH = 132

SCALAR = {"type": ["string", "integer", "boolean"]}
# What the chart decides, and from what.
DECIDED = {
    "dns": ("bindAddresses, ports", ["listen"]),
    "api": ("bindAddresses, ports, tls, renewal",
            ["listen", "internal_listen", "certificate", "key", "self_signed", "acme_name"]),
    "process": ("the image and its volume", ["state_directory", "user", "group", "control_socket", "control_group"]),
}

# What has to be an absolute path, as in control/config.c.
PATHS = re.compile(r"KEY\((\w+)\.(\w+), [\w.]+, CONFIG_PATH,")
KEYS = os.path.join(HERE, "../../control/config.c")

FIELD = re.compile(r"""(TEXTS?|PART)\(struct\ \w+,\s*(\w+)(?:,\s*(\w+))?\)
                       |CYAML_FIELD_(STRING_PTR|SEQUENCE)\("(\w+)",([^;]*?)\)(?=,\s*(?:TEXT|PART|CYAML))""", re.X)


def mapping(name, source):
    """The schema of one table of fields."""
    body = re.search(r"cyaml_schema_field_t %s\[\] = \{(.*?)CYAML_FIELD_END" % name, source, re.S)[1]
    properties, required = {}, []
    for macro, member, inner, cyaml, key, rest in FIELD.findall(body + "CYAML"):
        if macro == "TEXT":
            properties[member] = SCALAR
        elif macro == "TEXTS":
            properties[member] = {"type": "array", "items": {"type": "string"}}
        elif macro == "PART":
            properties[member] = mapping(inner, source)
        elif cyaml == "STRING_PTR":
            properties[key] = {"type": "string", "minLength": 1}
            required += [key] if "OPTIONAL" not in rest else []
        else:
            properties[key] = {"type": "array", "items": mapping(re.search(r"&(\w+)", rest.split(",", 3)[-1])[1] + "_fields", source)}
    if len(properties) != body.count("CYAML_FIELD_S") + len(re.findall(r"\b(?:TEXTS?|PART)\(", body)):
        raise SystemExit("config_schema.py: control/config_schema.c has fields in a form that is not known here: " + name)
    schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return schema | ({"required": required} if required else {})


def config():
    with open(SOURCE, encoding="utf-8") as file:
        schema = mapping("config_schema_fields", file.read())
    with open(KEYS, encoding="utf-8") as file:
        for section, key in PATHS.findall(file.read()):
            schema["properties"][section]["properties"][key] = {"type": "string", "pattern": "^/"}
    for section, (what, keys) in DECIDED.items():
        inner = schema["properties"][section]
        for key in keys:
            if key not in inner["properties"]:
                raise SystemExit("config_schema.py: txtd has no %s.%s any more" % (section, key))
            inner["properties"][key] = False
        schema["properties"][section] = {"description": "what is false is decided by " + what} | inner
    schema["properties"]["zones"]["minItems"] = 1
    # Tokens without `registration` would leave it open: txtd refuses that.
    schema["properties"]["api"]["dependencies"] = {
        "registration_tokens_file": {"required": ["registration"], "properties": {"registration": {"enum": ["token", "off", False]}}}}
    return {"description": "txtd.yaml, key by key; written by config_schema.py. txtd checks the values itself.",
            "required": ["zones"]} | schema


def text(value, indent):
    """JSON as the rest of the file has it: on one line where it fits."""
    line = json.dumps(value)
    if len(line) + indent < WIDTH or not isinstance(value, dict):
        return line
    inner = ",\n".join("%s%s: %s" % (" " * (indent + 2), json.dumps(key), text(item, indent + 2)) for key, item in value.items())
    return "{\n%s\n%s}" % (inner, " " * indent)


def main():
    with open(TARGET, encoding="utf-8") as file:
        before = file.read()
    after, count = re.subn(r"(?<=^    \"config\": )\{.*?^    \}(?=,$)", lambda _: text(config(), 4), before, flags=re.S | re.M)
    if count != 1:
        raise SystemExit("config_schema.py: %s has no part \"config\"" % TARGET)
    if sys.argv[1:] == ["--print"]:
        sys.stdout.write(after)
        return
    with open(TARGET, "w", encoding="utf-8") as file:
        file.write(after)


if __name__ == "__main__":
    main()
