{{/*
The image of the workload. Helm writes a Deployment before a PinnedRelease, so a new digest in both
would look like drift: the operator would put the old one back, and then the new one. So where the
operator corrects, Helm writes what is there already, and the PinnedRelease alone brings the new one.
*/}}
{{- define "my-api.image" -}}
{{- $image := printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- if eq .Values.driftPolicy "Correct" }}
{{- $live := lookup "apps/v1" "Deployment" .Release.Namespace .Release.Name }}
{{- range dig "spec" "template" "spec" "containers" list $live }}
{{- if eq .name $.Chart.Name }}{{ $image = .image }}{{ end }}
{{- end }}
{{- end }}
{{- $image }}
{{- end }}
