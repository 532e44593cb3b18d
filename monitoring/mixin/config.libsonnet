// What one may want to change. Import mixin.libsonnet, and add to _config what
// differs:
//
//   (import 'mixin.libsonnet') + { _config+:: { keep: ['cluster', 'env'] } }
{
  _config+:: {
    // The targets that are exporters, by /metrics or by /probe.
    jobSelector: 'job=~".*dcs[_-]session.*"',

    // Labels of targets that stay on alerts and recorded series, and that tell
    // fleets apart, beside those of the metrics. A label that no target has does
    // no harm.
    keep: ['cluster', 'team'],

    // What stands before the links in alerts: where docs/runbooks.md, Grafana and
    // the exporter are, as a browser reaches them; without a slash at the end.
    runbooks: 'docs/runbooks.md',
    grafana: '',
    exporter: '',

    // How long an alert on the sessions of an instance stays as it was when no
    // target exports the instance, and all that are known are up: it was deleted,
    // or its target was.
    holdGone: '1h',

    // Limits of a client's output buffers in MiB, for nodes whose limits the API
    // does not list: Redis' defaults. Normal clients have none.
    outputLimits: { pubsub: { hard: 32, soft: 8 }, replica: { hard: 256, soft: 64 } },

    // The memory of a node in MiB, where it is not known: a server's share of the
    // instance's memory is, if the specification says it; a proxy's never is.
    unknownMemory: 1024,

    // Each alert: threshold (where it has one to choose; bytes in MiB), severity, how
    // long its condition has to hold (for), and how long it goes on firing when it
    // holds no longer (keep_firing_for). A cause has a shorter for and a longer
    // keep_firing_for than its consequences, which it inhibits: see
    // alertmanager.libsonnet.
    alerts: {
      DcsNothingRead: { severity: 'critical', 'for': '3m', keepFiring: '16m' },
      DcsExporterDown: { threshold: 0, severity: 'warning', 'for': '5m', keepFiring: '13m' },
      DcsExporterAbsent: { severity: 'warning', 'for': '10m', keepFiring: '5m' },
      DcsConfigReloadFailed: { severity: 'warning', 'for': '5m', keepFiring: '5m' },

      DcsKeyRefused: { threshold: 0, severity: 'warning', 'for': '5m', keepFiring: '13m' },
      DcsThrottled: { threshold: 0, severity: 'warning', 'for': '5m', keepFiring: '10m' },
      DcsProjectNotRead: { severity: 'warning', 'for': '7m', keepFiring: '12m' },
      DcsRequestsHeldOff: { threshold: 0, severity: 'warning', 'for': '8m', keepFiring: '9m' },
      DcsProjectWithoutInstances: { severity: 'warning', 'for': '15m', keepFiring: '5m' },
      DcsDiscoveryFailing: { threshold: 1800, severity: 'warning', 'for': '10m', keepFiring: '5m' },
      DcsInstanceNotRead: { severity: 'warning', 'for': '10m', keepFiring: '9m' },
      DcsNodeNotRead: { threshold: 0.8, severity: 'warning', 'for': '12m', keepFiring: '3m' },
      DcsSessionListOld: { threshold: 180, severity: 'warning', 'for': '1m', keepFiring: '15m' },
      DcsListUndated: { threshold: 0, severity: 'warning', 'for': '15m', keepFiring: '15m' },

      DcsSubscriberBehind: { threshold: 1, severity: 'warning', 'for': '30s', keepFiring: '30m' },
      DcsSubscriberNearLimit: { threshold: 0.75, severity: 'critical', 'for': '30s', keepFiring: '30m' },
      DcsReplicaNearLimit: { threshold: 0.8, severity: 'warning', 'for': '30s', keepFiring: '30m' },
      DcsSlowReader: { threshold: 64, severity: 'warning', 'for': '1m', keepFiring: '30m' },
      DcsOutputMemoryShare: { threshold: 0.25, severity: 'critical', 'for': '1m', keepFiring: '30m' },
      DcsQueryBufferLarge: { threshold: 64, severity: 'warning', 'for': '2m', keepFiring: '15m' },
      DcsQueryBuffersLarge: { threshold: 256, severity: 'warning', 'for': '5m', keepFiring: '15m' },

      DcsConnectionLeak: { threshold: 10, severity: 'warning', 'for': '12m', keepFiring: '15m' },
      DcsIdleSessions: { threshold: 50, severity: 'warning', 'for': '15m', keepFiring: '15m' },
      DcsNearMaxClients: { threshold: 0.8, severity: 'critical', 'for': '5m', keepFiring: '15m' },
      DcsConnectionsRunOut: { threshold: 24, severity: 'warning', 'for': '30m', keepFiring: '1h' },
      DcsSessionsBeyondTimeout: { threshold: 5, severity: 'info', 'for': '30m', keepFiring: '30m' },
      DcsConnectionStorm: { threshold: 50, severity: 'warning', 'for': '5m', keepFiring: '15m' },
      DcsBlockedSessionsStay: { threshold: 50, severity: 'info', 'for': '15m', keepFiring: '15m' },
      DcsMonitorStays: { threshold: 0, severity: 'warning', 'for': '10m', keepFiring: '15m' },
      DcsDefaultUserInUse: { threshold: 5, severity: 'info', 'for': '30m', keepFiring: '15m' },
      DcsAddressesMasked: { threshold: 0, severity: 'info', 'for': '1h', keepFiring: '15m' },

      DcsMaxClientsUnknown: { threshold: 0, severity: 'info', 'for': '2h', keepFiring: '30m' },
      DcsLimitsOld: { threshold: 14400, severity: 'info', 'for': '30m', keepFiring: '30m' },
    },
  },
}
