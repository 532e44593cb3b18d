// How clients are connected: blocked, MONITOR, users, addresses.
function(config) {
  local lib = (import '../lib.libsonnet')(config),
  local text = lib.text,
  local threshold(name) = config.alerts[name].threshold,
  local flag(name) = 'max by (%s) (last_over_time(dcs_sessions_by_flag{flag="%s"}[2m]))' % [lib.node, name],
  local unread = 'The node is not read: DcsNodeNotRead.',

  name: 'dcs_habits',
  rules: [
    lib.sessionAlert('DcsBlockedSessionsStay', flag('blocked'), '>', threshold('DcsBlockedSessionsStay'), {
      absent: unread,
      value: 'blocked sessions',
      summary: 'Many clients of instance %s wait in blocking commands.' % text.instance,
      description: '{{ $value | humanize }} sessions on node %s are blocked, and more than %d have been for %s.'
                   % [text.node, threshold('DcsBlockedSessionsStay'), config.alerts.DcsBlockedSessionsStay['for']],
      sessions: lib.sessions('flags'),
    }),

    lib.sessionAlert('DcsMonitorStays', flag('monitor'), '>', threshold('DcsMonitorStays'), {
      absent: unread,
      value: 'sessions that run MONITOR',
      summary: 'Somebody has left MONITOR running on instance %s.' % text.instance,
      description: '{{ $value | humanize }} sessions on node %s run MONITOR, for %s now: every command is sent to them too.' % [text.node, config.alerts.DcsMonitorStays['for']],
      sessions: lib.sessions('flags'),
    }),

    lib.sessionAlert(
      'DcsDefaultUserInUse',
      |||
        (
          max by (%(node)s) (last_over_time((
            dcs_sessions{user="default"}
            - (dcs_sessions_replication or 0 * dcs_sessions)
          )[2m:15s]))
          and on (%(instance)s)
          max by (%(instance)s) (last_over_time((
            dcs_sessions{user!~"default|other||\\(superuser\\)"}
            - (dcs_sessions_replication or 0 * dcs_sessions)
          )[2m:15s])) > 0
        )
      ||| % { node: lib.node, instance: lib.instance },
      '>',
      threshold('DcsDefaultUserInUse'),
      {
        absent: 'No client of the default user, or of none other (before Redis 6 users are empty): silent. No dcs_sessions_replication: the node has no such links. The node is not read: DcsNodeNotRead.',
        value: 'sessions of the default user, where clients use others',
        summary: 'Clients of instance %s use the default user, although there are others.' % text.instance,
        description: '{{ $value | humanize }} sessions on node ' + text.node + ' are of the user default, which may do everything.'
                     + "{{ range printf \"topk(1, max by (user, client_address) (dcs_client_sessions{instance_id=%q,node_id=%q,user='default',client_address!='other'} unless dcs_client_replication_sessions))\" $labels.instance_id $labels.node_id | query }}"
                     + ' Heaviest now: from {{ .Labels.client_address }}, {{ .Value | humanize }} sessions.{{ end }}',
        sessions: lib.sessions('user'),
      },
    ),

    lib.sessionAlert('DcsAddressesMasked', 'max by (%s) (last_over_time(dcs_sessions_address_masked[2m]))' % lib.node, '>', threshold('DcsAddressesMasked'), {
      absent: unread,
      value: 'sessions with a hidden address',
      summary: 'Client addresses of instance %s are hidden.' % text.instance,
      description: '{{ $value | humanize }} sessions on node %s come from 198.19.0.0/16, the address of a VPC endpoint: who they are cannot be told.' % text.node
                   + '{{ range printf "max by (state) (dcs_instance_client_ip_pass_through{instance_id=%q})" $labels.instance_id | query }}'
                   + '{{ if eq .Labels.state "off" }} Client IP pass-through is off: turn it on.'
                   + '{{ else if eq .Labels.state "supported" }} The instance supports client IP pass-through: turn it on if it is off.'
                   + '{{ else if eq .Labels.state "on" }} Client IP pass-through is on: these connections are older, or have not sent a command yet.'
                   + '{{ else if eq .Labels.state "excluded_by_ssl" }} The instance has SSL, which excludes client IP pass-through.'
                   + '{{ else }} The instance does not support client IP pass-through.{{ end }}{{ end }}',
      sessions: lib.sessions('addr'),
    }),
  ],
}
