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

{{/* The node's address for metrics and probes, without the brackets that an IPv6 address may have in the values. */}}
{{- define "txtd.internalHost" -}}
{{- .Values.hostNetwork.internalAddress | trimPrefix "[" | trimSuffix "]" -}}
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
{{- $host := include "txtd.internalHost" . -}}
{{- $internal = list (printf "%s:%d" (ternary (printf "[%s]" $host) $host (contains ":" $host)) (int .Values.ports.internal)) -}}
{{- end -}}
{{- $process := dict "state_directory" "/var/lib/txtd" "control_socket" "/var/lib/txtd/control.sock" -}}
{{- if .Values.hostNetwork.enabled -}}
{{- $process = merge $process (dict "user" "txtd") -}}
{{- end -}}
{{- $http := dict "listen" $api "internal_listen" $internal -}}
{{- if eq .Values.tls.source "selfSigned" -}}
{{- $http = merge $http (dict "self_signed" true) -}}
{{- else if eq .Values.tls.source "acme" -}}
{{- $name := required "renewal.name is needed for tls.source acme" .Values.renewal.name -}}
{{- $http = merge $http (dict "self_signed" true "acme_name" $name "certificate" "/var/lib/txtd/api.pem" "key" "/var/lib/txtd/api.key") -}}
{{- else -}}
{{- $http = merge $http (dict "self_signed" false "certificate" "/etc/txtd-tls/tls.crt" "key" "/etc/txtd-tls/tls.key") -}}
{{- end -}}
{{- $config := merge (deepCopy .Values.config) (dict "store" (dict "backup_directory" "/var/lib/txtd/backups")) -}}
{{- toYaml (mergeOverwrite $config (dict "dns" (dict "listen" $dns) "api" $http "process" $process)) -}}
{{- end -}}

{{/* What txtd reads and writes, for its own pod and for who reads its configuration beside it. */}}
{{- define "txtd.volumeMounts" -}}
- {name: config, mountPath: /etc/txtd, readOnly: true}
- {name: state, mountPath: /var/lib/txtd}
{{- if or (eq .Values.tls.source "secret") (eq .Values.tls.source "certManager") }}
- {name: tls, mountPath: /etc/txtd-tls, readOnly: true}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* All of these but the state. */}}
{{- define "txtd.volumes" -}}
- name: config
  configMap:
    name: {{ include "txtd.fullname" . }}
{{- if or (eq .Values.tls.source "secret") (eq .Values.tls.source "certManager") }}
- name: tls
  secret:
    secretName: {{ include "txtd.tlsSecret" . }}
    defaultMode: 0440
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The state's volume, as txtd's one pod claims it. */}}
{{- define "txtd.stateClaim" -}}
- name: state
  persistentVolumeClaim:
    claimName: state-{{ include "txtd.fullname" . }}-0
{{- end -}}

{{/* The pod of a job that works on txtd's volume: on its node, as its user, whom alone the control socket serves. */}}
{{- define "txtd.jobPod" -}}
restartPolicy: Never
serviceAccountName: {{ include "txtd.fullname" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
affinity:
  podAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "txtd.selector" . | nindent 12 }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10053
  runAsGroup: 10053
  fsGroup: 10053
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
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
  host: {{ include "txtd.internalHost" .root | quote }}
  {{- end }}
timeoutSeconds: 5
{{- end -}}
