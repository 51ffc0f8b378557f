{{/* What is unsafe in these values, one line each. Takes the root. */}}
{{- define "segment-bridge.warnings" -}}
{{- $values := .Values -}}
{{- $config := $values.config -}}
{{- $lines := list -}}
{{- if and (empty $values.image.digest) (has ($values.image.tag | default $.Chart.AppVersion) (list "latest" "main" "edge")) -}}
{{- $lines = append $lines (printf "image.tag %s may mean another image tomorrow: name a release or a digest" $values.image.tag) -}}
{{- end -}}
{{- range $name, $_ := $values.env -}}
{{- if and (regexMatch "(?i)(key|secret|password|passphrase|token|headers)$" $name) (not (regexMatch "^OTEL_EXPORTER_OTLP_(METRICS_|TRACES_)?CLIENT_KEY$" $name)) -}}
{{- $lines = append $lines (printf "env.%s looks like a secret: whoever may read a Deployment reads it; mount it by secrets and name the file%s" $name (ternary (printf " in %s_FILE" $name) "" (regexMatch "^OTEL_EXPORTER_OTLP_(METRICS_|TRACES_)?HEADERS$" $name))) -}}
{{- end -}}
{{- end -}}
{{- if not $values.networkPolicy.enabled -}}
{{- $lines = append $lines "networkPolicy is off: anybody in the cluster may read the page, and pods may reach anything" -}}
{{- end -}}
{{- if not $values.podDisruptionBudget.enabled -}}
{{- $lines = append $lines "podDisruptionBudget is off: draining nodes may stop all processes of a destination at once" -}}
{{- end -}}
{{- if eq $values.monitoring.mode "none" -}}
{{- $lines = append $lines "monitoring.mode is none: nobody reads the metrics unless something else scrapes the pods' port page" -}}
{{- else if not $values.monitoring.prometheusRule.enabled -}}
{{- $lines = append $lines "monitoring.prometheusRule is off: nobody is told of a stalled destination" -}}
{{- end -}}
{{- if $values.monitoring.prometheusRule.without -}}
{{- $lines = append $lines (printf "monitoring.prometheusRule.without leaves out %s" (join ", " $values.monitoring.prometheusRule.without)) -}}
{{- end -}}
{{- $kafka := get $config.kafka "properties" | default dict -}}
{{- $protocol := get $kafka "security.protocol" | toString | upper -}}
{{- if not (contains "SSL" $protocol) -}}
{{- $lines = append $lines "config.kafka.properties has no security.protocol with SSL: events and credentials travel readable" -}}
{{- end -}}
{{- if eq (get $kafka "enable.ssl.certificate.verification" | toString) "false" -}}
{{- $lines = append $lines "enable.ssl.certificate.verification is false: any broker is believed" -}}
{{- end -}}
{{- if eq (get $kafka "ssl.endpoint.identification.algorithm" | toString) "none" -}}
{{- $lines = append $lines "ssl.endpoint.identification.algorithm is none: a broker may have any name" -}}
{{- end -}}
{{- if eq (dig "operations" "logs" "level" "info" $config) "debug" -}}
{{- $lines = append $lines "operations.logs.level is debug: every request is a line" -}}
{{- end -}}
{{- if and $values.staticMembership.enabled (eq (get $config.kafka "group_protocol" | toString) "consumer") -}}
{{- $lines = append $lines "staticMembership with group_protocol consumer: the brokers decide on the session (group.consumer.session.timeout.ms), not this chart" -}}
{{- end -}}
{{- if and (gt (int $values.rollout.maxSurge) 0) (not $values.staticMembership.enabled) -}}
{{- $lines = append $lines "rollout.maxSurge is above 0: each replaced process moves partitions twice" -}}
{{- end -}}
{{- range $topic, $wanted := ternary $values.topicCreation.topics dict $values.topicCreation.enabled -}}
{{- if lt (int $wanted.replicationFactor) 2 -}}
{{- $lines = append $lines (printf "topicCreation.topics.%s has one replica: a broker that is lost takes it along" $topic) -}}
{{- end -}}
{{- end -}}
{{- range include "segment-bridge.enabled" . | fromJsonArray -}}
{{- $own := include "segment-bridge.settings" (dict "root" $ "destination" .) | fromYaml -}}
{{- $file := get $config.destinations . -}}
{{- if eq (get $file "deliver" | toString) "false" -}}
{{- $lines = append $lines (printf "%s has deliver: false: its events are counted and never sent" .) -}}
{{- end -}}
{{- if eq (get $file "on_expired" | toString) "continue" -}}
{{- $lines = append $lines (printf "%s has on_expired: continue: what the topic forgets is lost without a stop" .) -}}
{{- end -}}
{{- if not (kindIs "invalid" (dig "delivery" "max_attempts" nil $file)) -}}
{{- $lines = append $lines (printf "%s has delivery.max_attempts: an outage of its vendor becomes dead letters" .) -}}
{{- end -}}
{{- if contains "\"allow_http\":true" (toJson $file) -}}
{{- $lines = append $lines (printf "%s has allow_http: keys and events travel readable" .) -}}
{{- end -}}
{{- if eq $own.autoscaling.mode "none" -}}
{{- if eq (int $own.replicas) 0 -}}
{{- $lines = append $lines (printf "%s has no replicas: its events wait until the topic forgets them" .) -}}
{{- end -}}
{{- if not (kindIs "invalid" $values.partitions) -}}
{{- if gt (int64 $own.replicas) (int64 $values.partitions) -}}
{{- $lines = append $lines (printf "%s has %d replicas for %d partitions: the others get no work" . (int64 $own.replicas) (int64 $values.partitions)) -}}
{{- end -}}
{{- end -}}
{{- else if lt (int $own.autoscaling.minReplicas) 1 -}}
{{- $lines = append $lines (printf "%s may be scaled to 0: then nobody measures its lag, and SegmentBridgeAbsent never fires for it" .) -}}
{{- end -}}
{{- if not (get (get $own.resources "limits" | default dict) "memory") -}}
{{- $lines = append $lines (printf "%s has no limit of memory" .) -}}
{{- end -}}
{{- end -}}
{{- join "\n" $lines -}}
{{- end -}}
