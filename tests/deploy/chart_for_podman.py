#!/usr/bin/python3
"""The chart's pods for `podman kube play`, which knows no StatefulSet and no CronJob, in the network of whoever starts podman.

    chart_for_podman.py VALUES.yaml > manifests.yaml           the pod as it was rendered in a Deployment, with its ConfigMap and a
                                                               volume of the name of its claim
    chart_for_podman.py VALUES.yaml JOB > manifests.yaml       the pod of this CronJob of the chart, or Job of its README, once
    chart_for_podman.py --probes VALUES.yaml                   where kubelet would ask, a line each: NAME URL
"""
import re
import sys

import yaml

import chart
import kubernetes

README = chart.CHART + "/README.md"
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def claimed(name, claim):
    """The one claim is the volume \"state\" of podman."""
    return {"name": name, "persistentVolumeClaim": {"claimName": claim.removesuffix("-txtd-0")}}


def server(by_kind):
    workload = by_kind["StatefulSet"]["spec"]
    pod = workload["template"]
    pod["spec"]["hostNetwork"] = True
    container = pod["spec"]["containers"][0]
    del container["ports"]  # nothing is mapped in the host's network
    for probe in PROBES:
        del container[probe]  # podman would run curl in the image; the test asks in its place
    for template in workload["volumeClaimTemplates"]:
        pod["spec"]["volumes"].append(claimed(*[template["metadata"]["name"]] * 2))
    return [by_kind["ConfigMap"],
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "txtd"},
             "spec": {"replicas": workload["replicas"], "selector": workload["selector"], "template": pod}}]


def job(things, by_kind, name):
    with open(README, encoding="utf-8") as file:
        for block in re.findall(r"^```yaml\n(.*?)^```", file.read(), re.S | re.M):
            things += [thing for thing in kubernetes.objects(block) if isinstance(thing, dict) and "kind" in thing]
    (found,) = [thing for thing in things if thing["kind"] in ("CronJob", "Job") and thing["metadata"]["name"] == name]
    spec = found["spec"]["jobTemplate"]["spec"] if found["kind"] == "CronJob" else found["spec"]
    pod = spec["template"]["spec"]
    pod["hostNetwork"] = True
    del pod["serviceAccountName"]
    pod.pop("affinity", None)  # there is one node
    pod["volumes"] = [claimed(volume["name"], volume["persistentVolumeClaim"]["claimName"]) if "persistentVolumeClaim" in volume
                      else volume for volume in pod["volumes"]]
    own = by_kind["StatefulSet"]["spec"]["template"]["spec"]["containers"][0]["image"]
    for container in pod["containers"]:
        if container["image"].split(":")[0] == own.split(":")[0]:
            container["image"] = own
    return [by_kind["ConfigMap"], {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": pod}]


def print_probes(by_kind):
    container = by_kind["StatefulSet"]["spec"]["template"]["spec"]["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for name in PROBES:
        request = container[name]["httpGet"]
        # Kubelet asks the pod's address unless a host is given; here the pod's network is ours.
        print(name, "http://%s:%d%s" % (request.get("host", "127.0.0.1"), ports[request["port"]], request["path"]))


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--probes"]
    things = kubernetes.objects(chart.manifests("txtd", "txtd", chart.load(arguments[0])))
    by_kind = {thing["kind"]: thing for thing in things}
    if len(arguments) != len(sys.argv) - 1:
        print_probes(by_kind)
    else:
        yaml.safe_dump_all(server(by_kind) if len(arguments) == 1 else job(things, by_kind, arguments[1]), sys.stdout)


if __name__ == "__main__":
    main()
