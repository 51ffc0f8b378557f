{{/* What every pod's security context says. Takes the root. */}}
{{- define "segment-bridge.podSecurity" -}}
runAsNonRoot: true
{{- range $key := list "runAsUser" "runAsGroup" "fsGroup" }}
{{- if not (kindIs "invalid" (index $.Values.podSecurity $key)) }}
{{ $key }}: {{ int64 (index $.Values.podSecurity $key) }}
{{- end }}
{{- end }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "segment-bridge.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "segment-bridge.environment" -}}
{{- range $name, $value := .Values.env }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- if .Values.staticMembership.enabled }}
- {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
{{- end }}
{{- end -}}

{{/* Mounts of a destination's pod; of one that needs everything, with an empty destination. Takes `root`, `destination`. */}}
{{- define "segment-bridge.mounts" -}}
- {name: config, mountPath: /config, readOnly: true}
- {name: scratch, mountPath: /tmp}
{{- range include "segment-bridge.mounted" (dict "root" .root "kind" "secrets" "destination" .destination) | fromJsonArray }}
- {name: secret-{{ . }}, mountPath: /secrets/{{ . }}, readOnly: true}
{{- end }}
{{- range include "segment-bridge.mounted" (dict "root" .root "kind" "files" "destination" .destination) | fromJsonArray }}
- {name: file-{{ . }}, mountPath: /files/{{ . }}, readOnly: true}
{{- end }}
{{- end -}}

{{- define "segment-bridge.volumes" -}}
- name: config
  configMap: {name: {{ include "segment-bridge.common" (list .root "config") }}}
- name: scratch
  emptyDir: {sizeLimit: 64Mi}
{{- range include "segment-bridge.mounted" (dict "root" .root "kind" "secrets" "destination" .destination) | fromJsonArray }}
- name: secret-{{ . }}
  secret: {secretName: {{ include "segment-bridge.secretName" (dict "root" $.root "name" .) }}, defaultMode: 0440}
{{- end }}
{{- range include "segment-bridge.mounted" (dict "root" .root "kind" "files" "destination" .destination) | fromJsonArray }}
- name: file-{{ . }}
  configMap: {name: {{ (get $.root.Values.files .).configMap }}, defaultMode: 0444}
{{- end }}
{{- end -}}

{{/* The pods of a destination. Takes `root` and `destination`. */}}
{{- define "segment-bridge.pods" -}}
{{- $own := include "segment-bridge.settings" . | fromYaml -}}
{{- $values := .root.Values -}}
metadata:
  labels:
    {{- include "segment-bridge.selector" . | nindent 4 }}
    app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
    {{- with $values.commonLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- with $own.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- $annotations := deepCopy ($own.podAnnotations | default dict) }}
  {{- if not (get $values.config "reload") }}
  {{- $_ := set $annotations "checksum/config" (include "segment-bridge.ownConfig" . | sha256sum) }}
  {{- end }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "segment-bridge.serviceAccount" .root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "segment-bridge.gracePeriod" . }}
  securityContext:
    {{- include "segment-bridge.podSecurity" .root | nindent 4 }}
  {{- with $values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  {{- with $own.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $own.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $own.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $values.topologySpread.enabled }}
  topologySpreadConstraints:
    {{- range $values.topologySpread.keys }}
    - topologyKey: {{ . }}
      maxSkew: 1
      whenUnsatisfiable: {{ $values.topologySpread.whenUnsatisfiable }}
      labelSelector:
        matchLabels:
          {{- include "segment-bridge.selector" $ | nindent 10 }}
      {{- if not $values.staticMembership.enabled }}
      matchLabelKeys: [pod-template-hash]
      {{- end }}
    {{- end }}
  {{- end }}
  containers:
    - name: bridge
      image: {{ include "segment-bridge.image" .root | quote }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      args: [run, --config, /config/segment-bridge.yaml, --destination, {{ .destination | quote }}]
      {{- with include "segment-bridge.environment" .root | trim }}
      env:
        {{- . | nindent 8 }}
      {{- end }}
      ports:
        - {name: page, containerPort: {{ include "segment-bridge.port" .root }}, protocol: TCP}
      startupProbe:
        httpGet: {path: /livez, port: page}
        {{- toYaml $values.probes.startup | nindent 8 }}
      livenessProbe:
        httpGet: {path: /livez, port: page}
        {{- toYaml $values.probes.liveness | nindent 8 }}
      readinessProbe:
        httpGet: {path: /readyz, port: page}
        {{- toYaml $values.probes.readiness | nindent 8 }}
      resources:
        {{- toYaml $own.resources | nindent 8 }}
      securityContext:
        {{- include "segment-bridge.containerSecurity" . | nindent 8 }}
      volumeMounts:
        {{- include "segment-bridge.mounts" . | nindent 8 }}
  volumes:
    {{- include "segment-bridge.volumes" . | nindent 4 }}
{{- end -}}
