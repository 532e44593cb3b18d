// What dashboards are made of: panels, columns, variables, as Grafana writes them.
{
  // Colours mean state: they differ for people who do not see red or green, too.
  colours:: { good: '#56B4E9', warning: '#E69F00', bad: '#D55E00', off: '#8E8E8E' },
  // Colours of series that are always the same; none of them is a warning's.
  series:: ['#56B4E9', '#009E73', '#F0E442', '#CC79A7', '#0072B2', '#8E8E8E'],
  // Lines whose names nobody knows before have the colour of their last letter, and
  // among these shades of it: the same name has the same colour everywhere.
  local byLetter = ['[eE05]$', '[aAsS16]$', '[bBnNrR27]$', '[dDpPtT38]$', '[cClLyY49]$'],

  local grafana = self,
  local datasource = { type: 'prometheus', uid: '${datasource}' },

  // Thresholds: pairs of a colour and the value from which on it holds.
  thresholds(steps):: {
    mode: 'absolute',
    steps: [{ color: grafana.colours.good, value: null }] + [{ color: s[0], value: s[1] } for s in steps],
  },
  // Warning from one value on, bad from another.
  levels(warning, bad):: [[grafana.colours.warning, warning], [grafana.colours.bad, bad]],

  local target(i, expr, fields) = {
    refId: std.char(65 + i),
    datasource: datasource,
    editorMode: 'code',
    expr: std.strReplace(std.rstripChars(expr, '\n'), '\n\n', '\n'),
    // Lists are taken every 25 s or so: counters of sessions do not rise more often.
    [if std.length(std.findSubstr('$__rate_interval', expr)) > 0 then 'interval']: '1m',
  } + fields,
  local panel(kind, title, description, targets) = {
    type: kind,
    title: title,
    description: description,
    datasource: datasource,
    targets: targets,
  },

  // A number. zero is the word for 0, where that is good.
  stat(title, description, expr, noValue, unit='none', steps=[], decimals=null, zero=null)::
    panel('stat', title, description, [target(0, expr, { instant: true, range: false })]) + {
      fieldConfig: {
        defaults: {
          unit: unit,
          noValue: noValue,
          color: { mode: 'thresholds' },
          thresholds: grafana.thresholds(steps),
          mappings: if zero == null then [] else [{ type: 'value', options: { '0': { text: '✓ ' + zero, color: grafana.colours.good, index: 0 } } }],
          [if decimals != null then 'decimals']: decimals,
        },
        overrides: [],
      },
      options: {
        colorMode: 'value',
        graphMode: 'none',
        justifyMode: 'auto',
        orientation: 'auto',
        textMode: 'value',
        wideLayout: true,
        percentChangeColorMode: 'standard',
        showPercentChange: false,
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      },
    },

  // A column of a table: a field of its result, and how it is shown.
  column(field, name, width=null, unit=null, decimals=null, steps=null, links=null, mappings=null, gauge=false, most=1, noValue='–', hidden=false):: {
    field:: field,
    displayName:: name,
    matcher: { id: 'byName', options: field },
    local value(id, v) = if v == null then [] else [{ id: id, value: v }],
    properties:
      value('displayName', name)
      + value('custom.width', width)
      + value('unit', unit)
      + value('decimals', decimals)
      + value('links', links)
      + (if mappings == null then [] else value('custom.align', 'left') + value('mappings', [{ type: 'value', options: mappings }]))
      + (if gauge then value('min', 0) + value('max', most) else [])
      + (if hidden then value('custom.hideFrom', { viz: true, legend: false, tooltip: false }) else [])
      + (if steps == null then [] else value('thresholds', grafana.thresholds(steps)))
      + (
        if gauge then value('custom.cellOptions', { type: 'gauge', mode: 'basic', valueDisplayMode: 'text' })
        else if steps != null || mappings != null then value('custom.cellOptions', { type: 'color-text' })
        else []
      )
      + value('noValue', noValue),
  },
  states:: {
    '-1': { text: '? no data', color: grafana.colours.bad, index: 3 },
    '0': { text: '✗ not read', color: grafana.colours.bad, index: 0 },
    '1': { text: '✓ read', color: grafana.colours.good, index: 1 },
    '2': { text: '– skipped', color: grafana.colours.off, index: 2 },
  },

  // A table: expressions, columns in their order, names of columns to sort by
  // (with a minus: descending), fields that are not shown.
  table(title, description, noValue, exprs, columns, sortBy, hidden=[])::
    panel('table', title, description, std.mapWithIndex(function(i, e) target(i, e, { instant: true, range: false, format: 'table' }), exprs)) + {
      fieldConfig: {
        defaults: {
          noValue: noValue,
          unit: 'short',
          custom: { align: 'auto', cellOptions: { type: 'auto' }, minWidth: 60 },
          thresholds: grafana.thresholds([]),
          color: { mode: 'thresholds' },
        },
        overrides: columns,
      },
      options: {
        cellHeight: 'sm',
        showHeader: true,
        sortBy: [{ displayName: std.lstripChars(name, '-'), desc: std.startsWith(name, '-') } for name in sortBy],
      },
      transformations: (if std.length(exprs) > 1 then [{ id: 'merge', options: {} }] else []) + [{
        id: 'organize',
        options: {
          excludeByName: { [name]: true for name in ['Time'] + hidden },
          indexByName: { [columns[i].field]: i for i in std.range(0, std.length(columns) - 1) },
          renameByName: {},
        },
      }],
    },

  // A graph of pairs of an expression and a legend. colours has pairs of a series,
  // by name or by a pattern between slashes, and its colour.
  graph(title, description, noValue, unit, series, steps=null, colours=[], links=null, stacked=false, side=false, softMax=null)::
    local known = std.length([s for s in series if std.length(std.findSubstr('{{', s[1])) > 0]) == 0;
    panel('timeseries', title, description, std.mapWithIndex(function(i, s) target(i, s[0], { instant: false, range: true, legendFormat: s[1] }), series)) + {
      fieldConfig: {
        defaults: {
          unit: unit,
          noValue: noValue,
          color: { mode: 'shades', fixedColor: grafana.colours.off },
          custom: {
            drawStyle: 'line',
            lineWidth: if stacked then 1 else 2,
            fillOpacity: if stacked then 60 else 0,
            showPoints: 'never',
            spanNulls: false,
            stacking: { mode: if stacked then 'normal' else 'none', group: 'A' },
            thresholdsStyle: { mode: if steps == null then 'off' else 'dashed' },
            [if softMax != null then 'axisSoftMax']: softMax,
          },
          min: 0,
          [if steps != null then 'thresholds']: grafana.thresholds(steps),
          [if links != null then 'links']: links,
        },
        overrides: (if known then [] else [
          {
            matcher: { id: 'byRegexp', options: '/%s/' % byLetter[i] },
            properties: [{ id: 'color', value: { mode: 'shades', fixedColor: grafana.series[i] } }],
          }
          for i in std.range(0, std.length(byLetter) - 1)
        ]) + [
          {
            matcher: { id: if std.startsWith(c[0], '/') then 'byRegexp' else 'byName', options: c[0] },
            properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: c[1] } }],
          }
          for c in colours
        ],
      },
      options: {
        legend: if side then { showLegend: true, displayMode: 'table', placement: 'right', calcs: ['lastNotNull', 'max'], sortBy: 'Max', sortDesc: true }
        else { showLegend: true, displayMode: 'list', placement: 'bottom', calcs: if known then ['lastNotNull'] else [] },
        tooltip: { mode: 'multi', sort: 'desc' },
      },
    },

  // Colours for series whose names are known.
  named(names):: [[names[i], grafana.series[i]] for i in std.range(0, std.length(names) - 1)],

  // A heatmap of the buckets of a distribution.
  heatmap(title, description, noValue, expr)::
    panel('heatmap', title, description, [target(0, expr, { instant: false, range: true, format: 'heatmap', legendFormat: '{{le}}' })]) + {
      fieldConfig: {
        defaults: { unit: 'short', noValue: noValue, custom: { hideFrom: { legend: false, tooltip: false, viz: false }, scaleDistribution: { type: 'linear' } } },
        overrides: [],
      },
      options: {
        calculate: false,
        cellGap: 1,
        cellValues: { unit: 'short', decimals: 0 },
        color: { mode: 'scheme', scheme: 'Cividis', reverse: false, scale: 'exponential', exponent: 0.5, steps: 64 },
        exemplars: { color: 'rgba(255,255,255,0.7)' },
        filterValues: { le: 1e-9 },
        legend: { show: true },
        rowsFrame: { layout: 'auto', value: 'Sessions' },
        showValue: 'never',
        tooltip: { mode: 'single', showColorScale: true, yHistogram: false },
        yAxis: { axisPlacement: 'left', unit: 's', reverse: false },
      },
    },
}
