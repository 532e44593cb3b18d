// What rules are made of. It is called with _config.
function(config) {
  local lib = self,

  // Labels to aggregate or to match by: the kept ones and those given.
  by(labels):: std.join(', ', config.keep + labels),
  project:: lib.by(['project_id']),
  instance:: lib.by(['instance_id']),
  node:: lib.by(['instance_id', 'node_id']),

  // Labels that say of an instance or a node what people call it.
  instanceNames:: 'region, project_id, instance_name',
  nodeNames:: lib.instanceNames + ', node_name',

  // The series of instances with their names, and of nodes with theirs, for
  // "value * names": 1, whether info metrics are there or not (labels.libsonnet).
  named:: {
    project: '* on (%s) group_left (region) project:dcs_labels:info' % lib.project,
    instance: '* on (%s) group_left (%s) instance:dcs_labels:info' % [lib.instance, lib.instanceNames],
    node: '* on (%s) group_left (%s) node:dcs_labels:info' % [lib.node, lib.nodeNames],
  },

  bytes(mebibytes):: '%d * 1024 * 1024' % mebibytes,
  lines(text):: std.join('\n', [line for line in std.split(text, '\n') if line != '']),

  // An alert. What it fires on is the last line of its expression. Hidden fields
  // are for the file's comments and the table in the runbooks.
  alert(name, value, operator, threshold, fields):: {
    local settings = config.alerts[name],
    local condition = '%s %s' % [operator, if std.isNumber(threshold) then '%g' % threshold else threshold],
    alert: name,
    expr: lib.lines(value) + '\n%s\n' % condition,
    'for': settings['for'],
    keep_firing_for: settings.keepFiring,
    labels: { severity: settings.severity },
    annotations: {
      summary: fields.summary,
      description: fields.description,
      runbook_url: '%s#%s' % [config.runbooks, std.asciiLower(name)],
      dashboard_url: config.grafana + fields.dashboard,
      [if std.objectHas(fields, 'sessions') then 'sessions_url']: config.exporter + fields.sessions,
    },
    comment:: 'Absent: ' + fields.absent,
    inTable:: { value: fields.value, condition: condition },
  },

  fleetDashboard:: '/d/dcs-sessions-fleet/dcs-sessions-fleet',
  instanceDashboard:: '/d/dcs-sessions-instance/dcs-sessions-instance?var-instance={{ $labels.instance_id }}',
  sessions(sort):: '/sessions?instance={{ $labels.instance_id }}&node={{ $labels.node_id }}&sort=%s&order=desc' % sort,

  // An alert on the sessions of a node, or of all nodes of an instance together,
  // which has no node_id then. While the node is not read, it stays as it was, with
  // the value -1.
  sessionAlert(name, value, operator, threshold, fields, labels=[]):: lib.alert(
    name,
    '-1 * max by (%s) (node:dcs_alerts:held{alertname="%s"})\nor\n%s\n%s' % [
      lib.by(['region', 'project_id', 'instance_id', 'instance_name', 'node_id', 'node_name'] + labels),
      name,
      lib.lines(value),
      lib.named.node,
    ],
    operator,
    threshold,
    { dashboard: lib.instanceDashboard } + fields + {
      local unread = if std.objectHas(fields, 'unread') then fields.unread else 'Node %s is not read now: this was so when it was read last.' % lib.text.node,
      description: '{{ if lt $value 0.0 }}%s{{ else }}%s{{ end }}' % [unread, fields.description],
    },
  ),

  // What texts name things by.
  text:: {
    instance: '{{ $labels.instance_id }}{{ with $labels.instance_name }} ({{ . }}){{ end }}',
    node: '{{ $labels.node_id }}{{ with $labels.node_name }} ({{ . }}){{ end }}',
    user: 'user {{ or $labels.user "(none)" }}',
    bytes: '{{ $value | humanize1024 }}B',

    // Why an instance or a node is not read.
    reason(labels): ('{{ range printf "max by (reason) (dcs_node_error{%s})" %s | query }} Reason: {{ .Labels.reason }}.{{ end }}' % [
                       std.join(',', ['%s=%%q' % l for l in labels] + ["reason!='undated'"]),
                       std.join(' ', ['$labels.' + l for l in labels]),
                     ]),

    // Which client has most of a metric now.
    heaviest(metric, shown, who='Heaviest now'): (
      '{{ range printf "topk(1, max by (user, client_address) (%s{instance_id=%%q,node_id=%%q,client_address!=\'other\'}))" $labels.instance_id $labels.node_id | query }}'
      + ' %s: user {{ or .Labels.user "(none)" }} from {{ .Labels.client_address }}, %s.{{ end }}'
    ) % [metric, who, shown],
  },
}
