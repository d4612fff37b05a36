#!/bin/sh
# Renders the chart with each *.values.yaml here into the plain manifests beside it. With Helm the same comes from
# `helm template txtd deploy/helm/txtd --namespace txtd --values FILE`; this needs python3-yaml and python3-jsonschema only.
set -eu
cd "$(dirname "$0")"
for values in *.values.yaml; do
    ../../tests/deploy/chart.py txtd txtd "$values" >"${values%.values.yaml}.yaml.new"
    mv "${values%.values.yaml}.yaml.new" "${values%.values.yaml}.yaml"
done
