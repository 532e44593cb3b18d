// What the generator asks for: the mixin, with comments and the runbooks' table.
function(mixin)
  local withComments(groups) = [
    g { rules: [r + (if std.objectHasAll(r, 'comment') then { comment::: r.comment } else {}) for r in g.rules] }
    for g in groups
  ];
  {
    alerts: withComments(mixin.prometheusAlerts.groups),
    recording: withComments(mixin.prometheusRules.groups),
    inhibitions: mixin.alertmanager,
    dashboards: mixin.grafanaDashboards,
    table: [
      r.inTable { alert: r.alert, severity: r.labels.severity, 'for': r['for'], keepFiring: r.keep_firing_for }
      for g in mixin.prometheusAlerts.groups
      for r in g.rules
      if std.objectHas(r, 'alert')
    ],
  }
