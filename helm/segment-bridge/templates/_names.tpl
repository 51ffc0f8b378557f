{{/* Name of everything that belongs to one destination: release and destination, as DNS allows it. */}}
{{- define "segment-bridge.name" -}}
{{- printf "%s-%s" .root.Release.Name (.destination | lower | replace "_" "-" | replace "." "-") | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Labels by which a destination's pods are found; they never change. */}}
{{- define "segment-bridge.selector" -}}
app.kubernetes.io/name: segment-bridge
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .destination | quote }}
{{- end -}}
