// What both dashboards have: matchers, variables, annotations, the frame.
function(config) {
  local lib = self,
  local grafana = import 'grafana.libsonnet',
  local datasource = { type: 'prometheus', uid: '${datasource}' },

  // What every selector has, and labels of targets that are chosen by.
  labels:: ['job'] + config.keep,
  matchers:: std.join(', ', ['%s=~"$%s"' % [l, l] for l in lib.labels]),
  // Of series that have no job: alerts.
  kept:: std.join('', [', %s=~"$%s"' % [l, l] for l in config.keep]),

  // What is much for all normal clients of a node whose memory is not known, in MiB.
  muchOutput:: config.alerts.DcsOutputMemoryShare.threshold * config.unknownMemory,

  // The numbers that the alerts begin at, and colours from there on.
  output:: { warning: config.alerts.DcsSlowReader.threshold * 1024 * 1024, bad: lib.muchOutput * 1024 * 1024 },
  levels:: {
    output: grafana.levels(lib.output.warning, lib.output.bad),
    connections: grafana.levels(std.round(config.alerts.DcsNearMaxClients.threshold * 90) / 100, config.alerts.DcsNearMaxClients.threshold),
    age: grafana.levels(config.alerts.DcsSessionListOld.threshold, 270),
    idle: [[grafana.colours.warning, config.alerts.DcsIdleSessions.threshold]],
    any: [[grafana.colours.bad, 1]],
    anyWarning: [[grafana.colours.warning, 1]],
  },
  // MiB, for texts.
  outputText:: { warning: '%d MiB' % config.alerts.DcsSlowReader.threshold, bad: '%d MiB' % lib.muchOutput },

  // Colours of the classes of clients.
  classes:: grafana.named(['normal', 'pubsub', 'replica', 'master']),

  // Colours of a subscriber's output buffers.
  levelsOfSubscriber:: grafana.levels(
    config.outputLimits.pubsub.soft * 1024 * 1024,
    config.alerts.DcsSubscriberNearLimit.threshold * config.outputLimits.pubsub.hard * 1024 * 1024,
  ),

  // The largest output buffers of a class of clients, as part of its limit, by
  // labels. kinds narrows the limit to one kind; the default is in MiB.
  ofOutputLimit(by, matchers, class, kinds, default):: |||
    max by (%(by)s) (dcs_class_output_memory_max_bytes{%(m)s, class="%(class)s"})
    / on (%(by)s)
    (min by (%(by)s) (dcs_node_output_buffer_limit_bytes{%(m)s, class="%(class)s"%(kinds)s} > 0) or on (%(by)s) 0 * max by (%(by)s) (dcs_class_output_memory_max_bytes{%(m)s, class="%(class)s"}) + %(default)d)
  ||| % { by: by, m: matchers, class: class, kinds: kinds, default: default * 1024 * 1024 },

  // What all normal clients of a node have waiting, as part of its memory.
  shareOfMemory(by, matchers):: |||
    max by (%(by)s) (dcs_class_output_memory_bytes{%(m)s, class="normal"})
    / on (%(by)s)
    (max by (%(by)s) (dcs_node_max_memory_bytes{%(m)s}) or on (%(by)s) 0 * max by (%(by)s) (dcs_class_output_memory_bytes{%(m)s, class="normal"}) + %(unknown)d)
  ||| % { by: by, m: matchers, unknown: config.unknownMemory * 1024 * 1024 },

  // Hours until a limit of connections is reached, at the growth of the last hour;
  // at most two weeks, where it grows more slowly or not at all.
  hoursLeft(by, limit, sessions, growth):: |||
    clamp_max(
      clamp_min(%(limit)s - on (%(by)s) %(sessions)s, 0)
      / on (%(by)s)
      clamp_min(%(growth)s, 0.000001)
      / 3600,
      336
    )
  ||| % { by: by, limit: limit, sessions: sessions, growth: growth },
  levelsOfHours:: [[grafana.colours.bad, 0], [grafana.colours.warning, 4], [grafana.colours.good, config.alerts.DcsConnectionsRunOut.threshold]],

  // Variables.
  query(name, label, description, query, regex='', multi=true, hide=0):: {
    name: name,
    label: label,
    description: description,
    type: 'query',
    datasource: datasource,
    definition: query,
    query: { qryType: if std.startsWith(query, 'query_result') then 3 else 1, query: query, refId: 'PrometheusVariableQueryEditor-VariableQuery' },
    regex: regex,
    multi: multi,
    includeAll: multi,
    refresh: 2,
    sort: 1,
    hide: hide,
    options: [],
    current: if multi then { text: ['All'], value: ['$__all'] } else {},
    [if multi then 'allValue']: '.*',
  },
  local targetVariable(name, label, description) =
    lib.query(name, label, description, 'query_result(group by (%s) (dcs_up or dcs_project_up))' % name, '/%s="(?<value>[^"]+)"/' % name),
  variables(multi):: [
    {
      name: 'datasource',
      label: 'Data source',
      type: 'datasource',
      query: 'prometheus',
      description: 'The Prometheus that scrapes dcs_session_exporter.',
      hide: 0,
      includeAll: false,
      multi: false,
      regex: '',
      refresh: 1,
      options: [],
      current: {},
    },
    targetVariable('job', 'Job', 'The jobs that scrape dcs_session_exporter.'),
  ] + [
    targetVariable(l, std.asciiUpper(l[0]) + l[1:], 'The label %s of the targets, where they have it.' % l)
    for l in config.keep
  ] + [
    lib.query('project', 'Project', 'Narrows the instances to those of a project; instances whose project is not known stay.', 'label_values(dcs_project_up{%s}, project_id)' % lib.matchers),
    lib.query(
      'instance',
      'Instance',
      'By name where that is known.',
      'query_result(max by (instance_id, instance_name) (dcs_instance_info{%(m)s, project_id=~"$project"}) or on (instance_id) (max by (instance_id) (dcs_up{%(m)s} or dcs_scrape_skipped{%(m)s}) unless on (instance_id) dcs_instance_info{%(m)s}))' % { m: lib.matchers },
      '/instance_id="(?<value>[^"]+)"(?:,\\s*instance_name="(?<text>[^"]+)")?/',
      multi,
    ),
  ],
  exporter:: {
    name: 'exporter',
    label: 'Exporter',
    description: 'Base URL of dcs_session_exporter, as your browser reaches it, such as https://dcs-exporter.example: for links to its live table of sessions, which it serves with --web.enable-sessions. Empty: they lead nowhere.',
    type: 'textbox',
    query: config.exporter,
    hide: 0,
    options: [{ selected: true, text: config.exporter, value: config.exporter }],
    current: { text: config.exporter, value: config.exporter },
  },
  // What leads from one dashboard to the other keeps.
  kept_variables:: std.join('&', ['${%s:queryparam}' % v for v in ['datasource', 'exporter'] + lib.labels]),

  // Annotations.
  annotation(name, expr, title, text, colour):: {
    name: name,
    datasource: datasource,
    enable: true,
    hide: false,
    iconColor: colour,
    target: { refId: 'Anno' },
    expr: expr,
    step: '60s',
    titleFormat: title,
    textFormat: text,
    useValueForTime: false,
  },
  alerts(instance):: lib.annotation(
    'Alerts',
    'max by (alertname, severity, instance_name, node_name) (ALERTS{alertname=~"Dcs.*", alertstate="firing", instance_id=~"|%s"%s})' % [instance, lib.kept],
    '{{alertname}}',
    '{{severity}} {{instance_name}} {{node_name}}',
    grafana.colours.warning,
  ),
  reloads:: lib.annotation(
    'Reloads',
    'max by (instance) (changes(dcs_session_exporter_config_last_reload_success_timestamp_seconds{%s}[$__rate_interval])) > 0' % lib.matchers,
    'Configuration loaded',
    '{{instance}}',
    grafana.series[0],
  ),

  // Panels side by side from a height on, each with its width; and how high they
  // are.
  local place(panels, y, h) = std.foldl(
    function(line, p) { x: line.x + p.w, panels: line.panels + [p.panel { gridPos: { x: line.x, y: y, w: p.w, h: h } }] },
    panels,
    { x: 0, panels: [] },
  ).panels,
  // Lines of panels below each other, from a height on.
  local stack(lines, y) = std.foldl(
    function(done, l) { y: done.y + l.h, panels: done.panels + place(l.panels, done.y, l.h) },
    lines,
    { y: y, panels: [] },
  ),
  line(h, w, panels):: { h: h, panels: [{ w: w, panel: p } for p in panels] },
  row(title, lines):: { title: title, lines: lines },

  // A dashboard: lines that are there when it opens, and rows that are folded.
  dashboard(uid, title, description, variables, annotations, lines, rows, links=[]):: {
    local top = stack(lines, 0),
    local folded = std.foldl(
      function(done, r) {
        y: done.y + 1,
        panels: done.panels + [{
          type: 'row',
          title: r.title,
          collapsed: true,
          gridPos: { x: 0, y: done.y, w: 24, h: 1 },
          panels: stack(r.lines, done.y + 1).panels,
        }],
      },
      rows,
      { y: top.y, panels: [] },
    ).panels,
    local count(panels) = std.foldl(function(n, p) n + 1 + (if std.objectHas(p, 'panels') then std.length(p.panels) else 0), panels, 0),
    // Ids, in the order in which panels stand.
    local number(panels, from) = std.foldl(
      function(done, p) {
        local next = done.next + 1,
        next: next + (if std.objectHas(p, 'panels') then std.length(p.panels) else 0),
        panels: done.panels + [
          { id: done.next } + p
          + (if std.objectHas(p, 'panels') then { panels: number(p.panels, next).panels } else {}),
        ],
      },
      panels,
      { next: from, panels: [] },
    ),
    uid: uid,
    title: title,
    description: description,
    tags: ['dcs', 'redis'],
    schemaVersion: 39,
    version: 1,
    editable: false,
    graphTooltip: 1,
    fiscalYearStartMonth: 0,
    weekStart: '',
    timezone: 'browser',
    time: { from: 'now-1h', to: 'now' },
    timepicker: {},
    refresh: '30s',
    links: links,
    annotations: {
      list: [{ name: 'Annotations & Alerts', builtIn: 1, type: 'dashboard', datasource: { type: 'grafana', uid: '-- Grafana --' }, enable: true, hide: true, iconColor: grafana.series[0] }] + annotations,
    },
    templating: { list: variables },
    panels: number(top.panels + folded, 1).panels,
  },

  // The API of projects that a matcher has, for both dashboards.
  api(project):: {
    local p = lib.matchers + ', ' + project,
    local noData = 'No requests: is the exporter scraped? With /probe, its own metrics are on /metrics.',
    requests: grafana.graph(
      'API requests',
      'Requests per second to the API, by operation and HTTP status. 500 on list_clients means that a node has no list yet, 400 that it cannot have one or is busy; 429 is throttling.',
      noData,
      'reqps',
      [['sum by (operation, code) (rate(dcs_session_exporter_api_requests_total{%s}[$__rate_interval])) > 0' % p, '{{operation}} {{code}}']],
      colours=[
        ['list_clients 200', grafana.series[0]],
        ['scan_clients 200', grafana.series[4]],
        ['/ 400$/', grafana.series[2]],
        ['/ 40[13]$/', grafana.series[3]],
        ['/ (429|error)$/', grafana.colours.bad],
        ['/ 5..$/', grafana.colours.warning],
      ],
      stacked=true,
    ),
    failures: grafana.graph(
      'Nodes not read, by reason',
      'Nodes that could not be read, per second, by reason. docs/failures.md says what to do about each.',
      '✓ No node says that it was not read in this time. Where Targets down is not 0, none can.',
      'ops',
      [['sum by (reason) (rate(dcs_session_exporter_scrape_errors_total{%s}[$__rate_interval])) > 0' % p, '{{reason}}']],
      colours=[['throttled', grafana.colours.bad], ['auth', grafana.series[3]], ['timeout', grafana.colours.warning], ['network', grafana.series[2]]],
    ),
    holdoff: grafana.graph(
      'Held off',
      'How long requests are still held off, because the API has throttled them or refused the key.',
      noData,
      's',
      [['max by (project_id) (dcs_session_exporter_holdoff_seconds{%s})' % p, '{{project_id}}']],
      softMax=1,
    ),
    waiting: grafana.graph(
      'Requests waiting and in flight',
      'Waiting: for requests_per_second, on average. In flight: being sent or answered.',
      noData,
      'short',
      [
        ['sum(rate(dcs_session_exporter_limiter_wait_seconds_total{%s}[$__rate_interval]))' % p, 'waiting'],
        ['sum(dcs_session_exporter_requests_in_flight{%s})' % p, 'in flight'],
      ],
      colours=grafana.named(['waiting', 'in flight']),
      softMax=1,
    ),
    latency: grafana.graph(
      'API latency',
      'How long requests to the API took, to the end of the answer; of all projects of the exporters.',
      noData,
      's',
      [
        ['histogram_quantile(%s, sum by (le) (rate(dcs_session_exporter_api_request_duration_seconds_bucket{%s}[$__rate_interval])))' % [q[0], lib.matchers], q[1]]
        for q in [['0.99', 'p99'], ['0.9', 'p90'], ['0.5', 'median']]
      ],
      colours=grafana.named(['median', 'p90', 'p99']),
    ),
  },
}
