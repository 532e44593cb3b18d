// Memory that sessions take.
function(config) {
  local lib = (import '../lib.libsonnet')(config),
  local text = lib.text,
  local threshold(name) = lib.bytes(config.alerts[name].threshold),
  local now(metric) = 'max by (%s) (%s)' % [lib.node, metric],
  local most(metric) = now('last_over_time(%s[2m])' % metric),
  local byOutput = text.heaviest('dcs_client_output_memory_bytes', '{{ .Value | humanize1024 }}B'),
  local byQuery = text.heaviest('dcs_client_query_buffer_bytes', '{{ .Value | humanize1024 }}B'),

  name: 'dcs_buffers',
  rules: [
    lib.sessionAlert('DcsSlowReader', now('dcs_session_output_memory_max_bytes'), '>', threshold('DcsSlowReader'), {
      absent: 'The node is not read (DcsNodeNotRead), or its list has no omem: silent.',
      value: 'bytes waiting for one session',
      summary: 'A client of instance %s reads too slowly.' % text.instance,
      description: 'One session on node %s has %s of answers waiting. That is memory of the node.%s' % [text.node, text.bytes, byOutput],
      sessions: lib.sessions('omem'),
    }),

    lib.sessionAlert('DcsOutputMemoryPastLimit', now('dcs_session_output_memory_max_bytes'), '>', threshold('DcsOutputMemoryPastLimit'), {
      absent: 'As DcsSlowReader.',
      value: 'bytes waiting for one session',
      summary: 'A client of instance %s takes memory without a limit.' % text.instance,
      description: 'One session on node %s has %s of answers waiting, more than Redis lets a subscriber or a replica have by default: nothing is known that would cut it off before the memory is used up.%s'
                   % [text.node, text.bytes, byOutput],
      sessions: lib.sessions('omem'),
    }),

    lib.sessionAlert('DcsQueryBufferLarge', most('dcs_session_query_buffer_max_bytes'), '>', threshold('DcsQueryBufferLarge'), {
      absent: 'The node is not read (DcsNodeNotRead), or its list has no qbuf: silent.',
      value: 'bytes of commands of one session',
      summary: 'A client of instance %s sends very large commands.' % text.instance,
      description: 'One session on node %s has %s of commands in its query buffer.%s' % [text.node, text.bytes, byQuery],
      sessions: lib.sessions('qbuf'),
    }),

    lib.sessionAlert('DcsQueryBuffersLarge', most('dcs_sessions_query_buffer_bytes'), '>', threshold('DcsQueryBuffersLarge'), {
      absent: 'As DcsQueryBufferLarge.',
      value: 'bytes of commands of all sessions',
      summary: 'The clients of instance %s fill their query buffers.' % text.instance,
      description: 'All sessions on node %s together have %s of commands waiting in their query buffers.%s' % [text.node, text.bytes, byQuery],
      sessions: lib.sessions('qbuf'),
    }),
  ],
}
