{{- /* config.yml: the value config, with what follows from other values. */ -}}
{{- define "dcs.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- if not $config.projects -}}
{{- fail "config.projects is empty: list the projects to read, each with its region and instances or discover, or set demo" -}}
{{- end -}}
{{- $defaults := default dict $config.defaults -}}
{{- $rate := round (divf .Values.requestsPerSecond .Values.replicas) 3 -}}
{{- $files := dict -}}
{{- with .Values.credentials -}}
{{- if .existingSecret -}}
{{- $path := include "dcs.secretPath" $ -}}
{{- $_ := set $files "access_key_file" (printf "%s/access_key" $path) -}}
{{- $_ := set $files "secret_key_file" (printf "%s/secret_key" $path) -}}
{{- if .securityToken -}}
{{- $_ := set $files "security_token_file" (printf "%s/security_token" $path) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $projects := list -}}
{{- range $config.projects -}}
{{- $project := . -}}
{{- if and $files (not (hasKey $project "credentials")) (not (hasKey $defaults "credentials")) -}}
{{- $_ := set $project "credentials" $files -}}
{{- end -}}
{{- if and (not (hasKey $project "requests_per_second")) (not (hasKey $defaults "requests_per_second")) -}}
{{- $_ := set $project "requests_per_second" $rate -}}
{{- end -}}
{{- $projects = append $projects $project -}}
{{- end -}}
{{- $_ := set $config "projects" $projects -}}
{{- if and (include "dcs.sharded" .) (not (hasKey $config "metrics_endpoint")) -}}
{{- $_ := set $config "metrics_endpoint" "exporter" -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}
