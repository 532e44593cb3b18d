// Who is connected: leaks, idle sessions, storms.
function(config) {
  local lib = (import '../lib.libsonnet')(config),
  local text = lib.text,
  local threshold(name) = config.alerts[name].threshold,
  local bySessions = text.heaviest('dcs_client_sessions', '{{ .Value | humanize }} sessions'),

  name: 'dcs_connections',
  rules: [
    lib.sessionAlert(
      'DcsConnectionLeak',
      |||
        max by (%s) (
          delta(dcs_client_sessions{client_address!="other", user!="other"}[10m])
          unless
          resets(dcs_client_sessions{client_address!="other", user!="other"}[10m]) > 0
          unless
          last_over_time(dcs_client_replication_sessions[10m])
          and
          last_over_time(dcs_client_sessions{client_address!="other", user!="other"}[2m])
          and
          delta(dcs_client_sessions{client_address!="other", user!="other"}[5m]) > 0
        )
      ||| % lib.by(['instance_id', 'node_id', 'user', 'client_address']),
      '>',
      threshold('DcsConnectionLeak'),
      {
        absent: 'The client has no place among limits.clients or the family is off: silent; DcsIdleSessions and DcsNearMaxClients see it later. The node is not read: DcsNodeNotRead.',
        value: 'sessions that a client has more than 10 minutes ago, having closed none and opened some in the last 5',
        summary: '{{ $labels.client_address }} leaks connections to instance %s.' % text.instance,
        description: 'User {{ or $labels.user "(none)" }} from {{ $labels.client_address }} has {{ $value | printf "%.0f" }} sessions more on node ' + text.node
                     + ' than 10 minutes ago, and their number has not once fallen.'
                     + '{{ range printf "max by (user, client_address) (dcs_client_sessions{instance_id=%q,node_id=%q,user=%q,client_address=%q})" $labels.instance_id $labels.node_id $labels.user $labels.client_address | query }}'
                     + ' It has {{ .Value | humanize }} now.{{ end }}'
                     + '{{ range printf "topk(1, max by (group) (delta(dcs_group_sessions{instance_id=%q,node_id=%q}[10m])) > 0)" $labels.instance_id $labels.node_id | query }}'
                     + ' The group that grew most is {{ .Labels.group }}, by {{ .Value | printf "%.0f" }}.{{ end }}',
        sessions: lib.sessions('idle') + '&addr={{ $labels.client_address }}',
      },
      ['user', 'client_address'],
    ),

    lib.sessionAlert(
      'DcsIdleSessions',
      'max by (%s) (last_over_time(dcs_sessions_idle[2m]))' % lib.by(['instance_id', 'node_id', 'user']),
      '>',
      threshold('DcsIdleSessions'),
      {
        absent: 'The user has no session, or the node is not read: DcsNodeNotRead.',
        value: 'sessions of a user idle beyond `idle_threshold` (1 h)',
        summary: 'User {{ or $labels.user "(none)" }} holds connections to instance %s that nobody uses.' % text.instance,
        description: '{{ $value | humanize }} sessions of %s on node %s have been idle beyond idle_threshold, those that wait by design not counted.' % [text.user, text.node],
        sessions: lib.sessions('idle'),
      },
      ['user'],
    ),

    lib.sessionAlert(
      'DcsConnectionStorm',
      'max by (%s) (rate(dcs_connections_accepted_total[5m]))' % lib.node,
      '>',
      threshold('DcsConnectionStorm'),
      {
        absent: 'The node is not read: DcsNodeNotRead.',
        value: 'connections accepted per second',
        summary: 'Clients of instance %s keep connecting anew.' % text.instance,
        description: 'Node %s accepts {{ $value | humanize }} connections per second.%s' % [text.node, bySessions],
        sessions: lib.sessions('age'),
      },
    ),
  ],
}
