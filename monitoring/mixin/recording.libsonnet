// Two series a node, for long-term stores. No alert needs them.
function(config) {
  local lib = (import 'lib.libsonnet')(config),

  name: 'dcs_recording',
  rules: [
    {
      record: 'node:dcs_sessions:sum',
      expr: 'max by (%s) (sum without (user) (dcs_sessions) or 0 * dcs_client_addresses)' % lib.node,
      comment:: 'Sessions of a node. First added up over the users of each target, then the larger where several targets export the node. A node that was read and has none has 0; one that was not read has no value.',
    },
    {
      record: 'node:dcs_connections_accepted:rate5m',
      expr: 'max by (%s) (rate(dcs_connections_accepted_total[5m]))' % lib.node,
      comment:: 'Connections that a node accepts per second.',
    },
  ],
}
