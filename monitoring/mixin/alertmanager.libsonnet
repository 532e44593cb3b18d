// Which alerts silence which others at Alertmanager: a cause its consequences.
// Each source has a shorter for, and a longer keep_firing_for, than its targets
// of the list in inOrder: it is there before they are, and leaves after them.
function(config) {
  local rule(sources, targets, equal) = {
    source_matchers: ['alertname =~ "%s"' % std.join('|', sources)],
    target_matchers: ['alertname =~ "%s"' % std.join('|', targets)],
    [if equal != [] then 'equal']: equal,
  },
  local ofReading = ['DcsInstanceNotRead', 'DcsNodeNotRead'],
  local node = ['instance_id', 'node_id'],

  local inOrder = [
    // Everything is blind.
    rule(
      ['DcsNothingRead'],
      ['DcsExporterDown', 'DcsExporterAbsent', 'DcsKeyRefused', 'DcsThrottled', 'DcsProjectNotRead', 'DcsRequestsHeldOff', 'DcsProjectWithoutInstances', 'DcsDiscoveryFailing'] + ofReading,
      [],
    ),
    // An exporter is down.
    rule(['DcsExporterDown'], ['DcsExporterAbsent', 'DcsProjectWithoutInstances'], config.keep),
    // A project has no key, no quota, or no way to it.
    rule(['DcsKeyRefused'], ['DcsProjectNotRead', 'DcsRequestsHeldOff', 'DcsProjectWithoutInstances', 'DcsDiscoveryFailing'] + ofReading, ['project_id']),
    rule(['DcsThrottled'], ['DcsProjectNotRead', 'DcsRequestsHeldOff', 'DcsProjectWithoutInstances', 'DcsDiscoveryFailing'] + ofReading, ['project_id']),
    rule(['DcsProjectNotRead'], ['DcsProjectWithoutInstances', 'DcsRequestsHeldOff', 'DcsDiscoveryFailing'] + ofReading, ['project_id']),
    rule(['DcsRequestsHeldOff'], ['DcsProjectWithoutInstances', 'DcsDiscoveryFailing'] + ofReading, ['project_id']),
    // All nodes of an instance.
    rule(['DcsInstanceNotRead'], ['DcsNodeNotRead'], ['instance_id']),
  ],

  inhibit_rules: inOrder + [
    // A list got old, until it could not be used any more.
    rule(['DcsSessionListOld'], ['DcsNodeNotRead'], node),
    // What is worse says that it is bad.
    rule(['DcsSubscriberNearLimit'], ['DcsSubscriberBehind'], node),
    rule(['DcsOutputMemoryShare'], ['DcsSlowReader'], node),
    rule(['DcsNearMaxClients'], ['DcsConnectionsRunOut'], node),
    // What a client leaks lies idle.
    rule(['DcsConnectionLeak'], ['DcsIdleSessions'], node + ['user']),
  ],
}
