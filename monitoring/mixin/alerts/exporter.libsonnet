// The exporter itself.
function(config) {
  local lib = (import '../lib.libsonnet')(config),
  local threshold(name) = config.alerts[name].threshold,

  name: 'dcs_exporter',
  rules: [
    lib.alert('DcsNothingRead', 'absent(dcs_node_up == 1)', '>', '0', {
      absent: 'Fires on it.',
      value: 'no node is read at all',
      summary: 'No DCS instance is read.',
      description: 'For %(for)s no node of any instance has been read. No alert on sessions can begin or end.' % config.alerts.DcsNothingRead
                   + '{{ range query "sum(1 - up{%s}) > 0" }} Targets that cannot be scraped: {{ .Value }}.{{ end }}' % std.strReplace(config.jobSelector, '"', "'")
                   + '{{ range query "topk(1, count by (reason) (dcs_node_error))" }} Most frequent reason: {{ .Labels.reason }}.{{ end }}',
      dashboard: lib.fleetDashboard,
    }),

    lib.alert('DcsExporterDown', 'sum by (%s) (1 - up{%s})' % [lib.by([]), config.jobSelector], '>', threshold('DcsExporterDown'), {
      absent: 'No target has such a job: DcsNothingRead, DcsExporterAbsent.',
      value: 'targets that cannot be scraped',
      summary: '{{ $value }} exporter {{ if eq $value 1.0 }}target{{ else }}targets{{ end }} cannot be scraped.',
      description: 'Nothing is known of the sessions that only they export; alerts on these stay as they are.'
                   + '{{ range query "topk(3, 1 - up{%s} > 0)" }} Down: {{ .Labels.instance }} of job {{ .Labels.job }}.{{ end }}' % std.strReplace(config.jobSelector, '"', "'"),
      dashboard: lib.fleetDashboard,
    }),

    lib.alert('DcsExporterAbsent', 'absent(dcs_project_up)', '>', '0', {
      absent: 'Fires on it.',
      value: 'no `dcs_project_up` at all',
      summary: "No exporter's /metrics is scraped.",
      description: 'Prometheus has no dcs_project_up: no job scrapes /metrics, or no exporter answers. Alerts on projects, keys, throttling, discovery and reloading cannot fire.',
      dashboard: lib.fleetDashboard,
    }),

    lib.alert('DcsConfigReloadFailed', 'min by (%s) (dcs_session_exporter_config_last_reload_successful)' % lib.by(['instance']), '<', '1', {
      absent: 'DcsExporterDown, DcsExporterAbsent.',
      value: 'last reload successful',
      summary: 'Exporter {{ $labels.instance }} runs with an old configuration.',
      description: 'The configuration was refused when it was last loaded; the one before is in force.',
      dashboard: lib.fleetDashboard,
    }),
  ],
}
