// Who does it: the sessions of one instance.
function(config)
  local lib = (import 'lib.libsonnet')(config);
  local grafana = import 'grafana.libsonnet';
  local m = lib.matchers;
  local whole = m + ', instance_id="$instance"';
  local i = whole + ', node_id=~"$node"';
  local noData = 'No data: choose an instance and node above. If the node is not read, Trouble now on the fleet dashboard says why.';
  local noBuckets = 'No classic buckets: choose an instance above; if you scrape native histograms, set always_scrape_classic_histograms.';
  local choose = 'choose an instance';

  local sessions = 'max by (node_id) (sum without (user) (dcs_sessions{%(i)s}) or 0 * dcs_client_addresses{%(i)s})' % { i: i };
  local idle = 'max by (node_id) (sum without (user) (dcs_sessions_idle{%s}))' % i;
  local nodeLimit = 'max by (node_id) (dcs_node_max_clients{%s})' % i;
  local instanceLimit = 'max(dcs_instance_max_clients{%s})' % whole;
  local ofAllNodes = 'sum(max by (node_id) (sum without (user) (dcs_sessions{%s})))' % whole;
  local limitUsed = '%s / on (node_id) %s' % [sessions, nodeLimit];
  local hoursLeft = lib.hoursLeft('node_id', nodeLimit, sessions, 'max by (node_id) (deriv(dcs_sessions_reported{%s}[1h]))' % i);
  local age = 'clamp_min(time() - max by (node_id) (dcs_session_snapshot_timestamp_seconds{%s}), 0)' % i;
  local largest(metric) = 'max(%s{%s})' % [metric, i];
  local total(metric) = 'sum(max by (node_id) (%s{%s}))' % [metric, i];
  // Names of nodes, or their ids, with the value 0.
  local named(expr) = |||
    %(expr)s
    + on (node_id) group_left (node_name)
    (0 * (topk by (node_id) (1, dcs_node_info{%(whole)s, node_name!=""}) or on (node_id) label_replace(max by (node_id) (dcs_node_up{%(whole)s}), "node_name", "$1", "node_id", "(.+)")))
  ||| % { expr: expr, whole: whole };
  // The largest parts of the sessions by a label, with a word for where it is empty.
  local by(label, metric, none, most='topk(10, %s)') =
    [['label_replace(%s, "%s", "%s", "%s", "")' % [most % ('sum by (%(l)s) (max by (node_id%(user)s, %(l)s) (%(metric)s{%(i)s}))' % {
      l: label,
      metric: metric,
      i: i,
      user: if label == 'client_address' then ', user' else '',
    }), label, none, label], '{{%s}}' % label]];
  local graph(title, description, series, colours=[]) = grafana.graph(title, description, noData, 'short', series, colours=colours, side=true);
  local live(more, sort) = [{
    title: 'Live sessions',
    url: '${exporter}/sessions?instance=${instance}&node=${__data.fields.node_id}%s&sort=%s&order=desc' % [more, sort],
    targetBlank: true,
  }];
  local ofNode = live('', 'omem');
  local clients(title, description, metric, name, sort, unit, steps=null) = grafana.table(
    title,
    description,
    noData,
    ['sort_desc(%s)' % named('topk(10, max by (node_id, user, client_address) (%s{%s}))' % [metric, i])],
    [
      grafana.column('client_address', 'Client', 135, links=live('&addr=${__data.fields.client_address}', sort), noValue=null),
      grafana.column('user', 'User', 85, noValue='(no user)'),
      grafana.column('node_name', 'Node', 205, noValue=null),
      grafana.column('Value', name, unit=unit, steps=steps, gauge=true, most=null, noValue=null),
      grafana.column('node_id', null, hidden=true, noValue=null),
    ],
    [],
  );
  local api = lib.api('project_id=~"$api_project"');

  lib.dashboard(
    'dcs-sessions-instance',
    'DCS sessions: instance',
    'The client sessions of one DCS instance: who holds connections, which leak, who reads too slowly, and whether the picture is fresh.',
    lib.variables(false) + [
      lib.query(
        'node',
        'Node',
        'By name where that is known.',
        'query_result(max by (node_id, node_name) (dcs_node_info{%(w)s}) or on (node_id) max by (node_id) (dcs_node_up{%(w)s}))' % { w: whole },
        '/node_id="(?<value>[^"]+)"(?:,\\s*node_name="(?<text>[^"]+)")?/',
      ),
      lib.exporter,
      lib.query(
        'api_project',
        'Project of the instance',
        "The instance's project; the chosen ones where that is not known.",
        'query_result(max by (project_id) (dcs_instance_info{%(w)s, project_id!=""}) or on (project_id) (max by (project_id) (dcs_project_up{%(m)s, project_id=~"$project"}) unless on () dcs_instance_info{%(w)s, project_id!=""}))' % { w: whole, m: m },
        '/project_id="(?<value>[^"]+)"/',
        hide=2,
      ) { allValue:: null },
    ],
    [
      lib.annotation('Not read', '1 - max by (node_id) (dcs_node_up{%s}) > 0' % i, 'Node not read', '{{node_id}}', grafana.colours.bad),
      lib.alerts('$instance'),
      lib.reloads,
    ],
    [
      lib.line(4, 4, [
        grafana.stat('Sessions', 'Client sessions of the chosen nodes.', 'sum(%s)' % sessions, choose),
        grafana.stat('Idle sessions', "Sessions idle longer than the exporter's idle_threshold, without those that wait by design.", 'sum(%s)' % idle, choose),
        grafana.stat(
          'Biggest output',
          'Largest output buffers of a single session. Redis cuts subscribers off at 32 MiB and replicas at 256 MiB, normal clients never.',
          largest('dcs_session_output_memory_max_bytes'),
          choose,
          unit='bytes',
          steps=lib.levels.output,
        ),
        grafana.stat(
          'Limit used',
          "Connections in use of the limit, on the node nearest to it; of all nodes together, where only a limit for these is known. Where the limit is from: the row Headroom and limits.",
          'max(%s) or %s / %s' % [limitUsed, ofAllNodes, instanceLimit],
          'limit not known',
          unit='percentunit',
          steps=lib.levels.connections,
          decimals=1,
        ),
        grafana.stat(
          'Oldest list',
          'Age of the session list in use, of the node with the oldest. All numbers about sessions are of that time. Beyond max_snapshot_age (5 min) it is not used. A list without a time has no age here (alert DcsListUndated).',
          'max(%s)' % age,
          choose,
          unit='s',
          steps=lib.levels.age,
        ),
        grafana.stat('Nodes failing', 'Nodes that could not be read in the last scrape.', 'sum(1 - max by (node_id) (dcs_node_up{%s}))' % i, choose, steps=lib.levels.any, zero='none'),
      ]),
      lib.line(8, 24, [
        grafana.table(
          'Nodes',
          "The chosen nodes, the most sessions first. Time left: until the limit of connections, at the growth of the last hour, two weeks at most. A row leads to the exporter's live table of its sessions.",
          noData,
          [
            'max by (node_id, node_name, node_type) (topk by (node_id) (1, dcs_node_info{%s}))' % i,
            'max by (node_id) (dcs_node_up{%s})' % i,
            sessions,
            idle,
            'max by (node_id) (rate(dcs_connections_accepted_total{%s}[$__rate_interval]))' % i,
            'max by (node_id) (dcs_session_output_memory_max_bytes{%s})' % i,
            'max by (node_id) (dcs_session_query_buffer_max_bytes{%s})' % i,
            'max by (node_id) (dcs_client_addresses{%s})' % i,
            age,
            limitUsed,
            hoursLeft,
          ],
          [
            grafana.column('Value #B', 'State', 95, mappings=grafana.states),
            grafana.column('node_name', 'Name', 210, links=ofNode),
            grafana.column('node_type', 'Type', 70),
            grafana.column('Value #C', 'Sessions', 85),
            grafana.column('Value #D', 'Idle', 65),
            grafana.column('Value #E', 'Conn/s', 75, decimals=1),
            grafana.column('Value #F', 'Biggest output', 110, unit='bytes', steps=lib.levels.output),
            grafana.column('Value #G', 'Biggest query', 105, unit='bytes'),
            grafana.column('Value #H', 'Addresses', 90),
            grafana.column('Value #I', 'List age', 80, unit='s', decimals=0, steps=lib.levels.age),
            grafana.column('Value #J', 'Limit used', 90, unit='percentunit', decimals=1, steps=lib.levels.connections),
            grafana.column('Value #K', 'Time left', 85, unit='h', decimals=0, steps=lib.levelsOfHours),
            grafana.column('node_id', 'Node', links=ofNode, noValue=null),
          ],
          ['State', '-Sessions'],
          ['Value #A'],
        ),
      ]),
      lib.line(9, 12, [
        clients('Top clients by output memory', 'Clients whose output buffers take most memory: they read too slowly. A client leads to its live sessions.', 'dcs_client_output_memory_bytes', 'Output memory', 'omem', 'bytes', lib.levels.output),
        clients('Top clients by sessions', 'Clients with most sessions. A client leads to its live sessions.', 'dcs_client_sessions', 'Sessions', 'idle', 'short'),
      ]),
      lib.line(8, 12, [
        graph('Sessions by client address, top 10', 'Client sessions by client address. One that only rises: a leak. other: addresses beyond limits.clients.', by('client_address', 'dcs_client_sessions', '(none)')),
        grafana.graph(
          'Largest output buffers by class',
          'Largest output buffers (omem) of a single session, by class of client. Redis disconnects subscribers (pubsub) at 32 MiB or after a minute above 8 MiB, replicas at 256 MiB or after a minute above 64 MiB, and normal clients never. Lines, for normal clients: %s and %s.' % [lib.outputText.warning, lib.outputText.bad],
          noData,
          'bytes',
          [['max by (class) (dcs_class_output_memory_max_bytes{%s})' % i, '{{class}}']],
          steps=lib.levels.output,
          colours=lib.classes,
        ),
      ]),
    ],
    [
      (import 'headroom.libsonnet')({ lib: lib, i: i, graph: graph, noData: noData, ofNode: ofNode }
                                    { sessions: sessions, idle: idle, nodeLimit: nodeLimit, instanceLimit: instanceLimit }),
      lib.row('Who and what', [
        lib.line(8, 12, [
          graph('Sessions by user', 'Client sessions by ACL user. other: users beyond limits.users.', by('user', 'dcs_sessions', '(no user)', '%s')),
          graph('Sessions by last command, top 10', 'Client sessions by the command they have run last.', by('command', 'dcs_sessions_by_command', '(none)')),
        ]),
        lib.line(8, 12, [
          graph('Sessions by name, top 10', 'Client sessions by the name that clients give themselves (CLIENT SETNAME).', by('name', 'dcs_sessions_by_name', '(no name)')),
          graph('Sessions by database, top 10', 'Client sessions by the database they have selected.', by('database', 'dcs_sessions_by_database', '(none)')),
        ]),
        lib.line(8, 12, [
          graph(
            'Sessions by flag',
            'Client sessions by flag; a session may have several. monitor slows a node down; close_asap is about to be cut off.',
            [['sum by (flag) (max by (node_id, flag) (dcs_sessions_by_flag{%s})) > 0' % i, '{{flag}}']],
            [['monitor', grafana.colours.warning], ['close_asap', grafana.colours.bad]] + grafana.named(['normal', 'pubsub', 'transaction', 'blocked', 'master', 'replica']),
          ),
          graph(
            'Masked client addresses',
            'Sessions whose address is hidden by a VPC endpoint (198.19.0.0/16), beside all. Whether client IP pass-through can be turned on is in the runbook of DcsAddressesMasked; or try client_address.source: peer.',
            [[total('dcs_sessions_address_masked'), 'masked'], ['sum(%s)' % sessions, 'all']],
            grafana.named(['all', 'masked']),
          ),
        ]),
      ]),
      lib.row('Idle and old sessions', [
        lib.line(8, 12, [
          grafana.heatmap(
            'How long sessions have been idle',
            "Sessions by idle time, now and before: brighter is more. Rows are the exporter's idle_buckets, named by their upper bound. A bright row that climbs is a leak. A replica's link to its master is not among them.",
            noBuckets,
            'sum by (le) (max by (node_id, le) (sum without (user) (dcs_session_idle_seconds_bucket{%s, user!="(superuser)"})))' % i,
          ),
          grafana.heatmap(
            'How long sessions have been connected',
            "Sessions by age, now and before: brighter is more. Rows are the exporter's age_buckets, named by their upper bound. All in the lowest rows: clients that do not reuse connections.",
            noBuckets,
            'sum by (le) (max by (node_id, le) (sum without (user) (dcs_session_age_seconds_bucket{%s})))' % i,
          ),
        ]),
      ]),
      lib.row('Buffers, subscriptions, churn', [
        lib.line(8, 8, [
          grafana.graph(
            'Query buffers',
            'Query buffers: in use (qbuf), free (qbuf_free), and the biggest of a single session. They grow where clients send big values or long pipelines.',
            noData,
            'bytes',
            [[total('dcs_sessions_query_buffer_bytes'), 'in use'], [total('dcs_sessions_query_buffer_free_bytes'), 'free'], [largest('dcs_session_query_buffer_max_bytes'), 'biggest session']],
            colours=grafana.named(['in use', 'biggest session', 'free']),
          ),
          grafana.graph(
            'Subscriptions',
            'Subscriptions to channels and patterns, of all sessions.',
            noData,
            'short',
            [[total('dcs_sessions_channel_subscriptions'), 'channels'], [total('dcs_sessions_pattern_subscriptions'), 'patterns']],
            colours=grafana.named(['channels', 'patterns']),
          ),
          grafana.graph(
            'Connections opened and closed',
            'Connections per second. Accepted counts those between two lists too; far above opened means short-lived connections.',
            noData,
            'cps',
            [
              ['sum(max by (node_id) (rate(dcs_%s_total{%s}[$__rate_interval])))' % [metric[0], i], metric[1]]
              for metric in [['connections_accepted', 'accepted'], ['sessions_opened', 'opened'], ['sessions_closed', 'closed']]
            ],
            colours=grafana.named(['accepted', 'opened', 'closed']),
          ),
        ]),
        lib.line(8, 8, [
          grafana.graph(
            'Queues',
            'Commands queued in MULTI; sessions with output to be written.',
            noData,
            'short',
            [[total('dcs_sessions_transaction_commands'), 'queued in MULTI'], [total('dcs_sessions_write_pending'), 'output to be written']],
            colours=grafana.named(['queued in MULTI', 'output to be written']),
          ),
          grafana.graph(
            'Age of the session list',
            "How old each node's list is. Beyond max_snapshot_age (5 min) it is not used, and the node counts as not read. A list without a time has no age here (alert DcsListUndated).",
            noData,
            's',
            [[named(age), '{{node_name}}']],
            steps=lib.levels.age,
          ),
          grafana.graph(
            'Values folded into other',
            'Distinct values that the limits have folded into other, by dimension. Above 0: raise limits, or use the live sessions.',
            noData,
            'short',
            [['sum by (dimension) (max by (node_id, dimension) (dcs_session_exporter_values_folded{%s}))' % i, '{{dimension}}']],
            colours=grafana.named(['users', 'clients', 'commands', 'names', 'databases', 'networks']),
            softMax=1,
          ),
        ]),
      ]),
      lib.row('API of its project', [
        lib.line(8, 8, [api.requests, api.failures, api.latency]),
        lib.line(8, 8, [
          api.holdoff,
          api.waiting,
          grafana.graph(
            'Scrape duration by node',
            'How long reading each node took in a scrape, waiting included.',
            noData,
            's',
            [[named('max by (node_id) (dcs_node_scrape_duration_seconds{%s})' % i), '{{node_name}}']],
          ),
        ]),
      ]),
    ],
    links=[{
      type: 'link',
      title: 'Fleet',
      tooltip: 'All instances',
      icon: 'dashboard',
      url: '/d/dcs-sessions-fleet/dcs-sessions-fleet?' + lib.kept_variables,
      keepTime: true,
      includeVars: false,
      targetBlank: false,
      asDropdown: false,
      tags: [],
    }],
  )
