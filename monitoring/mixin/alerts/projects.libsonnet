// Projects: keys, quotas, discovery.
function(config) {
  local lib = (import '../lib.libsonnet')(config),
  local threshold(name) = config.alerts[name].threshold,
  local project = 'project {{ $labels.project_id }}{{ with $labels.region }} in {{ . }}{{ end }}',

  name: 'dcs_projects',
  rules: [
    lib.alert(
      'DcsKeyRefused',
      |||
        (
          max by (%(project)s) (
            increase(dcs_session_exporter_scrape_errors_total{reason="auth"}[5m])
            or
            dcs_session_exporter_api_requests_total{code="401"}
            unless
            dcs_session_exporter_api_requests_total{code="401"} offset 10m == dcs_session_exporter_api_requests_total{code="401"}
          )
          and on (%(project)s)
          min by (%(project)s) (dcs_project_up) < 1
        )
        %(named)s
      ||| % { project: lib.project, named: lib.named.project },
      '>',
      threshold('DcsKeyRefused'),
      {
        absent: 'DcsExporterAbsent. No node is known yet, so no reading fails: it fires on the requests that are refused; if there is no key to send one with, DcsProjectNotRead.',
        value: 'readings that failed for the key in 5 minutes, or requests where no node is known yet, while the project is not up',
        summary: 'The key of %s is refused.' % project,
        description: '{{ $value | printf "%.0f" }} readings have failed for it in the last 5 minutes (where no instance is known yet: requests since the exporter\'s start). After a refusal no request is sent with the key for 5 minutes, so that it does not get locked.',
        dashboard: lib.fleetDashboard,
      },
    ),

    lib.alert(
      'DcsThrottled',
      'max by (%s) (increase(dcs_session_exporter_scrape_errors_total{reason="throttled"}[3m]))\n%s' % [lib.project, lib.named.project],
      '>',
      threshold('DcsThrottled'),
      {
        absent: 'DcsExporterAbsent. No node is known yet: DcsRequestsHeldOff.',
        value: 'readings that failed for the quota, in 3 minutes',
        summary: 'The API quota of %s is used up.' % project,
        description: '{{ $value | printf "%.0f" }} readings of nodes have failed for it in the last 3 minutes.',
        dashboard: lib.fleetDashboard,
      },
    ),

    lib.alert('DcsProjectNotRead', 'max by (%s) (dcs_project_up)' % lib.by(['region', 'project_id']), '<', '1', {
      absent: 'DcsExporterAbsent.',
      value: 'project up, on any exporter',
      summary: 'Project {{ $labels.project_id }} in {{ $labels.region }} cannot be read.',
      description: 'Its instances are not known, or its key does not work, on every exporter that has it.',
      dashboard: lib.fleetDashboard,
    }),

    lib.alert(
      'DcsRequestsHeldOff',
      'max by (%s) (max_over_time(dcs_session_exporter_holdoff_seconds[2m]))\n%s' % [lib.project, lib.named.project],
      '>',
      threshold('DcsRequestsHeldOff'),
      {
        absent: 'DcsExporterAbsent.',
        value: 'seconds that requests were still held off, at most in 2 minutes',
        summary: 'An exporter holds off all requests of %s.' % project,
        description: 'It has done so for %s, with up to {{ $value | humanizeDuration }} to go, because the API throttles them or has refused the key.'
                     % config.alerts.DcsRequestsHeldOff['for'],
        dashboard: lib.fleetDashboard,
      },
    ),

    lib.alert(
      'DcsProjectWithoutInstances',
      |||
        (
          group by (%s) (dcs_project_up)
          unless on (project_id)
          instance:dcs_labels:info
          and on ()
          instance:dcs_labels:info{project_id!=""}
        )
      ||| % lib.by(['region', 'project_id']),
      '>',
      '0',
      {
        absent: 'DcsExporterAbsent. No instance has a project (no dcs_instance_info): silent, and DcsNothingRead if there is none at all.',
        value: 'project of which no instance is known, while others have some',
        summary: 'No instance of project {{ $labels.project_id }} in {{ $labels.region }} is known.',
        description: 'The exporter knows none that it could read or skip: they are gone, discovery finds none, or nobody scrapes them. Nothing is known of their sessions.',
        dashboard: lib.fleetDashboard,
      },
    ),

    lib.alert(
      'DcsDiscoveryFailing',
      '(time() - min by (%s) (dcs_session_exporter_discovery_last_success_timestamp_seconds))\n%s' % [lib.project, lib.named.project],
      '>',
      threshold('DcsDiscoveryFailing'),
      {
        absent: 'The instances were never listed: DcsProjectNotRead, if they have to be discovered; or DcsExporterAbsent.',
        value: 'seconds since the instances were listed',
        summary: 'The instances of %s cannot be listed.' % project,
        description: 'They were last listed {{ $value | humanizeDuration }} ago. Those known are read; new ones are not seen, and ones that are gone still are.',
        dashboard: lib.fleetDashboard,
      },
    ),
  ],
}
