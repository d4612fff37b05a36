"""Checks Kubernetes manifests strictly: a field that the API does not define is an error, as are a wrong type and a missing field.

The definitions in tests/data/kubernetes.json are those of the kinds that are used here, out of the API's own description
(Kubernetes 1.32, descriptions left out); those of cert-manager and Prometheus Operator (and a Job, which is what a CronJob has inside) are written below, with the fields in use.
"""
import json
import os

import jsonschema
import yaml

DEFINITIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/kubernetes.json")
STRING = {"type": "string"}


def fields(required=(), **properties):
    return {"type": "object", "properties": properties, "required": list(required)}


def custom(group, version, kind, spec):
    return fields(("metadata", "spec"), apiVersion=STRING, kind=STRING, spec=spec, metadata={
        "$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}) | {
            "x-kubernetes-group-version-kind": [{"group": group, "version": version, "kind": kind}]}


CUSTOM = {
    "Job": custom("batch", "v1", "Job", {"$ref": "#/definitions/io.k8s.api.batch.v1.JobSpec"}),
    "Certificate": custom("cert-manager.io", "v1", "Certificate", fields(
        ("secretName", "issuerRef"), secretName=STRING, dnsNames={"type": "array", "items": STRING}, duration=STRING,
        renewBefore=STRING, issuerRef=fields(("name",), name=STRING, kind=STRING, group=STRING),
        privateKey=fields(algorithm={"enum": ["RSA", "ECDSA", "Ed25519"]}, size={"type": "integer"},
                          rotationPolicy={"enum": ["Never", "Always"]}))),
    "ServiceMonitor": custom("monitoring.coreos.com", "v1", "ServiceMonitor", fields(
        ("selector", "endpoints"), jobLabel=STRING, namespaceSelector=fields(matchNames={"type": "array", "items": STRING}),
        selector={"$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"},
        endpoints={"type": "array", "items": fields(port=STRING, path=STRING, interval=STRING, relabelings={
            "type": "array", "items": fields(action={"enum": ["replace", "keep", "drop"]}, sourceLabels={"type": "array", "items": STRING},
                                             separator=STRING, regex=STRING, targetLabel=STRING, replacement=STRING)})})),
}


class UniqueLoader(yaml.SafeLoader):
    """YAML in which no key may stand twice."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def objects(text):
    """The objects of a file of manifests."""
    return [thing for thing in yaml.load_all(text, Loader=UniqueLoader) if thing is not None]


class Validator:
    def __init__(self):
        with open(DEFINITIONS, encoding="utf-8") as file:
            definitions = json.load(file)["definitions"]
        definitions.update(CUSTOM)
        self.kinds = {}
        for name, definition in definitions.items():
            for kind in definition.get("x-kubernetes-group-version-kind", []):
                self.kinds["/".join(filter(None, (kind["group"], kind["version"]))), kind["kind"]] = name
            self.close(definition)
        definitions["io.k8s.apimachinery.pkg.util.intstr.IntOrString"] = {"type": ["integer", "string"]}
        definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] = {"type": ["number", "string"]}
        self.definitions = definitions

    def close(self, definition):
        """No other fields than these, at any depth."""
        if "properties" in definition:
            definition["additionalProperties"] = False
        for inner in [*definition.get("properties", {}).values(), definition.get("items")]:
            if isinstance(inner, dict):
                self.close(inner)

    def errors(self, thing):
        """What is wrong with an object, in sentences."""
        kind = (thing.get("apiVersion"), thing.get("kind"))
        if kind not in self.kinds:
            return ["%s %s is not known here" % kind]
        schema = {"$ref": "#/definitions/" + self.kinds[kind], "definitions": self.definitions}
        found = jsonschema.Draft4Validator(schema).iter_errors(thing)
        return ["%s: %s: %s" % (kind[1], "/".join(map(str, error.path)), error.message[:200])
                for error in sorted(found, key=str)]
