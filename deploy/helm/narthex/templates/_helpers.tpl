{{/* Name of the objects. */}}
{{- define "narthex.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains "narthex" .Release.Name -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-narthex" .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{/* What selects the pods. Never changes in the life of a release. */}}
{{- define "narthex.selector" -}}
app.kubernetes.io/name: narthex
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels of every object. */}}
{{- define "narthex.labels" -}}
{{ include "narthex.selector" . }}
app.kubernetes.io/part-of: narthex
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "narthex.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* The most pods that serve at once. */}}
{{- define "narthex.replicas" -}}
{{ .Values.autoscaling.enabled | ternary .Values.autoscaling.maxReplicas .Values.replicaCount }}
{{- end }}

{{/* Name of the server that the chart brings for shared state, and of its Service. */}}
{{- define "narthex.storeName" -}}
{{ include "narthex.fullname" . }}-store
{{- end }}

{{- define "narthex.storeSelector" -}}
app.kubernetes.io/name: narthex-store
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Address of the store. */}}
{{- define "narthex.storeUrl" -}}
{{- if .Values.state.url -}}
{{ .Values.state.url }}
{{- else if .Values.state.server.enabled -}}
{{ printf "rediss://%s.%s.svc:%v" (include "narthex.storeName" .) .Release.Namespace .Values.networkPolicy.store.port }}
{{- else -}}
{{- fail "state.enabled needs state.url, or a server of the chart's own (state.server.enabled)." -}}
{{- end -}}
{{- end }}

{{/* The section `state` of narthex.yaml. */}}
{{- define "narthex.state" -}}
keyFiles:
  {{- range .Values.state.keys }}
  - /etc/narthex/state/{{ . }}
  {{- end }}
onStoreLost: {{ .Values.state.onStoreLost }}
redis:
  url: {{ include "narthex.storeUrl" . }}
  username: {{ .Values.state.username | quote }}
  passwordFile: /etc/narthex/state/password
  {{- with .Values.state.authority }}
  caFile: /etc/narthex/state/{{ . }}
  {{- end }}
{{- end }}

{{/* narthex.yaml: `config` with the number of replicas and the state that they share. */}}
{{- define "narthex.config" -}}
{{- $replicas := include "narthex.replicas" . | int -}}
{{- if and (gt $replicas 1) (not (dig "policy" "keyFiles" (list) .Values.config)) -}}
{{- fail "More than one replica needs config.policy.keyFiles: replicas agree on pseudonyms only by a secret that they share. Create one, mount it by `keys`, and name it there." -}}
{{- end -}}
{{- $added := dict "replicas" $replicas -}}
{{- if .Values.state.enabled -}}
{{- $_ := set $added "state" (include "narthex.state" . | fromYaml) -}}
{{- end -}}
{{ toYaml (merge $added .Values.config) }}
{{- end }}

{{/* Name of a ConfigMap whose change starts a rolling update. Takes the context, a name and the content. */}}
{{- define "narthex.hashedName" -}}
{{ include "narthex.fullname" .context }}-{{ .name }}-{{ .content | sha256sum | trunc 10 }}
{{- end }}

{{- define "narthex.configName" -}}
{{ include "narthex.hashedName" (dict "context" . "name" "config" "content" (include "narthex.config" .)) }}
{{- end }}


{{/* Name of a listener's port: at most 15 characters. */}}
{{- define "narthex.portName" -}}
{{ .name | trunc 15 | trimSuffix "-" }}
{{- end }}

{{/* Folder and name of each kind of file: true when a change needs a restart. */}}
{{- define "narthex.fileKinds" -}}
policies: { folder: policies, restarts: false }
profiles: { folder: profiles, restarts: false }
contentKinds: { folder: content-kinds, restarts: false }
catalogue: { folder: catalogue, restarts: true }
obligations: { folder: obligations, restarts: true }
{{- end }}

{{/* Name of the ConfigMap of one kind of file. Takes the context, the kind and its files. */}}
{{- define "narthex.filesName" -}}
{{- if .kind.restarts -}}
{{ include "narthex.hashedName" (dict "context" .context "name" .kind.folder "content" (toYaml .files)) }}
{{- else -}}
{{ include "narthex.fullname" .context }}-{{ .kind.folder }}
{{- end -}}
{{- end }}

{{/* Resources of the container. The limit of memory follows from the sessions that it may have: 250 kB each, and 192 MiB for the
     process, of which the proxy uses 85 % before it refuses new sessions. */}}
{{- define "narthex.resources" -}}
{{- $sessions := dig "limits" "connectionsMax" 10000 .Values.config | int64 -}}
{{- $mebibytes := mulf 1.18 (addf 192 (divf (mulf $sessions 250) 1048.576)) | ceil | int64 -}}
{{- $derived := dict "limits" (dict "memory" (printf "%dMi" $mebibytes)) -}}
{{- merge (deepCopy .Values.resources) $derived | toYaml -}}
{{- end }}
