// What an instance allows, and how much of it is used: a row of its dashboard. It is
// called with what the dashboard has.
function(d)
  local grafana = import 'grafana.libsonnet';
  local lib = d.lib;
  local i = d.i;

  lib.row('Headroom and limits', [
    lib.line(8, 8, [
      d.graph(
        'Connections and their limit',
        'Client sessions of the chosen nodes, and what these nodes accept together; what all nodes accept, where only that is known.',
        [['sum(%s)' % d.sessions, 'sessions'], ['sum(%s) or %s' % [d.nodeLimit, d.instanceLimit], 'limit']],
        grafana.named(['sessions', 'limit']),
      ),
      d.graph(
        'Idle sessions',
        "Sessions idle beyond the exporter's idle_threshold, and beyond the server's own timeout, which should have closed them; 0 where the server has none. Those that wait by design are in neither.",
        [['sum(%s)' % d.idle, 'beyond idle_threshold'], ['sum(max by (node_id) (dcs_sessions_beyond_idle_timeout{%(i)s} or 0 * dcs_client_addresses{%(i)s}))' % { i: i }, 'beyond the timeout']],
        grafana.named(['beyond idle_threshold', 'beyond the timeout']),
      ),
      grafana.graph(
        'Output memory by class',
        'Output buffers (omem) of all sessions, by class of client. This memory is not available for data.',
        d.noData,
        'bytes',
        [['sum by (class) (max by (node_id, class) (dcs_class_output_memory_bytes{%s}))' % i, '{{class}}']],
        colours=lib.classes,
      ),
    ]),
    lib.line(6, 24, [
      grafana.table(
        'Limits',
        'What the chosen nodes allow, by the API or the configuration: connections; idle time after which the server closes a connection (0: never); the memory of the node; what a replica may have waiting at once, and for a minute.',
        'Not known: the key lacks dcs:instance:getConfiguration, or the limits have not been read yet.',
        [
          'max by (node_id, node_name, node_type) (topk by (node_id) (1, dcs_node_info{%s}))' % i,
          d.nodeLimit,
          'max by (node_id) (dcs_node_idle_timeout_seconds{%s})' % i,
          'max by (node_id) (dcs_node_max_memory_bytes{%s})' % i,
          'max by (node_id) (dcs_node_output_buffer_limit_bytes{%s, class="replica", kind="hard"})' % i,
          'max by (node_id) (dcs_node_output_buffer_limit_bytes{%s, class="replica", kind="soft"})' % i,
        ],
        [
          grafana.column('node_name', 'Name', 210, links=d.ofNode),
          grafana.column('node_type', 'Type', 70),
          grafana.column('Value #B', 'Connections', 110),
          grafana.column('Value #C', 'Timeout', 90, unit='s', decimals=0),
          grafana.column('Value #D', 'Memory', 100, unit='bytes'),
          grafana.column('Value #E', 'Replica, at once', 130, unit='bytes'),
          grafana.column('Value #F', 'Replica, for a minute', 150, unit='bytes'),
          grafana.column('node_id', 'Node', links=d.ofNode, noValue=null),
        ],
        ['Name'],
        ['Value #A'],
      ),
    ]),
  ])
