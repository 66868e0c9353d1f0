{{/* Names are fixed: one operator for a cluster, or one for a namespace with singleNamespace. */}}
{{- define "pinnedrelease.labels" -}}
app.kubernetes.io/name: pinnedrelease
app.kubernetes.io/part-of: pinnedrelease
{{- end }}

{{- define "pinnedrelease.selector" -}}
app.kubernetes.io/name: pinnedrelease
app.kubernetes.io/component: controller
{{- end }}

{{/* Role or ClusterRole: what the operator's own rights are. */}}
{{- define "pinnedrelease.role" -}}
{{ ternary "Role" "ClusterRole" .Values.singleNamespace }}
{{- end }}

{{/* The place of an object of the operator's rights: none when it is for the whole cluster. */}}
{{- define "pinnedrelease.roleNamespace" -}}
{{- if .Values.singleNamespace }}
namespace: {{ .Release.Namespace }}
{{- end }}
{{- end }}

{{- define "pinnedrelease.subjects" -}}
- kind: ServiceAccount
  name: pinnedrelease-controller
  namespace: {{ .Release.Namespace }}
{{- end }}

{{- define "pinnedrelease.image" -}}
{{- $repository := required "image.repository is required: where did you push the operator's image?" .Values.image.repository }}
{{- $digest := required "image.digest is required: sha256:..., as the push printed it" .Values.image.digest }}
{{- $repository }}{{ with .Values.image.tag }}:{{ . }}{{ end }}@{{ $digest }}
{{- end }}
