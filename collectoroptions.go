package main

import (
	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/internal/config"

	"github.com/go-kit/log"
)

// collectorOptions returns the collector options for a configuration.
func collectorOptions(cfg *config.Config, projects []collector.Project, logger log.Logger) collector.Options {
	return collector.Options{
		Projects: projects,
		Scan: reader.ScanOptions{
			Off: cfg.Scan.Mode == config.ScanOff, MinInterval: cfg.Scan.MinInterval, Wait: cfg.Scan.Wait,
		},
		Aggregate: &aggregate.Options{
			AgeBuckets: cfg.Histograms.AgeBuckets, IdleBuckets: cfg.Histograms.IdleBuckets,
			IdleThreshold: cfg.IdleThreshold, ActiveBelow: cfg.ActiveThreshold, Groups: groupsOf(cfg),
			Address: aggregate.AddressOptions{
				Source: aggregate.AddressSource(cfg.ClientAddress.Source), IncludePort: cfg.ClientAddress.IncludePort,
				IPv4Bits: cfg.ClientAddress.Aggregate.IPv4, IPv6Bits: cfg.ClientAddress.Aggregate.IPv6,
			},
			Limits: aggregate.Limits(cfg.Limits),
		},
		MaxSnapshotAge: cfg.MaxSnapshotAge, DiscoveryInterval: cfg.DiscoveryInterval, LimitsInterval: cfg.LimitsInterval, Timeout: cfg.ScrapeTimeout,
		Logger: logger,
	}
}

// groupsOf returns the groups of a configuration, nil for none.
func groupsOf(cfg *config.Config) *aggregate.Groups {
	rules := make([]aggregate.GroupRule, len(cfg.ClientGroups))
	for i, g := range cfg.ClientGroups {
		rules[i] = aggregate.GroupRule(g)
	}
	return aggregate.NewGroups(rules)
}
