// Series that the alerts need: what things are called, and which alerts are held.
function(config) {
  local lib = (import 'lib.libsonnet')(config),

  // Of several values that info metrics have, or had of late, one.
  local latest(metric, matcher, key, labels) =
    local one(selector) = 'topk by (%s) (1, group by (%s) (%s))' % [key, std.join(', ', [key] + labels), selector];
    '%s\nor on (%s)\n%s' % [one('%s{%s}' % [metric, matcher]), key, one('last_over_time(%s[15m])' % metric)],

  name: 'dcs_labels',
  rules: [
    {
      record: 'project:dcs_labels:info',
      expr: 'group by (%s) (dcs_project_up)\n' % lib.by(['region', 'project_id']),
      comment:: 'Projects, with their regions: 1.',
    },
    {
      record: 'instance:dcs_labels:info',
      expr: '%s\nor on (%s)\ntopk by (%s) (1, group by (%s) (last_over_time(dcs_up[15m])))\n' % [
        latest('dcs_instance_info', 'instance_name!=""', lib.instance, ['region', 'project_id', 'instance_name']),
        lib.instance,
        lib.instance,
        lib.by(['instance_id', 'region', 'project_id']),
      ],
      comment:: 'Instances, with their names and projects where these are known: 1. They stay for a quarter of an hour.',
    },
    {
      record: 'node:dcs_labels:info',
      expr: '(\n%s\nor on (%s)\ngroup by (%s) (last_over_time(dcs_node_up[15m]))\n)\n%s\nor\ninstance:dcs_labels:info\n' % [
        latest('dcs_node_info', 'node_name!=""', lib.node, ['node_name']),
        lib.node,
        lib.node,
        lib.named.instance,
      ],
      comment:: 'Nodes, likewise; and, without a node_id, instances, for what is known of all their nodes together.',
    },
    {
      local firing = 'ALERTS{alertname=~"Dcs.*", alertstate="firing", instance_id!=""}',
      record: 'node:dcs_alerts:held',
      expr: lib.lines(|||
        max by (%(labels)s) (
          %(firing)s
          and on (%(node)s)
          (
            max by (%(node)s) (dcs_node_up) < 1
            or
            min by (%(instance)s) (max by (%(node)s) (dcs_node_up)) < 1
          )
        or
          %(firing)s
          unless on (%(node)s)
          (dcs_node_up or dcs_up)
          and on (%(keep)s)
          min by (%(keep)s) (up{%(job)s}) < 1
        or
          %(firing)s
          unless on (%(instance)s)
          dcs_up
          and on (%(instance)s)
          max by (%(instance)s) (last_over_time(dcs_up[%(gone)s]))
        or
          %(firing)s
          and on ()
          absent(dcs_up)
        )
      ||| % {
        firing: firing,
        labels: lib.by(['alertname', 'region', 'project_id', 'instance_id', 'instance_name', 'node_id', 'node_name', 'user', 'client_address']),
        node: lib.node,
        instance: lib.instance,
        keep: lib.by([]),
        job: config.jobSelector,
        gone: config.holdGone,
      }) + '\n',
      comment:: 'Alerts on sessions that fire, and whose node is not read now: it failed, or its target did, or is gone. They stay until it is read again. Those on all nodes of an instance together have no node_id.',
    },
  ],
}
