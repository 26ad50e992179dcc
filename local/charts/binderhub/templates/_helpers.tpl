{{- /* What selectors look for. (list root "component") */ -}}
{{- define "binder.match" -}}
app: binder
component: {{ last . }}
release: {{ (first .).Release.Name }}
{{- end }}

{{- define "binder.labels" -}}
{{ include "binder.match" . }}
heritage: {{ (first .).Release.Service }}
{{- end }}

{{- /* image and imagePullPolicy of a container. */ -}}
{{- define "binder.image" -}}
image: {{ .name }}:{{ .tag }}
imagePullPolicy: {{ .pullPolicy | default "IfNotPresent" }}
{{- end }}

{{- /* A pod's imagePullSecrets: JupyterHub's chart makes one and puts it into its own pods; these get it as well. (list root image) */ -}}
{{- define "binder.pullSecrets" -}}
{{- $own := (first .).Values.jupyterhub.imagePullSecret | default dict -}}
{{- $names := (last .).pullSecrets -}}
{{- if and $own.create $own.automaticReferenceInjection -}}
{{- $names = prepend $names "image-pull-secret" -}}
{{- end -}}
{{- with $names }}
imagePullSecrets:
  {{- range . }}
  - {{ kindIs "string" . | ternary (dict "name" .) . | toJson }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* Docker's config.json with the login to the registry. */ -}}
{{- define "binder.dockerConfig" -}}
{{- $registry := .Values.registry -}}
{{- $user := $registry.username | default (ternary "_json_key" "<token>" (eq $registry.url "https://gcr.io")) -}}
{{- $login := dict "auth" (printf "%s:%s" $user ($registry.password | default "") | b64enc) -}}
{{- $config := dict "auths" (dict ($registry.url | default "https://index.docker.io/v1/") $login) -}}
{{- merge $config (.Values.config.BinderHub.buildDockerConfig | default dict) | toJson -}}
{{- end }}

{{- define "binder.probe" -}}
{{- $get := dict "path" (printf "%sversions" (first .).Values.config.BinderHub.base_url) "port" "binder" -}}
{{- merge (dict "httpGet" $get) (omit (last .) "enabled") | toJson }}
{{- end }}
