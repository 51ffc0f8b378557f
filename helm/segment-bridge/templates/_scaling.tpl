{{/* How fast processes come and go. Takes the values of `autoscaling`. */}}
{{- define "segment-bridge.behaviour" -}}
{{- range $key := list "scaleUp" "scaleDown" }}
{{- with get $ $key }}
{{ $key }}:
  stabilizationWindowSeconds: {{ int64 .stabilizationWindowSeconds }}
  policies:
    - {type: Pods, value: {{ int64 .pods }}, periodSeconds: {{ int64 .periodSeconds }}}
{{- end }}
{{- end }}
{{- end -}}

{{/* A trigger for each topic that asks the brokers. While a destination is held its offsets stand still, and lag of such
     partitions adds no process; it still starts the first one. Takes `root`, `destination`, `keda`. */}}
{{- define "segment-bridge.triggers.kafka" -}}
{{- $kafka := .root.Values.config.kafka -}}
{{- $protocol := dig "properties" "security.protocol" "" $kafka | toString | upper -}}
{{- $known := dict
      "allowIdleConsumers" "false"
      "limitToPartitionsWithLag" "true"
      "excludePersistentLag" "true"
      "scaleToZeroOnInvalidOffset" "false"
      "offsetResetPolicy" (ternary "latest" "earliest" (eq (get (get .root.Values.config.destinations .destination) "start") "latest"))
-}}
{{- if contains "SSL" $protocol -}}
{{- $_ := set $known "tls" "enable" -}}
{{- end -}}
{{- if and (hasPrefix "SASL" $protocol) (or (not (hasKey .keda.kafka.metadata "sasl")) (empty .keda.authenticationRef)) -}}
{{- fail (printf "autoscaling of %s: config.kafka.properties has %s, so KEDA needs autoscaling.keda.kafka.metadata.sasl and autoscaling.keda.authenticationRef" .destination $protocol) -}}
{{- end -}}
{{- range $kafka.topics }}
- type: kafka
  metadata:
    bootstrapServers: {{ $kafka.bootstrap_servers | nospace | quote }}
    consumerGroup: {{ include "segment-bridge.group" $ | quote }}
    topic: {{ . | quote }}
    lagThreshold: {{ int64 $.keda.lagThreshold | quote }}
    activationLagThreshold: {{ int64 $.keda.activationLagThreshold | quote }}
    {{- range $key, $value := merge (deepCopy $.keda.kafka.metadata) $known }}
    {{ $key }}: {{ $value | quote }}
    {{- end }}
  {{- with $.keda.authenticationRef }}
  authenticationRef:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* A trigger that asks Prometheus: the lag, or 0 while a destination is held, paused, or does not get through to its
     vendor. A partition that two processes tell of counts once. Takes `root`, `destination`, `keda`. */}}
{{- define "segment-bridge.triggers.prometheus" -}}
{{- if empty .keda.prometheus.serverAddress -}}
{{- fail "autoscaling.keda.trigger prometheus needs autoscaling.keda.prometheus.serverAddress" -}}
{{- end -}}
{{- $matchers := .keda.prometheus.matchers | default (printf "namespace=%q" .root.Release.Namespace) -}}
{{- $series := printf "{destination=%q,%s}" .destination $matchers -}}
- type: prometheus
  metadata:
    serverAddress: {{ .keda.prometheus.serverAddress | quote }}
    query: |-
      sum(max by (topic, partition) (segment_bridge_lag_records{{ $series }}))
      * (
        max(segment_bridge_held{{ $series }})
        + max(segment_bridge_operator_paused{{ $series }})
        + max(segment_bridge_circuit_open{{ $series }})
        == bool 0
      )
    threshold: {{ int64 .keda.lagThreshold | quote }}
    activationThreshold: {{ int64 .keda.activationLagThreshold | quote }}
    ignoreNullValues: "false"
  {{- with .keda.authenticationRef }}
  authenticationRef:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
