{{/* Names of the destinations that are enabled, as a JSON list. */}}
{{- define "segment-bridge.enabled" -}}
{{- $names := list -}}
{{- range $name, $_ := .Values.config.destinations -}}
{{- $own := get $.Values.destinations $name | default dict -}}
{{- if ne (toString (get $own "enabled")) "false" -}}
{{- $names = append $names $name -}}
{{- end -}}
{{- end -}}
{{- toJson $names -}}
{{- end -}}

{{/* Two maps as one in which the second wins, key by key, with 0 and false too. Takes a list of both. */}}
{{- define "segment-bridge.merged" -}}
{{- $result := deepCopy (index . 0) -}}
{{- range $key, $value := index . 1 -}}
{{- if and (kindIs "map" $value) (kindIs "map" (get $result $key)) -}}
{{- $_ := set $result $key (include "segment-bridge.merged" (list (get $result $key) $value) | fromYaml) -}}
{{- else -}}
{{- $_ := set $result $key $value -}}
{{- end -}}
{{- end -}}
{{- toYaml $result -}}
{{- end -}}

{{/* The values that hold for one destination. Takes `root` and `destination`. */}}
{{- define "segment-bridge.settings" -}}
{{- $keys := list "replicas" "resources" "autoscaling" "terminationGracePeriodSeconds" "podLabels" "podAnnotations" "nodeSelector" "tolerations" "priorityClassName" -}}
{{- $common := dict -}}
{{- range $keys -}}
{{- if hasKey $.root.Values . -}}
{{- $_ := set $common . (get $.root.Values .) -}}
{{- end -}}
{{- end -}}
{{- include "segment-bridge.merged" (list $common (get .root.Values.destinations .destination | default dict)) -}}
{{- end -}}

{{/* The bridge's file. Takes the root. Static membership adds what it needs, unless the file says it itself. */}}
{{- define "segment-bridge.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $destinations := dict -}}
{{- range include "segment-bridge.enabled" . | fromJsonArray -}}
{{- $_ := set $destinations . (get $config.destinations .) -}}
{{- end -}}
{{- $_ := set $config "destinations" $destinations -}}
{{- if .Values.staticMembership.enabled -}}
{{- $member := dict "properties" (dict "group.instance.id" (dict "env" "POD_NAME")) -}}
{{- if ne (get $config.kafka "group_protocol" | toString) "consumer" -}}
{{- $_ := set $member "consumer" (dict "session_timeout_ms" .Values.staticMembership.sessionTimeoutMs) -}}
{{- end -}}
{{- $_ := set $config "kafka" (include "segment-bridge.merged" (list $member $config.kafka) | fromYaml) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* What of the file concerns one destination: all but the others. Takes `root` and `destination`. */}}
{{- define "segment-bridge.ownConfig" -}}
{{- $config := include "segment-bridge.config" .root | fromYaml -}}
{{- $_ := set $config "destinations" (dict .destination (get $config.destinations .destination)) -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "segment-bridge.group" -}}
{{- $own := get .root.Values.config.destinations .destination -}}
{{- get $own "group_id" | default (printf "%s.%s" (get .root.Values.config.kafka "group_prefix" | default "segment-bridge") .destination) -}}
{{- end -}}

{{- define "segment-bridge.port" -}}
{{- dig "operations" "page" "port" 9464 .Values.config | int -}}
{{- end -}}

{{/* Seconds that a destination may take to drain. Takes `root` and `destination`. */}}
{{- define "segment-bridge.drainSeconds" -}}
{{- $own := get .root.Values.config.destinations .destination -}}
{{- div (add (dig "delivery" "drain_ms" 20000 $own | int64) 999) 1000 -}}
{{- end -}}

{{/* Seconds from SIGTERM to SIGKILL: draining, then leaving the group, the last dead letters, connections. */}}
{{- define "segment-bridge.gracePeriod" -}}
{{- $drain := include "segment-bridge.drainSeconds" . | int64 -}}
{{- $given := (include "segment-bridge.settings" . | fromYaml).terminationGracePeriodSeconds -}}
{{- if kindIs "invalid" $given -}}
{{- add $drain 40 -}}
{{- else if lt (int64 $given) (add $drain 15) -}}
{{- fail (printf "terminationGracePeriodSeconds of %s is %d, but it may drain for %d s (delivery.drain_ms) and closing takes up to 15 s: give it at least %d, or lower delivery.drain_ms" .destination (int64 $given) $drain (add $drain 15)) -}}
{{- else -}}
{{- int64 $given -}}
{{- end -}}
{{- end -}}

{{/* Names of the entries of `secrets` or `files` that a destination gets, as a JSON list; for an empty destination those
     that any enabled one gets. Takes `root`, `kind` and `destination`. */}}
{{- define "segment-bridge.mounted" -}}
{{- $names := list -}}
{{- $asking := ternary (include "segment-bridge.enabled" .root | fromJsonArray) (list .destination) (eq .destination "") -}}
{{- range $name, $entry := get .root.Values .kind -}}
{{- $wanted := get $entry "destinations" | default $asking -}}
{{- range $asking -}}
{{- if has . $wanted -}}
{{- $names = append $names $name -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $names | uniq | toJson -}}
{{- end -}}

{{/* Name of the Secret behind an entry of `secrets`. Takes `root` and `name`. */}}
{{- define "segment-bridge.secretName" -}}
{{- $entry := get .root.Values.secrets .name -}}
{{- if hasKey $entry "existingSecret" -}}
{{- $entry.existingSecret -}}
{{- else -}}
{{- include "segment-bridge.common" (list .root .name) -}}
{{- end -}}
{{- end -}}

{{/* Bounds of autoscaling as `min` and `max`. Takes `root` and `destination`. */}}
{{- define "segment-bridge.bounds" -}}
{{- $scaling := (include "segment-bridge.settings" . | fromYaml).autoscaling -}}
{{- $min := int64 $scaling.minReplicas -}}
{{- $partitions := .root.Values.partitions -}}
{{- if kindIs "invalid" $partitions -}}
{{- fail (printf "autoscaling of %s needs `partitions`: processes beyond the number of partitions get no work" .destination) -}}
{{- end -}}
{{- $max := int64 $partitions -}}
{{- if not (kindIs "invalid" $scaling.maxReplicas) -}}
{{- $max = int64 $scaling.maxReplicas -}}
{{- end -}}
{{- if gt $max (int64 $partitions) -}}
{{- fail (printf "autoscaling.maxReplicas of %s is %d, but there are only %d partitions" .destination $max (int64 $partitions)) -}}
{{- end -}}
{{- if gt $min $max -}}
{{- fail (printf "autoscaling.minReplicas of %s is %d, which is more than its greatest number of %d" .destination $min $max) -}}
{{- end -}}
{{- if and (lt $min 1) (ne $scaling.mode "keda") -}}
{{- fail (printf "autoscaling.minReplicas of %s is 0, which only mode keda can do" .destination) -}}
{{- end -}}
{{- if lt $min 1 -}}
{{- if not $scaling.allowScaleToZero -}}
{{- fail (printf "autoscaling.minReplicas of %s is 0 without allowScaleToZero: nobody would measure, answer or alert" .destination) -}}
{{- end -}}
{{- if ne $scaling.keda.trigger "kafka" -}}
{{- fail (printf "autoscaling.minReplicas of %s is 0, but without a process Prometheus has no lag that could start one: use trigger kafka" .destination) -}}
{{- end -}}
{{- end -}}
{{- dict "min" $min "max" $max | toYaml -}}
{{- end -}}
