{{- /* The template of the pods, for the Deployment and the StatefulSet. */ -}}
{{- define "dcs.pod" -}}
metadata:
  labels:
    {{- include "dcs.selectorLabels" . | nindent 4 }}
    {{- with merge (dict) .Values.podLabels .Values.commonLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- $annotations := merge (dict) .Values.podAnnotations }}
  {{- if not .Values.demo }}
  {{- /* A change of the configuration replaces the pods. */ -}}
  {{- $_ := set $annotations "checksum/config" (include "dcs.config" . | sha256sum) }}
  {{- end }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "dcs.serviceAccountName" . | quote }}
  automountServiceAccountToken: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  {{- if or .Values.topologySpreadConstraints (include "dcs.sharded" .) }}
  topologySpreadConstraints:
    {{- if .Values.topologySpreadConstraints }}
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
    {{- else }}
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "dcs.selectorLabels" . | nindent 10 }}
    {{- end }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: exporter
      image: {{ include "dcs.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        - {{ .Values.demo | ternary "--demo" "--config.file=/etc/dcs_session_exporter/config.yml" }}
        - --web.listen-address=:{{ .Values.service.port }}
        {{- with .Values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- if or .Values.podIdentity.enabled .Values.extraEnv }}
      env:
        {{- if .Values.podIdentity.enabled }}
        - name: HUAWEICLOUD_SDK_IDP_ID
          value: {{ required "podIdentity.providerId is required with podIdentity.enabled" .Values.podIdentity.providerId | quote }}
        - name: HUAWEICLOUD_SDK_ID_TOKEN_FILE
          value: {{ include "dcs.secretPath" . }}_identity/token
        {{- with .Values.podIdentity.projectId }}
        - name: HUAWEICLOUD_SDK_PROJECT_ID
          value: {{ . | quote }}
        {{- end }}
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
      {{- with .Values.extraEnvFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - name: http
          containerPort: {{ .Values.service.port }}
      livenessProbe:
        {{- toYaml .Values.livenessProbe | nindent 8 }}
      readinessProbe:
        {{- toYaml .Values.readinessProbe | nindent 8 }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      {{- include "dcs.mounts" . | nindent 6 }}
  {{- include "dcs.volumes" . | nindent 2 }}
{{- end -}}

{{- define "dcs.mounts" -}}
{{- $mounts := list -}}
{{- if not .Values.demo -}}
{{- $mounts = append $mounts (dict "name" "config" "mountPath" "/etc/dcs_session_exporter" "readOnly" true) -}}
{{- end -}}
{{- if .Values.credentials.existingSecret -}}
{{- $mounts = append $mounts (dict "name" "credentials" "mountPath" (include "dcs.secretPath" .) "readOnly" true) -}}
{{- end -}}
{{- if .Values.podIdentity.enabled -}}
{{- $mounts = append $mounts (dict "name" "identity" "mountPath" (printf "%s_identity" (include "dcs.secretPath" .)) "readOnly" true) -}}
{{- end -}}
{{- with concat $mounts .Values.extraVolumeMounts -}}
volumeMounts:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{- define "dcs.volumes" -}}
{{- $volumes := list -}}
{{- if not .Values.demo -}}
{{- $volumes = append $volumes (dict "name" "config" "configMap" (dict "name" (include "dcs.fullname" .))) -}}
{{- end -}}
{{- with .Values.credentials.existingSecret -}}
{{- $volumes = append $volumes (dict "name" "credentials" "secret" (dict "secretName" . "defaultMode" 288)) -}}
{{- end -}}
{{- with .Values.podIdentity -}}
{{- if .enabled -}}
{{- $token := dict "path" "token" "audience" .audience "expirationSeconds" (int .expirationSeconds) -}}
{{- $volumes = append $volumes (dict "name" "identity" "projected" (dict "defaultMode" 288 "sources" (list (dict "serviceAccountToken" $token)))) -}}
{{- end -}}
{{- end -}}
{{- with concat $volumes .Values.extraVolumes -}}
volumes:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}
