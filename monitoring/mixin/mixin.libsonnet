// All that watches dcs_session_exporter: rules, dashboards, inhibitions. The
// names of its fields are those that tools for mixins look for.
(import 'config.libsonnet') + {
  local config = $._config,
  local alertGroups = [
    (import 'alerts/exporter.libsonnet')(config),
    (import 'alerts/projects.libsonnet')(config),
    (import 'alerts/reading.libsonnet')(config),
    (import 'alerts/buffers.libsonnet')(config),
    (import 'alerts/connections.libsonnet')(config),
    (import 'alerts/headroom.libsonnet')(config),
    (import 'alerts/habits.libsonnet')(config),
  ],

  prometheusAlerts+:: { groups+: [(import 'labels.libsonnet')(config)] + alertGroups },
  prometheusRules+:: { groups+: [(import 'recording.libsonnet')(config)] },
  alertmanager+:: (import 'alertmanager.libsonnet')(config),
  grafanaDashboards+:: {
    'fleet.json': (import 'dashboards/fleet.libsonnet')(config),
    'instance.json': (import 'dashboards/instance.libsonnet')(config),
  },
}
