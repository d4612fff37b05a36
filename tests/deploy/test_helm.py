#!/usr/bin/python3
"""The Helm chart and the plain manifests: rendered as Helm would, right by the Kubernetes API to the last field, in agreement
with themselves and with txtd, which checks the configuration in them.

    test_helm.py TXTD TXTCTL
"""
import copy
import glob
import os
import re
import subprocess
import sys
import tempfile

import yaml

import chart
import kubernetes
from chart_template import TemplateError, Templates

KUBERNETES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/kubernetes")
ZONES = [{"name": "auth.example.test", "nameservers": [{"name": "ns1.auth.example.test", "addresses": ["192.0.2.1"]}]}]
BASE = {"config": {"zones": ZONES}}
XDP = {"config": {"zones": ZONES, "dns": {"xdp": [{"interface": "eth0"}]}}}
HOST_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "NET_BIND_SERVICE", "SETGID", "SETUID", "SETPCAP"]
XDP_CAPABILITIES = ["BPF", "IPC_LOCK", "NET_ADMIN", "NET_RAW"]


def expect(condition, *what):
    if not condition:
        sys.exit("FAIL: " + " ".join(map(str, what)))


def refused(values):
    try:
        chart.values_of(values)
    except chart.ValuesError:
        return True
    return False


def check_schema():
    """What the schema is for: one txtd only, no misspelt key, nothing against what the chart decides."""
    chart.values_of(BASE)
    bad = [{}, {"replicaCount": 2}, {"replicaCount": 3, "config": {"zones": ZONES, "store": {"directory": "/x"}}},
           {"replicas": 1}, {"image": {"repo": "x"}}, {"ports": {"dns": 53}}, {"tls": {"source": "none"}},
           {"config": {"zones": []}}, {"config": {"zones": ZONES, "dns": {"listen": ["0.0.0.0:53"]}}},
           {"config": {"zones": ZONES, "process": {"user": "root"}}}, {"config": {"zones": ZONES, "api": {"key": "/x"}}},
           {"tls": {"source": "certManager"}}, {"tls": {"source": "acme"}}, XDP,
           {"service": {"dns": {"externalTrafficPolicy": "local"}}}, {"bindAddresses": ["eth0"]},
           {"persistence": {"accessModes": ["ReadWriteOncePod"]}, "tls": {"source": "acme"}, "renewal": {"name": "auth.example.test"}},
           {"persistence": {"accessModes": ["ReadWriteOncePod"]}, "backup": {"enabled": True}},
           {"serviceMonitor": {"enabled": True}, "hostNetwork": {"enabled": True}},
           *({"config": {"zones": ZONES, section: {key: "relative"}}} for section, key in (
               ("store", "directory"), ("store", "backup_directory"), ("store", "log_directory"), ("log", "audit_file"))),
           {"config": {"zones": ZONES, "api": {"registration_tokens_file": "/x"}}},
           {"config": {"zones": ZONES, "api": {"registration_tokens_file": "/x", "registration": "open"}}}]
    for address in ("localhost", "eth0", "[192.0.2.1]", "[2001:db8::1"):
        bad.append({"hostNetwork": {"enabled": True, "internalAddress": address}})
    for address in ("::1", "[::1]", "127.0.0.2"):
        bad.append({"serviceMonitor": {"enabled": True}, "hostNetwork": {"enabled": True, "internalAddress": address}})
    bad += [{"persistence": {"size": size}} for size in ("8GB", "100Mi", "256Mi", "much", "8", "0Gi", "")]
    bad += [{job: {"schedule": schedule}} for job in ("backup", "renewal") for schedule in ("daily", "", "* * * *", "@noon", "1 2 3 4 5 6")]
    bad += [{key: name} for key in ("nameOverride", "fullnameOverride") for name in ("Txtd", "a_b", "-a", "a-", "1a", "a" * 41)]
    bad += [{"podLabels": {"app.kubernetes.io/" + label: "x"}} for label in ("name", "instance", "component")]
    bad += [{"service": {name: {"type": "ClusterIP", "nodePort": 30053}}} for name in ("dns", "api")]
    bad += [{"config": {"zones": ZONES, section: {key: "/srv/x"}}} for section, key in (
        ("log", "audit_file"), ("store", "directory"), ("store", "backup_directory"), ("store", "log_directory"))]
    for values in bad:
        expect(refused(values if values == {} else chart.merge(BASE, values)), "these values are taken:", values)
    chart.values_of(XDP, {"hostNetwork": {"enabled": True}})
    chart.values_of(BASE, {"replicaCount": 0})
    chart.values_of(BASE, {"config": {"log": {"audit_file": "/var/lib/txtd/audit.json"}}})
    chart.values_of(BASE, {"config": {"log": {"audit_file": "/srv/x"}}, "extraVolumeMounts": [{"name": "x", "mountPath": "/srv"}]})
    chart.values_of(BASE, {"persistence": {"size": "1.5Ti"}, "backup": {"schedule": "@daily"}, "nameOverride": "dns-2",
                           "podLabels": {"app.kubernetes.io/part-of": "x"}, "renewal": {"schedule": "*/5 4 * JAN-MAR 1,2"}})
    chart.values_of(BASE, {"persistence": {"accessModes": ["ReadWriteOncePod"]}})
    chart.values_of(BASE, {"serviceMonitor": {"enabled": True}, "hostNetwork": {"enabled": True, "internalAddress": "192.0.2.1"}})
    try:
        chart.render("txtd", "txtd", BASE, {"tls": {"source": "secret"}})
        expect(False, "a secret without a name or a key is rendered")
    except TemplateError:
        pass
    print("ok: %d kinds of wrong values are refused" % len(bad))


def every_value(values, path=()):
    """The paths of what the chart sets, but txtd's own keys and what Kubernetes has a default for."""
    for key, value in values.items():
        if key not in ("config", "requests", "limits", "topologySpreadConstraints", "metricsFrom"):
            yield path + (key,), value
            if isinstance(value, dict):
                yield from every_value(value, path + (key,))


def check_nulls():
    """Null takes a default away: where there is one, that is refused, and not rendered as 0 or nothing."""
    count = 0
    for path, value in every_value(chart.load(os.path.join(chart.CHART, "values.yaml"))):
        if value in ("", None, [], {}):
            continue
        nothing = None
        for key in reversed(path):
            nothing = {key: nothing}
        expect(refused(chart.merge(BASE, nothing)), "null is taken for", path)
        count += 1
    print("ok: %d values cannot be null" % count)


def check_config_keys():
    """`config` takes exactly txtd's keys: those of the example, less what the chart decides; nothing beside them, at no depth."""
    made = subprocess.run([os.path.join(chart.CHART, "../config_schema.py"), "--print"], capture_output=True, text=True, check=True).stdout
    with open(os.path.join(chart.CHART, "values.schema.json"), encoding="utf-8") as file:
        expect(made == file.read(), "values.schema.json does not have txtd's keys: run deploy/helm/config_schema.py")
    example = chart.load(os.path.join(chart.CHART, "../../txtd.example.yaml"))
    decided = {"dns": ["listen"], "api": ["listen", "internal_listen", "self_signed"], "process": ["state_directory"]}
    for section, keys in decided.items():
        for key in keys:
            expect(refused(chart.merge(BASE, {"config": {section: {key: example[section].pop(key)}}})), "config takes", section, key)
    chart.values_of({"config": example})
    places = [(), ("zones", 0), ("zones", 0, "nameservers", 0), *((section,) for section in example if section != "zones"),
              ("dns", "rrl"), ("dns", "tcp"), ("api", "limits")]
    for path in places:
        broken = copy.deepcopy(example)
        inner = broken
        for step in path:
            inner = inner[step]
        inner["wrokers"] = 1
        expect(refused({"config": broken}), "config takes a key that txtd does not know:", path)
    print("ok: config has txtd's keys")


def check_renderer():
    """Of the template language what charts need, the rest refused."""
    def render(source, **values):
        templates = Templates(chart.FUNCTIONS)
        templates.add("t", source)
        return templates.execute("t", {"Values": values})

    table = [("a {{- .Values.x }} b", "a1 b"), ("{{ if eq .Values.x 2 }}y{{ else if .Values.x }}z{{ end }}", "z"),
             ("{{ range $i, $v := .Values.l }}{{ $i }}{{ $v }};{{ else }}no{{ end }}", "0p;1q;"),
             ("{{ with .Values.none }}y{{ else }}n{{ end }}{{/* c */}}", "n"), ('{{ .Values.none | default "d" | quote }}', '"d"'),
             ('{{ $a := 1 }}{{ if true }}{{ $a = 2 }}{{ end }}{{ $a }}', "2"),
             ('{{ define "i" }}{{ .x }}{{ end }}{{ include "i" (dict "x" "v") | nindent 2 }}', "\n  v"),
             ("{{ toYaml .Values.m }}", "a: 'true'\nb:\n- 1"), ('{{ printf "%s-%d" $.Values.l.x 1 }}', None),
             ("{{ unknown 1 }}", None), ("{{ .Values.x", None), ("{{ if .Values.x }}", None), ("{{ end }}", None),
             ("{{ .Values.x.y }}", None), ("{{ $nobody }}", None), ('{{ include "nobody" . }}', None), ("{{ .Values.x 1 }}", None)]
    for source, wanted in table:
        try:
            got = render(source, x=1, l=["p", "q"], m={"b": [1], "a": "true"})
        except TemplateError:
            got = None
        expect(got == wanted, source, "becomes", repr(got), "not", repr(wanted))
    print("ok: %d templates" % len(table))


def every_field(thing, path=()):
    """The paths of all mappings in an object but those with keys of one's own."""
    if isinstance(thing, dict):
        if path and path != ("spec", "selector") and path[-1] not in ("labels", "annotations", "matchLabels", "data", "nodeSelector", "requests",
                                                                     "limits"):
            yield path
        for key, value in thing.items():
            yield from every_field(value, path + (key,))
    elif isinstance(thing, list):
        for index, value in enumerate(thing):
            yield from every_field(value, path + (index,))


def check_validator(validator, things):
    """An unknown field is found wherever it stands; so are a wrong type and an unknown kind."""
    count = 0
    for thing in things:
        for path in [(), *every_field(thing)]:
            broken = copy.deepcopy(thing)
            inner = broken
            for step in path:
                inner = inner[step]
            inner["misspelt"] = "x"
            expect(validator.errors(broken), "an unknown field is not seen:", thing["kind"], path)
            count += 1
        expect(validator.errors(dict(thing, kind="Unknown")), "an unknown kind")
        expect(validator.errors(dict(thing, metadata="x")), "a wrong type")
    print("ok: %d unknown fields seen" % count)


def check_configuration(txtd, config, tls):
    """txtd takes the ConfigMap's file, with the volumes somewhere else."""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=auth.example.test", "-keyout", directory + "/tls.key", "-out", directory + "/tls.crt"],
                       check=True, capture_output=True)
        text = config.replace("/etc/txtd-tls/", directory + "/").replace("/var/lib/txtd", directory + "/state")
        text = text.replace("user: txtd", "user: nobody")  # the image has its own user txtd
        if tls:
            expect(directory + "/tls.key" in text, "the certificate is not in the configuration")
        name = os.path.join(directory, "txtd.yaml")
        for content, wanted in ((text, 0), (text + "\nmisspelt: 1\n", 1)):
            with open(name, "w", encoding="utf-8") as file:
                file.write(content)
            done = subprocess.run([txtd, "--check-config", "-c", name], capture_output=True, text=True, check=False)
            expect((done.returncode == 0) == (wanted == 0), "txtd --check-config:", done.returncode, done.stderr)


def one(things, kind, name=None):
    found = [t for t in things if t["kind"] == kind and name in (None, t["metadata"]["name"])]
    expect(len(found) == 1, len(found), "of", kind, name)
    return found[0]


def check_agreement(things, host, xdp):
    """The parts fit one another."""
    workload = one(things, "StatefulSet")["spec"]
    expect(workload["replicas"] == 1, "replicas")
    pod = workload["template"]
    container = pod["spec"]["containers"][0]
    labels = pod["metadata"]["labels"]
    matches = lambda selector: selector.items() <= labels.items()
    ports = {(port["name"], port["protocol"]): port["containerPort"] for port in container["ports"]}
    names = {name for name, _ in ports}

    expect(matches(workload["selector"]["matchLabels"]), "the StatefulSet selects others")
    budget = one(things, "PodDisruptionBudget")["spec"]
    expect(matches(budget["selector"]["matchLabels"]) and "minAvailable" not in budget, "the budget")
    expect(budget["maxUnavailable"] >= workload["replicas"], "the budget blocks draining the one")
    for service in [thing for thing in things if thing["kind"] == "Service"]:
        expect(matches(service["spec"]["selector"]), service["metadata"]["name"], "selects others")
        for port in service["spec"]["ports"]:
            expect((port["targetPort"], port["protocol"]) in ports, "no such port:", port)
        if service["spec"]["type"] != "ClusterIP":
            expect(service["spec"]["externalTrafficPolicy"] == "Local", "clients' addresses are lost")
    dns = one(things, "Service", "txtd-dns")["spec"]
    expect({(port["port"], port["protocol"]) for port in dns["ports"]} == {(53, "UDP"), (53, "TCP")}, "DNS")
    expect(one(things, "Service", workload["serviceName"])["spec"]["clusterIP"] == "None", "the headless service")
    policy = one(things, "NetworkPolicy")["spec"]
    expect(matches(policy["podSelector"]["matchLabels"]) and policy["egress"] == [], "the policy")
    for rule in policy["ingress"]:
        expect(all((port["port"], port["protocol"]) in ports for port in rule["ports"]), "the policy's ports")
        expect(rule.get("from") or "internal" not in [port["port"] for port in rule["ports"]], "metrics for everybody")

    for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        expect(container[probe]["httpGet"]["path"] == path and container[probe]["httpGet"]["port"] in names, probe)
    expect(container["resources"]["requests"].keys() == {"cpu", "memory"}, "requests")
    expect(pod["spec"]["topologySpreadConstraints"], "topology spread")
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]} | {
        claim["metadata"]["name"] for claim in workload["volumeClaimTemplates"]}
    expect({mount["name"] for mount in container["volumeMounts"]} == volumes, "volumes")
    security = container["securityContext"]
    expect(security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"], "privileges")
    expect(security["capabilities"]["drop"] == ["ALL"], "capabilities")
    added = HOST_CAPABILITIES + (XDP_CAPABILITIES if xdp else [])
    added = added if host else []
    expect(security["capabilities"].get("add", []) == added, "capabilities:", security["capabilities"])
    expect(pod["spec"].get("hostNetwork", False) == host and pod["spec"]["securityContext"].get("runAsNonRoot", False) != host, "user")
    expect((ports["dns-udp", "UDP"] < 1024) == host, "ports")


def check_addresses():
    """An IPv6 address of the node, in brackets or not: with them before a port, without them for a probe."""
    for given, listen, host in (("2001:db8::1", "[2001:db8::1]:9153", "2001:db8::1"), ("[2001:db8::1]", "[2001:db8::1]:9153", "2001:db8::1"),
                                ("192.0.2.1", "192.0.2.1:9153", "192.0.2.1")):
        things = kubernetes.objects(chart.manifests("txtd", "txtd", BASE, {"hostNetwork": {"enabled": True, "internalAddress": given}}))
        config = yaml.safe_load(one(things, "ConfigMap")["data"]["txtd.yaml"])
        expect(config["api"]["internal_listen"] == [listen], given, "becomes", config["api"]["internal_listen"])
        container = one(things, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
        expect({container[probe]["httpGet"]["host"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")} == {host}, given)


def check_monitor():
    """The alerts' job, under whatever name the chart goes."""
    things = kubernetes.objects(chart.manifests("other", "txtd", BASE, {"nameOverride": "dns", "serviceMonitor": {"enabled": True}}))
    (endpoint,) = one(things, "ServiceMonitor")["spec"]["endpoints"]
    expect({"action": "replace", "targetLabel": "job", "replacement": "txtd"} in endpoint["relabelings"], "the monitor's job:", endpoint)


def check_job(things, job):
    """A pod that works on txtd's volume: which one, as which user."""
    workload = one(things, "StatefulSet")
    claim = "%s-%s-0" % (workload["spec"]["volumeClaimTemplates"][0]["metadata"]["name"], workload["metadata"]["name"])
    volumes = {volume["name"]: volume for volume in job["volumes"]}
    expect(volumes["state"]["persistentVolumeClaim"]["claimName"] == claim, "the job has another volume")
    expect({mount["name"] for mount in job["containers"][0]["volumeMounts"]} == volumes.keys(), "the job's volumes")
    expect(job["securityContext"]["runAsUser"] == 10053, "the control socket serves no other user")


def check_readme(validator):
    """The restore that the README shows fits the chart."""
    things = kubernetes.objects(chart.manifests("txtd", "txtd", BASE))
    with open(os.path.join(chart.CHART, "README.md"), encoding="utf-8") as file:
        (restore,) = [thing for block in re.findall(r"^```yaml\n(.*?)^```", file.read(), re.S | re.M) for thing in kubernetes.objects(block)]
    expect(not validator.errors(restore), validator.errors(restore))
    pod = restore["spec"]["template"]["spec"]
    check_job(things, pod)
    server = one(things, "StatefulSet")["spec"]["template"]["spec"]
    expect(pod["containers"][0]["image"] == server["containers"][0]["image"], "the restore's image")
    expect(pod["volumes"][0] in server["volumes"] and pod["serviceAccountName"] == server["serviceAccountName"], "the restore's volumes")
    backups = pod["containers"][0]["command"][-1]
    expect("backup_directory: %s\n" % backups in one(things, "ConfigMap")["data"]["txtd.yaml"], "the chart has its backups elsewhere")


def main():
    txtd = sys.argv[1]
    check_schema()
    check_nulls()
    check_config_keys()
    check_renderer()
    validator = kubernetes.Validator()
    check_readme(validator)
    check_addresses()
    check_monitor()
    everything = []
    cases = {os.path.basename(name)[:-len(".values.yaml")]: chart.load(name) for name in glob.glob(KUBERNETES + "/*.values.yaml")}
    expect(set(cases) == {"plain", "acme", "host-network"}, "deploy/kubernetes:", sorted(cases))
    for name, values in cases.items():
        with open(os.path.join(KUBERNETES, name + ".yaml"), encoding="utf-8") as file:
            expect(file.read() == chart.manifests("txtd", "txtd", values), name + ".yaml is old: run deploy/kubernetes/render.sh")
    cases["self-signed"] = BASE
    cases["host"] = chart.merge(BASE, {"hostNetwork": {"enabled": True}})
    cases["everything"] = chart.merge(BASE, {
        "tls": {"source": "secret", "certificate": "a", "key": "b"}, "podLabels": {"a": "b"}, "podAnnotations": {"a": "b"},
        "backup": {"enabled": True}, "imagePullSecrets": [{"name": "s"}], "nodeSelector": {"a": "b"}, "tolerations": [{"operator": "Exists"}],
        "affinity": {"nodeAffinity": {}}, "priorityClassName": "high", "serviceMonitor": {"enabled": True, "labels": {"a": "b"}},
        "serviceAccount": {"annotations": {"a": "b"}}, "persistence": {"storageClassName": "fast"},
        "networkPolicy": {"dnsFrom": [{"ipBlock": {"cidr": "192.0.2.0/24"}}], "apiFrom": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]},
        "extraVolumes": [{"name": "x", "secret": {"secretName": "x"}}], "extraVolumeMounts": [{"name": "x", "mountPath": "/x"}],
        "service": {"dns": {"type": "NodePort", "nodePort": 30053}, "api": {
            "loadBalancerClass": "c", "loadBalancerIP": "192.0.2.9", "loadBalancerSourceRanges": ["192.0.2.0/24"],
            "annotations": {"a": "b"}, "ipFamilyPolicy": "PreferDualStack"}}})
    for name, values in cases.items():
        things = kubernetes.objects(chart.manifests("txtd", "txtd", values))
        for thing in things:
            errors = validator.errors(thing)
            expect(not errors, name, errors)
        source = values.get("tls", {}).get("source")
        check_configuration(txtd, one(things, "ConfigMap")["data"]["txtd.yaml"], source in ("secret", "certManager"))
        check_agreement(things, values.get("hostNetwork", {}).get("enabled", False), name == "host-network")
        jobs = [job["spec"]["jobTemplate"]["spec"]["template"]["spec"] for job in things if job["kind"] == "CronJob"]
        expect(len(jobs) == (source == "acme") + values.get("backup", {}).get("enabled", False), "jobs")
        for job in jobs:
            check_job(things, job)
            near = job["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]["labelSelector"]["matchLabels"]
            expect(near.items() <= one(things, "StatefulSet")["spec"]["template"]["metadata"]["labels"].items(), "the job goes to another node")
        everything += things
    expect({thing["kind"] for thing in everything} >= {"Secret", "Certificate", "ServiceMonitor", "CronJob"}, "kinds")
    print("ok: %d objects of %d sets of values" % (len(everything), len(cases)))
    check_validator(validator, everything)


if __name__ == "__main__":
    main()
