#!/usr/bin/python3
"""The chart's pod for `podman kube play`, which knows no StatefulSet: the pod as it was rendered in a Deployment, in the
network of whoever starts podman, with its ConfigMap and a volume of the name of its claim.

    chart_for_podman.py VALUES.yaml > manifests.yaml
"""
import sys

import yaml

import chart
import kubernetes


def main():
    things = kubernetes.objects(chart.manifests("txtd", "txtd", chart.load(sys.argv[1])))
    by_kind = {thing["kind"]: thing for thing in things}
    workload = by_kind["StatefulSet"]["spec"]
    pod = workload["template"]
    pod["spec"]["hostNetwork"] = True
    container = pod["spec"]["containers"][0]
    del container["ports"]  # nothing is mapped in the host's network
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        del container[probe]  # podman would run curl in the image
    for template in workload["volumeClaimTemplates"]:
        name = template["metadata"]["name"]
        pod["spec"]["volumes"].append({"name": name, "persistentVolumeClaim": {"claimName": name}})
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "txtd"},
                  "spec": {"replicas": workload["replicas"], "selector": workload["selector"], "template": pod}}
    yaml.safe_dump_all([by_kind["ConfigMap"], deployment], sys.stdout)


if __name__ == "__main__":
    main()
