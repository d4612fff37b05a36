{{- define "txtd.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "txtd.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if eq .Release.Name (include "txtd.name" .) -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "txtd.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "txtd.selector" -}}
app.kubernetes.io/name: {{ include "txtd.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end -}}

{{- define "txtd.labels" -}}
app.kubernetes.io/name: {{ include "txtd.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "txtd.tlsSecret" -}}
{{- default (printf "%s-tls" (include "txtd.fullname" .)) .Values.tls.secretName -}}
{{- end -}}

{{- define "txtd.dnsPort" -}}
{{- if .Values.hostNetwork.enabled -}}53{{- else -}}{{- int .Values.ports.dns -}}{{- end -}}
{{- end -}}

{{- define "txtd.apiPort" -}}
{{- if .Values.hostNetwork.enabled -}}443{{- else -}}{{- int .Values.ports.api -}}{{- end -}}
{{- end -}}

{{/* The values' config, and what the chart decides. */}}
{{- define "txtd.config" -}}
{{- $dns := list -}}
{{- $api := list -}}
{{- $internal := list -}}
{{- range .Values.bindAddresses -}}
{{- $dns = append $dns (printf "%s:%s" . (include "txtd.dnsPort" $)) -}}
{{- $api = append $api (printf "%s:%s" . (include "txtd.apiPort" $)) -}}
{{- $internal = append $internal (printf "%s:%d" . (int $.Values.ports.internal)) -}}
{{- end -}}
{{- if .Values.hostNetwork.enabled -}}
{{- $internal = list (printf "%s:%d" .Values.hostNetwork.internalAddress (int .Values.ports.internal)) -}}
{{- end -}}
{{- $process := dict "state_directory" "/var/lib/txtd" -}}
{{- if .Values.hostNetwork.enabled -}}
{{- $process = merge $process (dict "user" "txtd") -}}
{{- end -}}
{{- $http := dict "listen" $api "internal_listen" $internal -}}
{{- if eq .Values.tls.source "selfSigned" -}}
{{- $http = merge $http (dict "self_signed" true) -}}
{{- else if eq .Values.tls.source "acme" -}}
{{- $name := required "renewal.name is needed for tls.source acme" .Values.renewal.name -}}
{{- $http = merge $http (dict "self_signed" true "acme_name" $name "certificate" "/var/lib/txtd/api.pem" "key" "/var/lib/txtd/api.key") -}}
{{- $process = merge $process (dict "control_socket" "/var/lib/txtd/control.sock") -}}
{{- else -}}
{{- $http = merge $http (dict "self_signed" false "certificate" "/etc/txtd-tls/tls.crt" "key" "/etc/txtd-tls/tls.key") -}}
{{- end -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) (dict "dns" (dict "listen" $dns) "api" $http "process" $process)) -}}
{{- end -}}

{{/* What a service that is reached from outside takes; given the values of the service. */}}
{{- define "txtd.serviceOutside" -}}
type: {{ .type }}
{{- if ne .type "ClusterIP" }}
externalTrafficPolicy: {{ .externalTrafficPolicy }}
{{- end }}
{{- if eq .type "LoadBalancer" }}
{{- with .loadBalancerClass }}
loadBalancerClass: {{ . }}
{{- end }}
{{- with .loadBalancerIP }}
loadBalancerIP: {{ . | quote }}
{{- end }}
{{- with .loadBalancerSourceRanges }}
loadBalancerSourceRanges:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with .ipFamilyPolicy }}
ipFamilyPolicy: {{ . }}
{{- end }}
{{- end -}}

{{- define "txtd.probe" -}}
httpGet:
  path: {{ .path }}
  port: internal
  {{- if .root.Values.hostNetwork.enabled }}
  host: {{ .root.Values.hostNetwork.internalAddress | quote }}
  {{- end }}
timeoutSeconds: 5
{{- end -}}
