// Which instance hurts.
function(config)
  local lib = (import 'lib.libsonnet')(config);
  local grafana = import 'grafana.libsonnet';
  local m = lib.matchers;
  local i = m + ', instance_id=~"$instance"';
  local p = m + ', project_id=~"$project"';
  local noData = 'No data: does this Prometheus scrape dcs_session_exporter? See Data source, Job and Project above.';
  local scraped = 'is it scraped?';

  local sessions = 'max by (instance_id, node_id) (sum without (user) (dcs_sessions{%(i)s}) or 0 * dcs_client_addresses{%(i)s})' % { i: i };
  local idle = 'max by (instance_id, node_id) (sum without (user) (dcs_sessions_idle{%s}))' % i;
  local node = 'instance_id, node_id';
  // Limits of nodes; else of all nodes of an instance together.
  local nodeLimit = 'max by (%s) (dcs_node_max_clients{%s})' % [node, i];
  local instanceLimit = 'max by (instance_id) (dcs_instance_max_clients{%s})' % i;
  local limitUsed = '(\n  %(s)s\n  / on (%(node)s) %(n)s\n  or on (instance_id)\n  sum by (instance_id) (%(s)s)\n  / on (instance_id) %(i)s\n)' % { s: sessions, node: node, n: nodeLimit, i: instanceLimit };
  local growth = 'max by (%s) (deriv(dcs_sessions_reported{%s}[1h]))' % [node, i];
  local hoursLeft = 'min by (instance_id) (\n  %s\n  or on (instance_id)\n  %s\n)' % [
    lib.hoursLeft(node, nodeLimit, sessions, growth),
    lib.hoursLeft('instance_id', instanceLimit, 'sum by (instance_id) (%s)' % sessions, 'sum by (instance_id) (%s)' % growth),
  ];
  local age = 'time() - max by (instance_id, node_id) (dcs_session_snapshot_timestamp_seconds{%s})' % i;
  // Names of instances, or their ids, with the value 0.
  local named = |||
    %%s
    + on (instance_id) group_left (instance_name)
    (0 * (topk by (instance_id) (1, dcs_instance_info{%(m)s, instance_name!=""}) or on (instance_id) label_replace(max by (instance_id) (dcs_node_up{%(m)s}), "instance_name", "$1", "instance_id", "(.+)")))
  ||| % { m: m };
  local top(expr) = [[named % ('topk(10, %s)' % expr), '{{instance_name}}']];
  local link(field) = [{ title: 'Sessions of this instance', url: '/d/dcs-sessions-instance/dcs-sessions-instance?%s&${__url_time_range}&var-instance=${%s}' % [lib.kept_variables, field], targetBlank: false }];
  local toInstance = link('__data.fields.instance_id');
  local graph(title, description, unit, expr, steps=null) =
    grafana.graph(title, description, noData, unit, top(expr), steps=steps, links=link('__field.labels.instance_id'), side=true);

  // What an instance suffers from: parts of what it bears, 1 at most, with a word.
  local pressure =
    local cause(expr, word) = 'label_replace(%s, "cause", "%s", "", "")' % [expr, word];
    'topk by (instance_id) (1,\n  max by (instance_id, cause) (\n    %s\n  ) > 0.005\n  or %s\n)' % [
      std.join('\n    or ', [
        cause('(max by (instance_id) (dcs_up{%s}) == 0) + 1' % i, '✗ not read'),
        cause(limitUsed, 'connections'),
        cause('clamp_max(%s, 1)' % lib.ofOutputLimit(node, i, 'pubsub', ', kind="hard"', config.outputLimits.pubsub.hard), 'subscriber'),
        cause('clamp_max(%s, 1)' % lib.ofOutputLimit(node, i, 'replica', '', config.outputLimits.replica.soft), 'replica'),
        cause('clamp_max((%s) / %g, 1)' % [lib.shareOfMemory(node, i), config.alerts.DcsOutputMemoryShare.threshold], 'output memory'),
        cause('clamp_max(dcs_sessions_idle{%s} / %d, 1)' % [i, 2 * config.alerts.DcsIdleSessions.threshold], 'idle sessions'),
        cause(
          'clamp_max((delta(dcs_client_sessions{%(c)s}[10m]) and dcs_client_sessions{%(i)s} unless resets(dcs_client_sessions{%(c)s}[10m]) > 0 unless last_over_time(dcs_client_replication_sessions{%(i)s}[10m])) / %(n)d, 1)'
          % { c: i + ', client_address!="other", user!="other"', i: i, n: 2 * config.alerts.DcsConnectionLeak.threshold },
          'growing client',
        ),
        cause('clamp_max((%s - 60) / 240, 1)' % age, 'old list'),
        cause('0.5 * max by (instance_id, node_id) (dcs_node_up{%s} == 1) unless on (instance_id, node_id) dcs_session_snapshot_timestamp_seconds{%s}' % [i, m], 'age unknown'),
      ]),
      cause('0 * max by (instance_id) (dcs_up{%s})' % i, '–'),
    ];

  local api = lib.api('project_id=~"$project"');

  lib.dashboard(
    'dcs-sessions-fleet',
    'DCS sessions: fleet',
    'Which DCS instance hurts: client sessions of all instances that dcs_session_exporter reads. A row of the table leads to the instance.',
    lib.variables(true) + [lib.exporter],
    [lib.alerts('$instance'), lib.reloads],
    [
      lib.line(4, 4, [
        grafana.stat('Sessions', 'Client sessions of all chosen instances.', 'sum(%s)' % sessions, scraped),
        grafana.stat("Idle sessions", "Sessions idle longer than the exporter's idle_threshold, without those that wait by design. See the table for where they are.", 'sum(%s)' % idle, scraped),
        grafana.stat(
          'Biggest output',
          'Largest output buffers of a single session. Redis cuts subscribers off at 32 MiB and replicas at 256 MiB, normal clients never.',
          'max(dcs_session_output_memory_max_bytes{%s})' % i,
          scraped,
          unit='bytes',
          steps=lib.levels.output,
        ),
        grafana.stat(
          'Oldest list',
          'Age of the oldest session list in use. Lists are taken every 25 s or so; one older than max_snapshot_age (5 min) is not used. A list without a time has no age here (alert DcsListUndated).',
          'max(clamp_min(%s, 0))' % age,
          scraped,
          unit='s',
          steps=lib.levels.age,
        ),
        grafana.stat(
          'Instances failing',
          'Instances of which a node could not be read in the last scrape; Trouble now, below, says why. Those that are skipped on purpose do not count.',
          'sum(1 - max by (instance_id) (dcs_up{%s}))' % i,
          scraped,
          steps=lib.levels.any,
          zero='none',
        ),
        grafana.stat(
          'Targets down',
          'Targets of dcs_session_exporter that Prometheus cannot scrape: what only they export is not here.',
          'sum(1 - up{%s, %s})' % [config.jobSelector, m],
          scraped,
          steps=lib.levels.any,
          zero='none',
        ),
      ]),
      lib.line(9, 24, [
        grafana.table(
          'Instances',
          'What hurts first. Pressure is the greatest of: connections in use of the limit, of a node or of all nodes together; output buffers of a subscriber and of a replica, of what Redis disconnects it at; those of all normal clients, which it never disconnects, of %d %% of the memory of the node; idle sessions of a user, of twice the %d at which an alert fires; sessions that a client has more than ten minutes ago, of twice %d; the list\'s age from one minute (0 %%) to five (100 %%), 50 %% where it is not known; 100 %% where the instance could not be read. No data: it was deleted, or its target is down. Subscriber: the largest output buffers of one. Time left: until the limit of connections, at the growth of the last hour, two weeks at most. A row leads to the instance\'s dashboard.'
          % [100 * config.alerts.DcsOutputMemoryShare.threshold, config.alerts.DcsIdleSessions.threshold, config.alerts.DcsConnectionLeak.threshold],
          noData,
          [
            'max by (instance_id, instance_name) (topk by (instance_id) (1, last_over_time(dcs_instance_info{%s, instance_name!=""}[1h])))' % i,
            // Those of the last hour that nobody says anything of are there, too.
            'max by (instance_id) (dcs_up{%(i)s}) or 2 * max by (instance_id) (dcs_scrape_skipped{%(i)s}) or on (instance_id) 0 * max by (instance_id) (last_over_time(dcs_up{%(i)s}[1h])) - 1' % { i: i },
            pressure,
            'sum by (instance_id) (%s)' % sessions,
            'sum by (instance_id) (%s)' % idle,
            'sum by (instance_id) (max by (instance_id, node_id) (rate(dcs_connections_accepted_total{%s}[$__rate_interval])))' % i,
            'max by (instance_id) (dcs_session_output_memory_max_bytes{%s})' % i,
            'max by (instance_id) (clamp_min(%s, 0))' % age,
            'max by (instance_id) (%s)' % limitUsed,
            hoursLeft,
            'max by (instance_id) (dcs_class_output_memory_max_bytes{%s, class="pubsub"})' % i,
          ],
          [
            grafana.column('Value #B', 'State', 95, mappings=grafana.states),
            grafana.column('instance_name', 'Name', 140, links=toInstance),
            grafana.column('Value #C', 'Pressure', 140, unit='percentunit', decimals=0, steps=grafana.levels(0.5, 0.8), gauge=true),
            grafana.column('cause', 'By', 125),
            grafana.column('Value #D', 'Sessions', 85),
            grafana.column('Value #E', 'Idle', 65, steps=lib.levels.idle),
            grafana.column('Value #F', 'Conn/s', 75, decimals=1),
            grafana.column('Value #K', 'Subscriber', 95, unit='bytes', steps=lib.levelsOfSubscriber),
            grafana.column('Value #G', 'Biggest output', 110, unit='bytes', steps=lib.levels.output),
            grafana.column('Value #H', 'List age', 80, unit='s', decimals=0, steps=lib.levels.age),
            grafana.column('Value #I', 'Limit used', 90, unit='percentunit', decimals=1, steps=lib.levels.connections),
            grafana.column('Value #J', 'Time left', 85, unit='h', decimals=0, steps=lib.levelsOfHours),
            grafana.column('instance_id', 'Instance', links=toInstance, noValue=null),
          ],
          ['State', '-Pressure', '-Sessions'],
          ['Value #A'],
        ),
      ]),
      lib.line(8, 12, [
        graph('Idle sessions, top 10', 'Sessions idle longer than idle_threshold. What only rises is a leak: open the instance, and look at its clients.', 'short', 'sum by (instance_id) (%s)' % idle),
        graph(
          'Biggest output memory, top 10',
          'Largest output buffers of a single session: somebody reads too slowly. Lines, for normal clients: %s and %s. Redis disconnects subscribers at 32 MiB and replicas at 256 MiB.' % [lib.outputText.warning, lib.outputText.bad],
          'bytes',
          'max by (instance_id) (dcs_session_output_memory_max_bytes{%s})' % i,
          steps=lib.levels.output,
        ),
      ]),
    ],
    [
      lib.row('Sessions and connections', [
        lib.line(8, 12, [
          graph('Sessions, top 10', 'Client sessions of the ten instances that have most.', 'short', 'sum by (instance_id) (%s)' % sessions),
          graph(
            'Connections accepted, top 10',
            'Connections per second. Many on few sessions: clients that connect for each command.',
            'cps',
            'sum by (instance_id) (max by (instance_id, node_id) (rate(dcs_connections_accepted_total{%s}[$__rate_interval])))' % i,
          ),
        ]),
      ]),
      lib.row('Reading', [
        lib.line(8, 8, [
          grafana.table(
            'Trouble now',
            "What went wrong in the last scrape, by instance and node. A reason beside a node that was read is what was survived: most often a refused scan, so that the list gets old. No node: the instance's nodes are not known.",
            '✓ No node says that something is wrong. Where Targets down is not 0, none can.',
            [
              'max by (instance_id, node_id, reason) (dcs_node_error{%s})' % i,
              'max by (instance_id, node_id) (dcs_node_up{%s}) and on (instance_id, node_id) dcs_node_error{%s}' % [i, m],
            ],
            [
              grafana.column('Value #B', 'State', 90, mappings=grafana.states),
              grafana.column('reason', 'Reason', 100, noValue=null),
              grafana.column('instance_id', 'Instance', links=toInstance, noValue=null),
              grafana.column('node_id', 'Node'),
            ],
            ['State', 'Reason'],
            ['Value #A'],
          ),
          api.failures,
          grafana.graph(
            "Slowest nodes' scrape duration, top 10",
            'How long reading a node took in a scrape, waiting included: the slowest node of each instance.',
            noData,
            's',
            top('max by (instance_id) (dcs_node_scrape_duration_seconds{%s})' % i),
          ),
        ]),
      ]),
      lib.row('API', [
        lib.line(5, 24, [
          grafana.table(
            'Projects',
            "Each project's API, over the last minutes.",
            noData,
            [
              'max by (project_id, region) (dcs_project_up{%s})' % p,
              'sum by (project_id) (rate(dcs_session_exporter_api_requests_total{%s}[$__rate_interval]))' % p,
              'sum by (project_id) (increase(dcs_session_exporter_scrape_errors_total{%s}[$__rate_interval]))' % p,
              'sum by (project_id) (increase(dcs_session_exporter_torn_lists_total{%s}[$__rate_interval]))' % p,
              'max by (project_id) (dcs_session_exporter_holdoff_seconds{%s})' % p,
              'sum by (project_id) (rate(dcs_session_exporter_limiter_wait_seconds_total{%s}[$__rate_interval]))' % p,
              'time() - max by (project_id) (dcs_session_exporter_discovery_last_success_timestamp_seconds{%s})' % p,
            ],
            [
              grafana.column('Value #A', 'State', 110, mappings={
                '0': { text: '✗ in trouble', color: grafana.colours.bad, index: 0 },
                '1': { text: '✓ works', color: grafana.colours.good, index: 1 },
              }),
              grafana.column('project_id', 'Project', 290, noValue=null),
              grafana.column('region', 'Region', noValue=null),
              grafana.column('Value #B', 'Requests', 120, unit='reqps', decimals=1),
              grafana.column('Value #C', 'Nodes not read', 120, decimals=0, steps=lib.levels.any),
              grafana.column('Value #D', 'Torn lists', 100, decimals=0),
              grafana.column('Value #E', 'Held off', 100, unit='s', decimals=0, steps=[[grafana.colours.bad, 0.001]]),
              grafana.column('Value #F', 'Requests waiting', 130, decimals=1),
              grafana.column('Value #G', 'Instances listed', 130, unit='s', decimals=0, noValue='never'),
            ],
            ['State', '-Nodes not read'],
          ),
        ]),
        lib.line(8, 6, [api.requests, api.latency, api.holdoff, api.waiting]),
      ]),
    ],
  )
