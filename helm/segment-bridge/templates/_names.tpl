{{/* What all names begin with. */}}
{{- define "segment-bridge.fullname" -}}
{{- default .Release.Name .Values.fullnameOverride | replace "." "-" -}}
{{- end -}}

{{/* A text as a name of at most 52 characters, which leaves room for what StatefulSets and KEDA put around it. A longer
     one is cut and gets a hash, so that two long ones stay two. */}}
{{- define "segment-bridge.short" -}}
{{- if gt (len .) 52 -}}
{{- printf "%s-%s" (trunc 43 . | trimSuffix "-") (sha256sum . | trunc 8) -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end -}}

{{/* Name of what belongs to one destination. Takes `root` and `destination`. */}}
{{- define "segment-bridge.name" -}}
{{- include "segment-bridge.short" (printf "%s-%s" (include "segment-bridge.fullname" .root) .destination) -}}
{{- end -}}

{{/* Name of what belongs to the release. Takes the root and the name's end. */}}
{{- define "segment-bridge.common" -}}
{{- include "segment-bridge.short" (printf "%s-%s" (include "segment-bridge.fullname" (index . 0)) (index . 1)) -}}
{{- end -}}

{{- define "segment-bridge.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "segment-bridge.short" (include "segment-bridge.fullname" .)) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Labels by which all pods of a release are found. */}}
{{- define "segment-bridge.releaseSelector" -}}
app.kubernetes.io/name: segment-bridge
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels by which a destination's pods are found; they never change. Takes `root` and `destination`. */}}
{{- define "segment-bridge.selector" -}}
{{ include "segment-bridge.releaseSelector" .root }}
app.kubernetes.io/component: {{ .destination | quote }}
{{- end -}}

{{/* Labels of pods that run once; no Deployment, budget or monitor selects them, the NetworkPolicy does. */}}
{{- define "segment-bridge.hookLabels" -}}
app.kubernetes.io/name: segment-bridge-hook
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels that every object has beside those that select. */}}
{{- define "segment-bridge.meta" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "segment-bridge.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}
