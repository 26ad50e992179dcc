{{- /* Name of an object: plain, or after fullnameOverride. (list root "hub") */ -}}
{{- define "jhub.name" -}}
{{- $root := first . -}}
{{- with $root.Values.fullnameOverride }}{{ . }}-{{ end }}{{ last . }}
{{- end }}

{{- define "jhub.app" -}}
{{ .Values.nameOverride | default .Chart.Name }}
{{- end }}

{{- /* What selectors look for, which never changes over upgrades. (list root "component") */ -}}
{{- define "jhub.match" -}}
app: {{ include "jhub.app" (first .) }}
release: {{ (first .).Release.Name }}
component: {{ last . }}
{{- end }}

{{- define "jhub.podLabels" -}}
{{ include "jhub.match" . }}
app.kubernetes.io/name: {{ include "jhub.app" (first .) }}
app.kubernetes.io/instance: {{ (first .).Release.Name }}
app.kubernetes.io/component: {{ last . }}
{{- end }}

{{- define "jhub.labels" -}}
{{- $root := first . -}}
{{ include "jhub.podLabels" . }}
chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
heritage: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{- end }}

{{- /* metadata of an object. (list root "name" "component") */ -}}
{{- define "jhub.metadata" -}}
name: {{ include "jhub.name" (list (index . 0) (index . 1)) }}
labels:
  {{- include "jhub.labels" (list (index . 0) (index . 2)) | nindent 2 }}
{{- end }}

{{- /* metadata of a hook object, gone once the hook has succeeded. (list root "name" "component" weight) */ -}}
{{- define "jhub.hookMetadata" -}}
{{ include "jhub.metadata" . }}
  hub.jupyter.org/deletable: "true"
annotations:
  helm.sh/hook: pre-install,pre-upgrade
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
  helm.sh/hook-weight: {{ index . 3 | quote }}
{{- end }}

{{- define "jhub.image" -}}
{{ .name }}:{{ .tag }}
{{- end }}

{{- /* image, imagePullPolicy, resources and securityContext of a container. (list image settings) */ -}}
{{- define "jhub.container" -}}
{{- $image := first . -}}
{{- $settings := last . -}}
image: {{ include "jhub.image" $image }}
{{- with $image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
{{- with $settings.resources }}
resources: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext: {{ $settings.containerSecurityContext | default (include "jhub.nobody" . | fromJson) | toJson }}
{{- end }}

{{- /* The default security context, which passes the "restricted" pod security standard. */ -}}
{{- define "jhub.nobody" -}}
{{- $user := dict "runAsNonRoot" true "runAsUser" 65534 "runAsGroup" 65534 "allowPrivilegeEscalation" false -}}
{{- dict "capabilities" (dict "drop" (list "ALL")) "seccompProfile" (dict "type" "RuntimeDefault") | merge $user | toJson -}}
{{- end }}

{{- /* Scheduling of a pod onto the nodes of a purpose. (list root "core" settings) */ -}}
{{- define "jhub.scheduling" -}}
{{- $root := index . 0 -}}
{{- $purpose := index . 1 -}}
{{- $settings := index . 2 -}}
{{- $common := ternary $root.Values.scheduling.corePods $root.Values.scheduling.userPods (eq $purpose "core") -}}
{{- $expression := dict "key" "hub.jupyter.org/node-purpose" "operator" "In" "values" (list $purpose) -}}
{{- $term := dict "matchExpressions" (list $expression) -}}
{{- $rule := dict -}}
{{- if eq $common.nodeAffinity.matchNodePurpose "prefer" -}}
{{- $soft := list (dict "weight" 100 "preference" $term) -}}
{{- $rule = dict "preferredDuringSchedulingIgnoredDuringExecution" $soft -}}
{{- else if eq $common.nodeAffinity.matchNodePurpose "require" -}}
{{- $hard := dict "nodeSelectorTerms" (list $term) -}}
{{- $rule = dict "requiredDuringSchedulingIgnoredDuringExecution" $hard -}}
{{- end -}}
{{- with $rule }}
affinity: {{ dict "nodeAffinity" . | toJson }}
{{- end }}
{{- with concat $common.tolerations ($settings.tolerations | default list) }}
tolerations: {{ toJson . }}
{{- end }}
{{- with $settings.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- end }}

{{- /* imagePullSecrets of a pod. (list root image) */ -}}
{{- define "jhub.pullSecrets" -}}
{{- $root := first . -}}
{{- $names := concat $root.Values.imagePullSecrets (last .).pullSecrets -}}
{{- $own := $root.Values.imagePullSecret -}}
{{- if and $own.create $own.automaticReferenceInjection -}}
{{- $names = prepend $names (include "jhub.name" (list $root "image-pull-secret")) -}}
{{- end -}}
{{- with $names }}
imagePullSecrets:
  {{- range . }}
  - {{ kindIs "string" . | ternary (dict "name" .) . | toJson }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* Entries of `env` from a mapping (strings, or objects with valueFrom) or a list in Kubernetes' own form. */ -}}
{{- define "jhub.env" -}}
{{- if kindIs "slice" . }}
{{ toYaml . }}
{{- else }}
{{- range $name, $value := . }}
- name: {{ $name | quote }}
{{- if kindIs "map" $value }}
  {{- omit $value "name" | toYaml | nindent 2 }}
{{- else }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* A probe, when enabled. (list probe httpGet) */ -}}
{{- define "jhub.probe" -}}
{{- merge (dict "httpGet" (last .)) (omit (first .) "enabled") | toJson }}
{{- end }}

{{- define "jhub.randomHex" -}}
{{- randAscii 64 | sha256sum -}}
{{- end }}

{{- /* A value of Secret hub: as configured, or as it is in the cluster, or new. (list root "key" configured fresh) */ -}}
{{- define "jhub.kept" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- $secret := lookup "v1" "Secret" $root.Release.Namespace (include "jhub.name" (list $root "hub")) | default dict -}}
{{- $known := get ($secret.data | default dict) $key -}}
{{- index . 2 | default ($known | b64dec) | default (index . 3) -}}
{{- end }}

{{- define "jhub.proxyToken" -}}
{{- $configured := dig "ConfigurableHTTPProxy" "auth_token" "" .Values.hub.config | default .Values.proxy.secretToken -}}
{{- include "jhub.kept" (list . "hub.config.ConfigurableHTTPProxy.auth_token" $configured (randAlphaNum 64)) -}}
{{- end }}

{{- /* Which https is really on: "", letsencrypt, manual, secret or offload. letsencrypt without a host is none. */ -}}
{{- define "jhub.https" -}}
{{- $https := .Values.proxy.https -}}
{{- if and $https.enabled (or (ne $https.type "letsencrypt") $https.hosts) }}{{ $https.type }}{{ end -}}
{{- end }}

{{- /* Name of the service account of a part. (list root account "default name") */ -}}
{{- define "jhub.account" -}}
{{- (index . 1).name | default (include "jhub.name" (list (index . 0) (index . 2))) -}}
{{- end }}

{{- /* A service account, when it is to be created. (list root account "default name") */ -}}
{{- define "jhub.serviceAccount" -}}
{{- if (index . 1).create }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "jhub.account" . }}
  labels:
    {{- include "jhub.labels" (list (index . 0) (index . 2)) | nindent 4 }}
  {{- with (index . 1).annotations }}
  annotations: {{ toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* A disruption budget, when enabled. (list root budget "component") */ -}}
{{- define "jhub.budget" -}}
{{- $budget := index . 1 -}}
{{- if $budget.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "jhub.metadata" (list (index . 0) (index . 2) (index . 2)) | nindent 2 }}
spec:
  {{- if not (kindIs "invalid" $budget.maxUnavailable) }}
  maxUnavailable: {{ $budget.maxUnavailable }}
  {{- end }}
  {{- if not (kindIs "invalid" $budget.minAvailable) }}
  minAvailable: {{ $budget.minAvailable }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "jhub.match" (list (index . 0) (index . 2)) | nindent 6 }}
{{- end }}
{{- end }}
