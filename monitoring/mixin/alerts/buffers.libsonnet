// Memory that sessions take.
function(config) {
  local lib = (import '../lib.libsonnet')(config),
  local text = lib.text,
  local threshold(name) = lib.bytes(config.alerts[name].threshold),
  local now(metric) = 'max by (%s) (%s)' % [lib.node, metric],
  local most(metric) = now('last_over_time(%s[2m])' % metric),
  local ratio(name) = config.alerts[name].threshold,
  local largestOf(class) = 'dcs_class_output_memory_max_bytes{class="%s"}' % class,
  // Divides by what a client of a class may have waiting: by the limit that the API
  // lists (kinds narrows it to one kind), or by a default in MiB. Nothing where the
  // API says that there is no limit.
  local ofLimit(class, kinds, default) =
    '\n/ on (%(node)s)\n(\n  min by (%(node)s) (%(limit)s > 0)\n  or on (%(node)s)\n  0 * %(largest)s + %(default)s\n  unless on (%(node)s)\n  max by (%(node)s) (%(limit)s)\n)' % {
      node: lib.node,
      limit: 'dcs_node_output_buffer_limit_bytes{class="%s"%s}' % [class, kinds],
      largest: now('max_over_time(%s[2m])' % largestOf(class)),
      default: lib.bytes(default),
    },
  // The largest output buffers of a class, as text.
  local bytesOf(class, of) =
    '{{ range printf "%s" $labels.instance_id $labels.node_id | query }}{{ .Value | humanize1024 }}B{{ end }}'
    % (of % ("dcs_class_output_memory_max_bytes{instance_id=%%q,node_id=%%q,class='%s'}" % class)),
  local byOutputOfAll = text.heaviest('dcs_client_output_memory_bytes', '{{ .Value | humanize1024 }}B', 'Heaviest of all clients now'),
  local byOutput = text.heaviest('dcs_client_output_memory_bytes', '{{ .Value | humanize1024 }}B'),
  local byQuery = text.heaviest('dcs_client_query_buffer_bytes', '{{ .Value | humanize1024 }}B'),

  name: 'dcs_buffers',
  rules: [
    lib.sessionAlert(
      'DcsSubscriberBehind',
      now(largestOf('pubsub')) + ofLimit('pubsub', ', kind="soft"', config.outputLimits.pubsub.soft),
      '>',
      ratio('DcsSubscriberBehind'),
      {
        absent: 'There is no subscriber, or its node is not read (DcsNodeNotRead), or the list has no omem: silent. No limit from the API: %d MiB. The limit is 0: silent, as Redis does not cut it off.' % config.outputLimits.pubsub.soft,
        value: 'bytes waiting for one subscriber, as part of its soft limit (%d MiB unless the API lists another)' % config.outputLimits.pubsub.soft,
        summary: 'A subscriber of instance %s reads too slowly.' % text.instance,
        description: 'A subscriber on node %s has %s of messages waiting, {{ $value | humanizePercentage }} of its soft limit. Redis disconnects it after a minute above that, and it misses what is published until it is back.%s'
                     % [text.node, bytesOf('pubsub', 'max(%s)'), byOutputOfAll],
        sessions: lib.sessions('omem'),
      },
    ),

    lib.sessionAlert(
      'DcsSubscriberNearLimit',
      now('max_over_time(%s[2m])' % largestOf('pubsub')) + ofLimit('pubsub', ', kind="hard"', config.outputLimits.pubsub.hard),
      '>',
      ratio('DcsSubscriberNearLimit'),
      {
        absent: 'As DcsSubscriberBehind. No limit from the API: %d MiB.' % config.outputLimits.pubsub.hard,
        value: 'bytes waiting for one subscriber at most in 2 minutes, as part of its hard limit (%d MiB unless the API lists another)' % config.outputLimits.pubsub.hard,
        summary: 'Redis is about to disconnect a subscriber of instance %s.' % text.instance,
        description: 'A subscriber on node %s had up to %s of messages waiting in the last 2 minutes, {{ $value | humanizePercentage }} of its hard limit. Redis disconnects it there, and it misses what is published until it is back.%s'
                     % [text.node, bytesOf('pubsub', 'max(max_over_time(%s[2m]))'), byOutputOfAll],
        sessions: lib.sessions('omem'),
      },
    ),

    lib.sessionAlert(
      'DcsReplicaNearLimit',
      now(largestOf('replica')) + ofLimit('replica', '', std.min(config.outputLimits.replica.soft, config.outputLimits.replica.hard)),
      '>',
      ratio('DcsReplicaNearLimit'),
      {
        absent: 'The node has no replica, or is not read (DcsNodeNotRead), or the list has no omem: silent. No limit from the API: %d MiB. The limits are 0: silent, as Redis does not cut it off.' % config.outputLimits.replica.soft,
        value: 'bytes waiting for one replica, as part of the lower of its limits (%d MiB unless the API lists others)' % config.outputLimits.replica.soft,
        summary: 'A replica of instance %s does not keep up.' % text.instance,
        description: 'A replica of node %s has %s of changes waiting, {{ $value | humanizePercentage }} of the lower of its two limits. Past the soft one for long enough, or past the hard one, its master disconnects it; a full resync may follow.'
                     % [text.node, bytesOf('replica', 'max(%s)')],
        sessions: lib.sessions('omem'),
      },
    ),

    lib.sessionAlert(
      'DcsSlowReader',
      |||
        max by (%(node)s) (
          predict_linear(%(normal)s[5m], 600) > %(normal)s
          or
          %(normal)s
        )
      ||| % { node: lib.node, normal: largestOf('normal') },
      '>',
      threshold('DcsSlowReader'),
      {
        absent: 'The node is not read (DcsNodeNotRead), or its list has no omem: silent.',
        value: 'bytes waiting for one normal client, now or in 10 minutes if it goes on as in the last 5',
        summary: 'A client of instance %s reads too slowly.' % text.instance,
        description: '%s%s' % [
          ('{{ range printf "max(dcs_class_output_memory_max_bytes{instance_id=%%q,node_id=%%q,class=\'normal\'})" $labels.instance_id $labels.node_id | query }}'
           + 'A normal client on node %s has {{ .Value | humanize1024 }}B of answers waiting'
           + '{{ if gt $value .Value }}, and %s in 10 minutes at its present pace{{ end }}. {{ end }}'
           + 'Redis does not disconnect it: this is memory that the instance lacks for data.') % [text.node, text.bytes],
          byOutput,
        ],
        sessions: lib.sessions('omem'),
      },
    ),

    lib.sessionAlert(
      'DcsOutputMemoryShare',
      now('dcs_class_output_memory_bytes{class="normal"}') + |||

        / on (%(node)s)
        (
          max by (%(node)s) (dcs_node_max_memory_bytes)
          or on (%(node)s)
          0 * %(all)s + %(unknown)s
        )
      ||| % { node: lib.node, all: now('dcs_class_output_memory_bytes{class="normal"}'), unknown: lib.bytes(config.unknownMemory) },
      '>',
      ratio('DcsOutputMemoryShare'),
      {
        absent: 'As DcsSlowReader. The memory of the node is not known: %d MiB is taken for it.' % config.unknownMemory,
        value: 'bytes waiting for all normal clients, as part of the memory of the node (%d MiB where that is not known)' % config.unknownMemory,
        summary: 'Clients that do not read their answers use up the memory of instance %s.' % text.instance,
        description: ('{{ range printf "max(dcs_class_output_memory_bytes{instance_id=%%q,node_id=%%q,class=\'normal\'})" $labels.instance_id $labels.node_id | query }}'
                      + 'Normal clients on node %s have {{ .Value | humanize1024 }}B of answers waiting, {{ $value | humanizePercentage }} of %s. {{ end }}'
                      + 'Redis does not disconnect them: as this grows, keys are evicted or writes fail.%s')
                     % [
                       text.node,
                       '{{ with printf "max(dcs_node_max_memory_bytes{instance_id=%q,node_id=%q})" $labels.instance_id $labels.node_id | query }}the memory of the node ({{ . | first | value | humanize1024 }}B){{ else }}' + '%d MiB, taken for the memory of the node, which is not known{{ end }}' % config.unknownMemory,
                       byOutput,
                     ],
        sessions: lib.sessions('omem'),
      },
    ),

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
