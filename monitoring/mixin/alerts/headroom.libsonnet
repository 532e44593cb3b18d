// How many connections are left, and what the server itself closes.
function(config) {
  local lib = (import '../lib.libsonnet')(config),
  local text = lib.text,
  local threshold(name) = config.alerts[name].threshold,
  local bySessions = text.heaviest('dcs_client_sessions', '{{ .Value | humanize }} sessions'),
  local names = { node: lib.node, instance: lib.instance },

  // Where the limit is from, and what is not read of an instance as a whole.
  local source = '{{ range printf "max by (source) (dcs_max_clients_info{instance_id=%q})" $labels.instance_id | query }} The limit is from'
                 + ' {{ if eq .Labels.source "configuration" }}max_clients in the exporter\'s configuration{{ else if eq .Labels.source "configs" }}the parameter maxclients{{ else }}its specification{{ end }}.{{ end }}',
  local unread = '{{ if $labels.node_id }}Node %s{{ else }}A node of it{{ end }} is not read now: this was so when it was read last.' % text.node,
  local where = '{{ if $labels.node_id }}Node %s{{ else }}All nodes of it together{{ end }}' % text.node,
  local have = '{{ if $labels.node_id }}has{{ else }}have{{ end }}',

  // Sessions and limits of nodes, and of instances of which only a limit for all
  // nodes together is known.
  local sessions = 'max by (%(node)s) (last_over_time(sum without (user) (dcs_sessions)[2m:15s]))' % names,
  local ofNode = 'max by (%(node)s) (last_over_time(dcs_node_max_clients[2m]))' % names,
  local ofInstance = 'max by (%(instance)s) (last_over_time(dcs_instance_max_clients[2m]))\n    unless on (%(instance)s)\n    max by (%(instance)s) (last_over_time(dcs_node_max_clients[2m]))' % names,
  local parts = names {
    sessions: sessions,
    ofNode: ofNode,
    ofInstance: ofInstance,
    // Sessions per second: in the last day, or in the last two hours if they grew more
    // slowly there. Not of what is known for less than twelve hours.
    growth: std.join('\n    ', [
      'max by (%(node)s) (' % names,
      '  (',
      '    deriv(dcs_sessions_reported[1d:10m]) < deriv(dcs_sessions_reported[2h:2m])',
      '    or',
      '    deriv(dcs_sessions_reported[2h:2m])',
      '  )',
      '  and',
      '  dcs_sessions_reported offset 12h',
      ')',
    ]),
  },

  name: 'dcs_headroom',
  rules: [
    lib.sessionAlert(
      'DcsNearMaxClients',
      |||
        (
          %(sessions)s
          / on (%(node)s)
          %(ofNode)s
        or
          sum by (%(instance)s) (%(sessions)s)
          / on (%(instance)s)
          (
            %(ofInstance)s
          )
        )
      ||| % parts,
      '>',
      threshold('DcsNearMaxClients'),
      {
        absent: 'No limit is known: DcsMaxClientsUnknown. The node is not read: DcsNodeNotRead.',
        value: 'sessions of a node, as part of its limit; or of all nodes of an instance, where only a limit for all is known',
        summary: 'Instance %s will soon refuse connections.' % text.instance,
        description: '%s %s {{ $value | humanizePercentage }} of the connections that are accepted.%s%s' % [where, have, source, bySessions],
        unread: unread,
        sessions: lib.sessions('idle'),
      },
    ),

    lib.sessionAlert(
      'DcsConnectionsRunOut',
      |||
        (
          clamp_min(
            %(ofNode)s
            - on (%(node)s)
            %(sessions)s, 0)
          / on (%(node)s)
          (
            %(growth)s > 0
          )
        or
          clamp_min(
            (
            %(ofInstance)s
            )
            - on (%(instance)s)
            sum by (%(instance)s) (%(sessions)s), 0)
          / on (%(instance)s)
          (
            sum by (%(instance)s) (%(growth)s) > 0
          )
        )
        / 3600
      ||| % parts,
      '<',
      threshold('DcsConnectionsRunOut'),
      {
        absent: 'No limit is known: DcsMaxClientsUnknown. The sessions do not grow, or are known for less than 12 hours, or the API does not count them: silent. The node is not read: DcsNodeNotRead.',
        value: 'hours until the limit of connections, at the growth of the last day or 2 hours, whichever is slower',
        summary: 'Instance %s will run out of connections.' % text.instance,
        description: '%s will have all connections that are accepted in {{ $value | printf "%%.0f" }} hours, at the growth of the last day and of the last 2 hours.%s%s' % [where, source, bySessions],
        unread: unread,
        sessions: lib.sessions('idle'),
      },
    ),

    lib.sessionAlert('DcsSessionsBeyondTimeout', 'max by (%s) (last_over_time(dcs_sessions_beyond_idle_timeout[2m]))' % lib.node, '>', threshold('DcsSessionsBeyondTimeout'), {
      absent: 'The server has no timeout, or it is not known: silent, DcsIdleSessions sees them. The node is not read: DcsNodeNotRead.',
      value: "sessions idle for longer than the server's own timeout",
      summary: 'Instance %s does not close idle connections.' % text.instance,
      description: '{{ $value | humanize }} sessions on node ' + text.node + ' have been idle for longer than the parameter timeout allows'
                   + '{{ range printf "max(dcs_node_idle_timeout_seconds{instance_id=%q,node_id=%q})" $labels.instance_id $labels.node_id | query }} ({{ .Value | humanizeDuration }}){{ end }}'
                   + ', those that wait by design not counted. Something keeps them, or the server does not apply it.',
      sessions: lib.sessions('idle'),
    }),

    lib.alert(
      'DcsMaxClientsUnknown',
      |||
        sum by (%(project)s) (
          count by (%(instance)s) (
            group by (%(node)s) (dcs_node_up)
            unless on (%(node)s)
            group by (%(node)s) (last_over_time(dcs_node_max_clients[2m]))
            unless on (%(instance)s)
            group by (%(instance)s) (last_over_time(dcs_instance_max_clients[2m]))
          ) %(named)s
        )
      ||| % names { project: lib.by(['region', 'project_id']), named: lib.named.instance },
      '>',
      threshold('DcsMaxClientsUnknown'),
      {
        absent: 'No node is known: DcsProjectWithoutInstances, DcsNothingRead.',
        value: 'nodes without a known limit of connections, by project',
        summary: 'How many connections are left is not known for {{ $value }} {{ if eq $value 1.0 }}node{{ else }}nodes{{ end }}{{ with $labels.project_id }} of project {{ . }}{{ end }}.',
        description: 'No alert can say that they are nearly full. Give the key the permission dcs:instance:getConfiguration, or set max_clients in the exporter\'s configuration, for the project, under discover or for an instance.'
                     + '{{ range query "topk(1, count by (instance_id) (dcs_node_up unless on (instance_id, node_id) dcs_node_max_clients unless on (instance_id) dcs_instance_max_clients))" }} One of the instances: {{ .Labels.instance_id }}.{{ end }}',
        dashboard: lib.fleetDashboard,
      },
    ),

    lib.alert(
      'DcsLimitsOld',
      |||
        (
          max by (%(project)s) (
            (time() - max by (%(instance)s) (dcs_instance_limits_read_timestamp_seconds)) %(named)s
          )
          and on (%(ofProject)s)
          max by (%(ofProject)s) (dcs_project_up) == 1
        )
      ||| % names { project: lib.by(['region', 'project_id']), ofProject: lib.project, named: lib.named.instance },
      '>',
      threshold('DcsLimitsOld'),
      {
        absent: 'The limits were never read: DcsMaxClientsUnknown, if max_clients is not set either. The project cannot be read: DcsProjectNotRead.',
        value: 'seconds since the limits of an instance were read, the oldest of a project',
        summary: 'Limits of instances of project {{ $labels.project_id }} are not read any more.',
        description: 'Those of one instance or more were last read {{ $value | humanizeDuration }} ago. They are used as they were then; what has been changed since is not known.',
        dashboard: lib.fleetDashboard,
      },
    ),
  ],
}
