{{/* A stage: consume, transform, produce, in a group whose members have stable names.
Context: root, component, command, scaled (another object sets the replicas), kafka, sensors. */}}
{{- define "bearing-stream.stage" -}}
{{- with index .root.Values .component -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "bearing-stream.metadata" $ | nindent 2 }}
spec:
  # Names the pods, and lets Prometheus find each of them, ready or not.
  clusterIP: None
  publishNotReadyAddresses: true
  ports:
    - {name: metrics, port: {{ .metricsPort }}, targetPort: metrics}
  selector:
    {{- include "bearing-stream.selector" $ | nindent 4 }}
---
apiVersion: apps/v1
# The name of each pod is stable: it is its instance id in the group, with which a restart keeps its
# partitions and takes over its own unfinished transaction.
kind: StatefulSet
metadata:
  {{- include "bearing-stream.metadata" $ | nindent 2 }}
spec:
  serviceName: {{ include "bearing-stream.fullname" $.root }}-{{ $.component }}
  {{- if not $.scaled }}
  replicas: {{ .replicas }}
  {{- end }}
  podManagementPolicy: Parallel
  selector:
    matchLabels:
      {{- include "bearing-stream.selector" $ | nindent 6 }}
  template:
    {{- include "bearing-stream.podMetadata" $ | nindent 4 }}
    spec:
      {{- include "bearing-stream.podSpec" $ | nindent 6 }}
      terminationGracePeriodSeconds: {{ .terminationGracePeriodSeconds }}
      containers:
        - name: {{ $.component }}
          image: {{ include "bearing-stream.image" $.root }}
          imagePullPolicy: {{ $.root.Values.image.pullPolicy }}
          args: [{{ $.command }}]
          env:
            - name: BEARING_STREAM_INSTANCE_ID
              valueFrom:
                fieldRef:
                  fieldPath: metadata.name
            {{- include "bearing-stream.kafkaEnv" $ | nindent 12 }}
            - name: BEARING_STREAM_GROUP
              value: {{ .group | quote }}
            - name: BEARING_STREAM_METRICS_HOST
              value: 0.0.0.0
            - name: BEARING_STREAM_METRICS_PORT
              value: {{ .metricsPort | quote }}
            {{- with include "bearing-stream.otlpEnv" $ }}
            {{- . | nindent 12 }}
            {{- end }}
            {{- with include "bearing-stream.env" $ }}
            {{- . | nindent 12 }}
            {{- end }}
          ports:
            - {name: metrics, containerPort: {{ .metricsPort }}}
          {{- include "bearing-stream.probes" (dict "port" "metrics" "ready" "/readyz") | nindent 10 }}
          resources:
            {{- toYaml .resources | nindent 12 }}
          securityContext:
            {{- include "bearing-stream.containerSecurity" $ | nindent 12 }}
          volumeMounts:
            {{- include "bearing-stream.mounts" $ | nindent 12 }}
      volumes:
        {{- include "bearing-stream.volumes" $ | nindent 8 }}
{{- if .podDisruptionBudget.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "bearing-stream.metadata" $ | nindent 2 }}
spec:
  maxUnavailable: {{ .podDisruptionBudget.maxUnavailable }}
  # A pod that is not ready does not keep a node from being drained.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "bearing-stream.selector" $ | nindent 6 }}
{{- end }}
{{- end }}
{{- end -}}
