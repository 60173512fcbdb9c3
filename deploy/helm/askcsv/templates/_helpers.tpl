{{- define "askcsv.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "askcsv.fullname" -}}
{{- $name := include "askcsv.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "askcsv.selector" -}}
app.kubernetes.io/name: {{ include "askcsv.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "askcsv.labels" -}}
{{ include "askcsv.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- /* The name of an image: (dict "image" VALUES "version" APP_VERSION) */ -}}
{{- define "askcsv.image" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" .image.repository (default .version .image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "askcsv.serverImage" -}}
{{- include "askcsv.image" (dict "image" .Values.image "version" .Chart.AppVersion) -}}
{{- end -}}

{{- define "askcsv.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "askcsv.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "askcsv.keySecret" -}}
{{- default (printf "%s-key" (include "askcsv.fullname" .)) .Values.auth.existingSecret -}}
{{- end -}}

{{- /* The names of what there may not be; "" is none. */ -}}
{{- define "askcsv.storeSecret" -}}
{{- if .Values.store.existingSecret -}}
{{- .Values.store.existingSecret -}}
{{- else if .Values.store.url -}}
{{- printf "%s-store" (include "askcsv.fullname" .) -}}
{{- end -}}
{{- end -}}

{{- define "askcsv.providerSecret" -}}
{{- if .Values.providers.existingSecret -}}
{{- .Values.providers.existingSecret -}}
{{- else if or .Values.providers.openai.key .Values.providers.anthropic.key -}}
{{- printf "%s-providers" (include "askcsv.fullname" .) -}}
{{- end -}}
{{- end -}}

{{- /* An image of a release brings its own registry; another one is mounted. */ -}}
{{- define "askcsv.registryConfigMap" -}}
{{- if .Values.data.registryConfigMap -}}
{{- .Values.data.registryConfigMap -}}
{{- else if .Values.data.registry -}}
{{- printf "%s-registry" (include "askcsv.fullname" .) -}}
{{- end -}}
{{- end -}}

{{- define "askcsv.homeIsClaim" -}}
{{- if and .Values.home.persistence.enabled (not (include "askcsv.storeSecret" .)) -}}
true
{{- end -}}
{{- end -}}

{{- define "askcsv.homeClaim" -}}
{{- default (printf "%s-home" (include "askcsv.fullname" .)) .Values.home.persistence.existingClaim -}}
{{- end -}}

{{- define "askcsv.dataClaim" -}}
{{- default (printf "%s-data" (include "askcsv.fullname" .)) .Values.data.claim.existingClaim -}}
{{- end -}}

{{- define "askcsv.isWarm" -}}
{{- if and (eq .Values.executor "kubernetes") (gt (int .Values.runner.warm.pods) 0) -}}
true
{{- end -}}
{{- end -}}

{{- /* What a namespace of the level "restricted" wants of every container, and a little more. */ -}}
{{- define "askcsv.containerSecurity" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
privileged: false
readOnlyRootFilesystem: true
runAsGroup: 65532
runAsNonRoot: true
runAsUser: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- /* ---- the data, the same for servers and runners ---- */ -}}

{{- define "askcsv.dataVolume" -}}
{{- if eq .Values.data.mode "claim" -}}
- name: datasets
  persistentVolumeClaim:
    claimName: {{ include "askcsv.dataClaim" . }}
{{- else if ne .Values.data.mode "image" -}}
- name: datasets
  emptyDir:
    sizeLimit: {{ .Values.data.emptyDirSize }}
{{- end -}}
{{- end -}}

{{- define "askcsv.dataMount" -}}
{{- if ne .Values.data.mode "image" -}}
- name: datasets
  mountPath: /var/lib/askcsv/datasets
  readOnly: true
  {{- if and (eq .Values.data.mode "claim") .Values.data.claim.subPath }}
  subPath: {{ .Values.data.claim.subPath }}
  {{- end }}
{{- end -}}
{{- end -}}

{{- /* The container that fills it: (dict "root" . "of" "server" or "runner"). */ -}}
{{- define "askcsv.dataInit" -}}
{{- $data := .root.Values.data -}}
{{- if eq $data.mode "init" -}}
- name: datasets
  image: {{ $data.init.image }}
  {{- with $data.init.command }}
  command:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $data.init.args }}
  args:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $data.init.env }}
  env:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $data.init.envFrom }}
  envFrom:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $data.init.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "askcsv.containerSecurity" . | nindent 4 }}
  volumeMounts:
    - name: datasets
      mountPath: /var/lib/askcsv/datasets
{{- else if or (eq $data.mode "sample") (and (eq $data.mode "claim") $data.claim.generate (eq .of "server")) -}}
- name: datasets
  image: {{ include "askcsv.serverImage" .root }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args: [datasets, generate]
  env:
    - name: ASKCSV_DATASETS
      value: /var/lib/askcsv/datasets
  resources:
    requests: {cpu: 50m, memory: 64Mi}
    limits: {memory: 256Mi}
  securityContext:
    {{- include "askcsv.containerSecurity" . | nindent 4 }}
  volumeMounts:
    - name: datasets
      mountPath: /var/lib/askcsv/datasets
      {{- if and (eq $data.mode "claim") $data.claim.subPath }}
      subPath: {{ $data.claim.subPath }}
      {{- end }}
{{- end -}}
{{- end -}}

{{- /* ---- config.json and the pod template of runs ---- */ -}}

{{- define "askcsv.config" -}}
{{- $config := dict "address" "0.0.0.0" "port" 8080 "executor" .Values.executor -}}
{{- with .Values.providers.openai.model }}{{ $_ := set $config "openai_model" . }}{{ end -}}
{{- with .Values.providers.openai.baseUrl }}{{ $_ := set $config "openai_base_url" . }}{{ end -}}
{{- with .Values.providers.anthropic.model }}{{ $_ := set $config "anthropic_model" . }}{{ end -}}
{{- with .Values.providers.anthropic.baseUrl }}{{ $_ := set $config "anthropic_base_url" . }}{{ end -}}
{{- if eq .Values.executor "kubernetes" -}}
{{- $image := include "askcsv.image" (dict "image" .Values.runner.image "version" .Chart.AppVersion) -}}
{{- $_ := set $config "kubernetes_namespace" .Release.Namespace -}}
{{- $_ := set $config "kubernetes_image" $image -}}
{{- $_ := set $config "kubernetes_template" "/etc/askcsv/runner-pod.json" -}}
{{- $_ := set $config "kubernetes_start_s" .Values.runner.startSeconds -}}
{{- $_ := set $config "kubernetes_ttl_s" .Values.runner.ttlSeconds -}}
{{- $_ := set $config "kubernetes_request" .Values.runner.request -}}
{{- if include "askcsv.isWarm" . -}}
{{- $_ := set $config "kubernetes_warm" .Values.runner.warm.pods -}}
{{- $_ := set $config "kubernetes_warm_datasets" .Values.runner.warm.datasets -}}
{{- end -}}
{{- end -}}
{{- merge $config .Values.config | toPrettyJson -}}
{{- end -}}

{{- define "askcsv.runnerPod" -}}
{{- $runner := .Values.runner -}}
{{- $labels := merge (dict "app.kubernetes.io/instance" .Release.Name) $runner.labels -}}
{{- $container := dict "name" "runner" "imagePullPolicy" $runner.image.pullPolicy -}}
{{- with $runner.resources }}{{ $_ := set $container "resources" . }}{{ end -}}
{{- with $runner.env }}{{ $_ := set $container "env" . }}{{ end -}}
{{- with include "askcsv.dataMount" . }}{{ $_ := set $container "volumeMounts" (fromYamlArray .) }}{{ end -}}
{{- $spec := dict "containers" (list $container) "securityContext" (dict "fsGroup" 65532) -}}
{{- with .Values.imagePullSecrets }}{{ $_ := set $spec "imagePullSecrets" . }}{{ end -}}
{{- with $runner.nodeSelector }}{{ $_ := set $spec "nodeSelector" . }}{{ end -}}
{{- with $runner.tolerations }}{{ $_ := set $spec "tolerations" . }}{{ end -}}
{{- with $runner.affinity }}{{ $_ := set $spec "affinity" . }}{{ end -}}
{{- with $runner.runtimeClassName }}{{ $_ := set $spec "runtimeClassName" . }}{{ end -}}
{{- with $runner.priorityClassName }}{{ $_ := set $spec "priorityClassName" . }}{{ end -}}
{{- with include "askcsv.dataVolume" . }}{{ $_ := set $spec "volumes" (fromYamlArray .) }}{{ end -}}
{{- with include "askcsv.dataInit" (dict "root" . "of" "runner") }}{{ $_ := set $spec "initContainers" (fromYamlArray .) }}{{ end -}}
{{- dict "metadata" (dict "labels" $labels "annotations" $runner.annotations) "spec" $spec | toPrettyJson -}}
{{- end -}}

{{- /* What no schema can say, with what to do about it. */ -}}
{{- define "askcsv.check" -}}
{{- if not (include "askcsv.storeSecret" .) -}}
{{- if gt (int .Values.replicas) 1 -}}
{{- fail "replicas: several servers need a store that they share (store.existingSecret or store.url); SQLite is a file of one server" -}}
{{- end -}}
{{- if .Values.autoscaling.enabled -}}
{{- fail "autoscaling.enabled: several servers need a store that they share (store.existingSecret or store.url); SQLite is a file of one server" -}}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.data.mode "init") (not .Values.data.init.image) -}}
{{- fail "data.mode init needs data.init.image: the image of the container that brings the datasets" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}
{{- fail "ingress.enabled needs ingress.hosts: the names by which the server is called" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled (ne .Values.auth.scope "admin") -}}
{{- fail "serviceMonitor.enabled reads /metrics with the first API key, so auth.scope must be admin" -}}
{{- end -}}
{{- end -}}
