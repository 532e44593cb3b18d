// Instances and nodes that are not read, and lists that are old.
function(config) {
  local lib = (import '../lib.libsonnet')(config),
  local text = lib.text,
  local threshold(name) = config.alerts[name].threshold,

  name: 'dcs_reading',
  rules: [
    lib.alert(
      'DcsInstanceNotRead',
      |||
        (
          max by (%(instance)s) (dcs_up)
          unless on (%(instance)s)
          max by (%(instance)s) (dcs_node_up) > 0
        )
        %(named)s
      ||| % { instance: lib.instance, named: lib.named.instance },
      '<',
      '1',
      {
        absent: 'The instance is not a target any more, or not running; if no target is left, DcsNothingRead or DcsProjectWithoutInstances; if scrapes fail, DcsExporterDown.',
        value: 'instance up, and no node of it is',
        summary: 'No node of instance %s is read.' % text.instance,
        description: 'Nothing is known of its sessions; alerts on them stay as they are.' + text.reason(['instance_id']),
        dashboard: lib.instanceDashboard,
      },
    ),

    lib.alert(
      'DcsNodeNotRead',
      'max by (%s) (avg_over_time(dcs_node_up[5m]))\n%s' % [lib.node, lib.named.node],
      '<',
      threshold('DcsNodeNotRead'),
      {
        absent: 'The node is none of its instance any more, or its nodes are not known: DcsInstanceNotRead.',
        value: 'part of the scrapes of 5 minutes that have read the node',
        summary: 'A node of instance %s is not read, or not every time.' % text.instance,
        description: 'Node %s was read in {{ $value | humanizePercentage }} of the scrapes of the last 5 minutes. Nothing is known of its sessions in between.' % text.node
                     + text.reason(['instance_id', 'node_id']),
        dashboard: lib.instanceDashboard,
      },
    ),

    lib.sessionAlert(
      'DcsSessionListOld',
      '(time() - max by (%s) (dcs_session_snapshot_timestamp_seconds))' % lib.node,
      '>',
      threshold('DcsSessionListOld'),
      {
        absent: 'The list has no time: DcsListUndated. The node is not read: DcsNodeNotRead, if this does not fire already (so it does if the list is older than max_snapshot_age, 5m: threshold and for stay a minute below it, or the list is gone before the alert fires).',
        value: 'age of the list, seconds',
        summary: 'The session list of a node of instance %s is old.' % text.instance,
        description: 'The list of node %s was taken {{ $value | humanizeDuration }} ago: all that is said about its sessions is as of then.' % text.node
                     + text.reason(['instance_id', 'node_id']),
        sessions: lib.sessions('age'),
      },
    ),

    lib.sessionAlert(
      'DcsListUndated',
      'max by (%s) (last_over_time(dcs_node_error{reason="undated"}[2m]))' % lib.node,
      '>',
      threshold('DcsListUndated'),
      {
        absent: 'The list has a time, or the node is not read: DcsNodeNotRead.',
        value: '`dcs_node_error` with the reason `undated`',
        summary: 'How old the session list of a node of instance %s is, is not known.' % text.instance,
        description: 'The list of node %s has no time that the exporter can read. It is used all the same, however old it is: max_snapshot_age cannot be kept, and DcsSessionListOld cannot fire.' % text.node,
        sessions: lib.sessions('age'),
      },
    ),
  ],
}
