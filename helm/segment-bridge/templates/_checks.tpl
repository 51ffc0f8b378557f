{{/* Ends the rendering where values do not go together. What one value alone can get wrong, values.schema.json says. */}}
{{- define "segment-bridge.checks" -}}
{{- $values := .Values -}}
{{- $enabled := include "segment-bridge.enabled" . | fromJsonArray -}}
{{- if empty $enabled -}}
{{- fail "config.destinations names no destination, or none that is enabled" -}}
{{- end -}}
{{- range $name, $_ := $values.destinations -}}
{{- if not (hasKey $values.config.destinations $name) -}}
{{- fail (printf "destinations.%s is not in config.destinations, which has: %s" $name (keys $values.config.destinations | sortAlpha | join ", ")) -}}
{{- end -}}
{{- end -}}
{{- $groups := dict -}}
{{- range $enabled -}}
{{- $group := include "segment-bridge.group" (dict "root" $ "destination" .) -}}
{{- if hasKey $groups $group -}}
{{- fail (printf "%s and %s are in one consumer group, %s: each would see only a part of the events" (get $groups $group) . $group) -}}
{{- end -}}
{{- $_ := set $groups $group . -}}
{{- end -}}
{{- $page := dig "operations" "page" dict $values.config -}}
{{- if or (eq (get $page "host" | toString) "127.0.0.1") (eq (get $page "host" | toString) "localhost") (not (hasKey $page "host")) -}}
{{- fail "config.operations.page.host must be an address that the node can reach, 0.0.0.0 or ::, or no probe would be answered" -}}
{{- end -}}
{{- range $kind, $entries := dict "secrets" $values.secrets "files" $values.files -}}
{{- range $name, $entry := $entries -}}
{{- range get $entry "destinations" | default list -}}
{{- if not (hasKey $values.config.destinations .) -}}
{{- fail (printf "%s.%s.destinations names %s, which is not in config.destinations" $kind $name .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $enabled -}}
{{- include "segment-bridge.referenceChecks" (dict "root" $ "destination" .) -}}
{{- $own := include "segment-bridge.settings" (dict "root" $ "destination" .) | fromYaml -}}
{{- if and $values.staticMembership.enabled (ne $own.autoscaling.mode "none") -}}
{{- fail (printf "autoscaling.mode of %s is %s, but static membership keeps partitions with processes that are gone: use one of the two" . $own.autoscaling.mode) -}}
{{- end -}}
{{- end -}}
{{- $still := list "0" "0%" -}}
{{- if and (has (toString $values.rollout.maxSurge) $still) (has (toString $values.rollout.maxUnavailable) $still) (not $values.staticMembership.enabled) -}}
{{- fail "rollout.maxSurge and rollout.maxUnavailable are both 0, so no process could ever be replaced" -}}
{{- end -}}
{{- $monitoring := $values.monitoring -}}
{{- if gt (include "segment-bridge.milliseconds" $monitoring.scrapeTimeout | int64) (include "segment-bridge.milliseconds" $monitoring.interval | int64) -}}
{{- fail (printf "monitoring.scrapeTimeout is %s, which is longer than monitoring.interval, %s: the Prometheus operator would leave the monitor out" $monitoring.scrapeTimeout $monitoring.interval) -}}
{{- end -}}
{{- if and $values.topicCreation.enabled (empty $values.topicCreation.topics) -}}
{{- fail "topicCreation.enabled needs topicCreation.topics" -}}
{{- end -}}
{{- end -}}

{{/* Ends the rendering where a destination's part of the file names what its pods do not have. Mappings and filters are
     not looked at: what stands there is data. Takes `root` and `destination`. */}}
{{- define "segment-bridge.referenceChecks" -}}
{{- $config := include "segment-bridge.ownConfig" . | fromYaml -}}
{{- $own := omit (get $config.destinations .destination) "subscriptions" "filters" -}}
{{- $text := set $config "destinations" (dict .destination $own) | toJson -}}
{{- range $kind := list "secrets" "files" -}}
{{- $there := include "segment-bridge.mounted" (dict "root" $.root "kind" $kind "destination" $.destination) | fromJsonArray -}}
{{- range regexFindAll (printf "\"/%s/[^\"]*\"" $kind) (print $text (toJson $.root.Values.env)) -1 | uniq -}}
{{- $name := index (splitList "/" (trimAll "\"" .)) 2 -}}
{{- if not (has $name $there) -}}
{{- fail (printf "the file of %s, or env, names %s, but %s has no entry %s for it" $.destination (trimAll "\"" .) $kind $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $known := append (keys .root.Values.env) (ternary "POD_NAME" "" .root.Values.staticMembership.enabled) -}}
{{- range regexFindAll "\\{\"env\":\"[A-Za-z_][A-Za-z0-9_]*\"\\}" $text -1 | uniq -}}
{{- $name := index (splitList "\"" .) 3 -}}
{{- if not (has $name $known) -}}
{{- fail (printf "the file of %s names the variable %s, which its pods do not have: write {file: /secrets/NAME/KEY}, with NAME among `secrets`" $.destination $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A duration, such as 1m30s, in milliseconds. */}}
{{- define "segment-bridge.milliseconds" -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+(ms|[smh])" . -1 -}}
{{- $unit := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 -}}
{{- $sum = add $sum (mul (regexFind "[0-9]+" . | int64) (get $unit (regexFind "[a-z]+" .) | int64)) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}
