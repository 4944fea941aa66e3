{{/* The name of a StatefulSet, this and "-consumer", may have 52 characters: Kubernetes adds 11 for a label. */}}
{{- define "bearing-stream.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 43 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 43 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 43 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What does not change in the life of an object. Context: root, component. */}}
{{- define "bearing-stream.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "bearing-stream.labels" -}}
{{ include "bearing-stream.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "bearing-stream.metadata" -}}
name: {{ include "bearing-stream.fullname" .root }}-{{ .component }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "bearing-stream.labels" . | nindent 2 }}
{{- end -}}

{{- define "bearing-stream.image" -}}
{{- $tag := printf ":%s" (default .Chart.AppVersion .Values.image.tag) -}}
{{- $digest := printf "@%s" .Values.image.digest -}}
{{- printf "%s%s" .Values.image.repository (ternary $digest $tag (ne .Values.image.digest "")) -}}
{{- end -}}

{{/* Name of the user of a component. */}}
{{- define "bearing-stream.user" -}}
{{- $own := index .root.Values .component -}}
{{- default (printf "%s-%s" (include "bearing-stream.fullname" .root) .component) $own.user -}}
{{- end -}}

{{- define "bearing-stream.userSecret" -}}
{{- $own := index .root.Values .component -}}
{{- default (include "bearing-stream.user" .) $own.userSecret -}}
{{- end -}}

{{/* The client properties as JSON. Kubernetes replaces $(KAFKA_PASSWORD) in the container. */}}
{{- define "bearing-stream.kafkaProperties" -}}
{{- $kafka := .root.Values.kafka -}}
{{- $given := dict -}}
{{- $tls := ternary "SSL" "PLAINTEXT" $kafka.tls.enabled -}}
{{- if and $kafka.tls.enabled $kafka.tls.caSecret -}}
{{- $_ := set $given "ssl.ca.location" (printf "/etc/kafka/ca/%s" $kafka.tls.caKey) -}}
{{- end -}}
{{- if eq $kafka.auth.type "scram-sha-512" -}}
{{- $_ := set $given "security.protocol" (printf "SASL_%s" $tls) -}}
{{- $_ := set $given "sasl.mechanism" "SCRAM-SHA-512" -}}
{{- $_ := set $given "sasl.username" (include "bearing-stream.user" .) -}}
{{- $_ := set $given "sasl.password" "$(KAFKA_PASSWORD)" -}}
{{- else -}}
{{- $_ := set $given "security.protocol" $tls -}}
{{- end -}}
{{- if eq $kafka.auth.type "tls" -}}
{{- if not $kafka.tls.enabled -}}
{{- fail "kafka.auth.type tls needs kafka.tls.enabled: a certificate is presented only over TLS" -}}
{{- end -}}
{{- $_ := set $given "ssl.certificate.location" (printf "/etc/kafka/user/%s" $kafka.auth.certificateKey) -}}
{{- $_ := set $given "ssl.key.location" (printf "/etc/kafka/user/%s" $kafka.auth.privateKeyKey) -}}
{{- end -}}
{{- merge (deepCopy $kafka.properties) $given | toJson -}}
{{- end -}}

{{/* Environment of a component that connects to Kafka. */}}
{{- define "bearing-stream.kafkaEnv" -}}
{{- $kafka := .root.Values.kafka -}}
- name: BEARING_STREAM_BOOTSTRAP_SERVERS
  value: {{ required "set kafka.bootstrapServers to host:port of your brokers" $kafka.bootstrapServers | quote }}
{{- if eq $kafka.auth.type "scram-sha-512" }}
- name: KAFKA_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "bearing-stream.userSecret" . }}
      key: {{ $kafka.auth.passwordKey }}
{{- end }}
- name: BEARING_STREAM_KAFKA
  value: {{ include "bearing-stream.kafkaProperties" . | quote }}
{{- $ofAlarms := list "diagnoses" "alarms" "alarmEvents" "alarmCommands" "alarmState" -}}
{{- $ofWindows := list "windows" "diagnoses" "deadLetters" -}}
{{- $topics := ternary $ofAlarms $ofWindows (has .component (list "alarms" "notify")) -}}
{{- if eq .component "page" -}}
{{- $topics = concat $ofWindows $ofAlarms | uniq -}}
{{- end -}}
{{- range $topics }}
- name: BEARING_STREAM_{{ . | snakecase | upper }}_TOPIC
  value: {{ index $.root.Values.topics . | quote }}
{{- end }}
{{- end -}}

{{/* Environment of a stage that pushes. Kubernetes replaces $(BEARING_STREAM_INSTANCE_ID), the pod's name. */}}
{{- define "bearing-stream.otlpEnv" -}}
{{- with .root.Values.monitoring.otlp -}}
{{- if .enabled -}}
- name: BEARING_STREAM_OTLP
  value: "true"
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ required "set monitoring.otlp.endpoint to the address of your collector" .endpoint | quote }}
{{- if .headersSecret }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ .headersSecret }}
      key: {{ .headersKey }}
{{- end }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: k8s.namespace.name={{ $.root.Release.Namespace }},k8s.pod.name=$(BEARING_STREAM_INSTANCE_ID)
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Port of the collector. */}}
{{- define "bearing-stream.otlpPort" -}}
{{- $address := urlParse .Values.monitoring.otlp.endpoint -}}
{{- regexFind "[0-9]+$" (regexFind ":[0-9]+$" $address.host) | default (ternary "443" "80" (eq $address.scheme "https")) -}}
{{- end -}}

{{/* A component's own files, as a list: name, variable of the path, and configMap with key, or secret. */}}
{{- define "bearing-stream.files" -}}
{{- $own := index .root.Values .component -}}
{{- $files := list -}}
{{- range $name := list "rules" "receivers" -}}
{{- with index $own $name -}}
{{- if .configMap -}}
{{- $files = append $files (dict "name" $name "configMap" .configMap "key" .key "path" (printf "/etc/bearing-stream/%s" $name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with $own.secret -}}
{{- $files = append $files (dict "name" "secrets" "secret" . "path" "/run/secrets/bearing-stream") -}}
{{- end -}}
{{- toJson $files -}}
{{- end -}}

{{/* The rest of a component's environment: its files, its settings, and what is added. */}}
{{- define "bearing-stream.env" -}}
{{- $own := index .root.Values .component -}}
{{- $list := list -}}
{{- if and .sensors .root.Values.sensorTable.configMap -}}
{{- $path := printf "/etc/bearing-stream/sensors/%s" .root.Values.sensorTable.key -}}
{{- $list = append $list (dict "name" "BEARING_STREAM_SENSOR_TABLE" "value" $path) -}}
{{- end -}}
{{- range include "bearing-stream.files" . | fromJsonArray -}}
{{- if .key -}}
{{- $list = append $list (dict "name" (printf "BEARING_STREAM_%s" (upper .name)) "value" (printf "%s/%s" .path .key)) -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := $own.settings -}}
{{- $text := ternary $value (toJson $value) (kindIs "string" $value) -}}
{{- $list = append $list (dict "name" (printf "BEARING_STREAM_%s" (upper $name)) "value" $text) -}}
{{- end -}}
{{- with concat $list $own.extraEnv -}}
{{ toYaml . }}
{{- end -}}
{{- end -}}

{{/* Context: root, component, and as booleans kafka and sensors, for what a component reads. */}}
{{- define "bearing-stream.mounts" -}}
- name: tmp
  mountPath: /tmp
{{- with .root.Values }}
{{- if and $.kafka .kafka.tls.enabled .kafka.tls.caSecret }}
- name: kafka-ca
  mountPath: /etc/kafka/ca
  readOnly: true
{{- end }}
{{- if and $.kafka (eq .kafka.auth.type "tls") }}
- name: kafka-user
  mountPath: /etc/kafka/user
  readOnly: true
{{- end }}
{{- if and $.sensors .sensorTable.configMap }}
- name: sensors
  mountPath: /etc/bearing-stream/sensors
  readOnly: true
{{- end }}
{{- end }}
{{- range include "bearing-stream.files" . | fromJsonArray }}
- name: {{ .name }}
  mountPath: {{ .path }}
  readOnly: true
{{- end }}
{{- end -}}

{{- define "bearing-stream.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- with .root.Values }}
{{- if and $.kafka .kafka.tls.enabled .kafka.tls.caSecret }}
- name: kafka-ca
  secret:
    secretName: {{ .kafka.tls.caSecret }}
{{- end }}
{{- if and $.kafka (eq .kafka.auth.type "tls") }}
- name: kafka-user
  secret:
    secretName: {{ include "bearing-stream.userSecret" $ }}
{{- end }}
{{- if and $.sensors .sensorTable.configMap }}
- name: sensors
  configMap:
    name: {{ .sensorTable.configMap }}
{{- end }}
{{- end }}
{{- range include "bearing-stream.files" . | fromJsonArray }}
- name: {{ .name }}
  {{- if .secret }}
  secret:
    secretName: {{ .secret }}
  {{- else }}
  configMap:
    name: {{ .configMap }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "bearing-stream.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "bearing-stream.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Context: port, by name, and ready, the path of readiness. Liveness takes no broker. */}}
{{- define "bearing-stream.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: {{ .port }}}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /livez, port: {{ .port }}}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: {{ .ready }}, port: {{ .port }}}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 3
{{- end -}}

{{/* What the pods of all components share: metadata, and the begin of their specification. */}}
{{- define "bearing-stream.podMetadata" -}}
{{- $own := index .root.Values .component -}}
metadata:
  labels:
    {{- include "bearing-stream.labels" . | nindent 4 }}
  {{- with $own.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "bearing-stream.podSpec" -}}
{{- $own := index .root.Values .component -}}
serviceAccountName: {{ include "bearing-stream.fullname" .root }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $own.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  {{- include "bearing-stream.podSecurity" . | nindent 2 }}
{{- with $own.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
{{- if $own.topologySpreadConstraints }}
  {{- toYaml $own.topologySpreadConstraints | nindent 2 }}
{{- else }}
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "bearing-stream.selector" $ | nindent 8 }}
{{- end }}
{{- end }}
{{- end -}}
