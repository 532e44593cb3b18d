{{- define "dcs.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- /* At most 52 characters: the names of a StatefulSet's pods and revisions are labels, too. */ -}}
{{- define "dcs.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "dcs.selectorLabels" -}}
app.kubernetes.io/name: {{ include "dcs.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "dcs.labels" -}}
{{ include "dcs.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "dcs.metadata" -}}
name: {{ include "dcs.fullname" . | quote }}
namespace: {{ .Release.Namespace | quote }}
labels:
  {{- include "dcs.labels" . | nindent 2 }}
{{- end -}}

{{- define "dcs.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "dcs.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- /* "true" if there are several replicas, else empty. */ -}}
{{- define "dcs.sharded" -}}
{{- if gt (int .Values.replicas) 1 -}}true{{- end -}}
{{- end -}}

{{- define "dcs.image" -}}
{{- $repository := required "image.repository is required: name your registry and image" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "dcs.secretPath" -}}/var/run/secrets/dcs_session_exporter{{- end -}}

{{- /* The address of one replica; the number is $1 or a number. */ -}}
{{- define "dcs.replicaHost" -}}
{{- $name := include "dcs.fullname" .root -}}
{{- printf "%s-%v.%s.%s.svc:%v" $name .number $name .root.Release.Namespace .root.Values.service.port -}}
{{- end -}}
