package config

// config decodes the top level.
func (d *decoder) config(root value, cfg *Config) {
	var projects value
	timesGood := true
	ok := root.mapping(fields{
		"defaults":              d.setDefaults,
		"projects":              func(v value) { projects = v },
		"scan":                  func(v value) { d.scan(v, &cfg.Scan) },
		"discovery_interval":    func(v value) { v.duration(&cfg.DiscoveryInterval, false) },
		"limits_interval":       func(v value) { v.duration(&cfg.LimitsInterval, true) },
		"scrape_timeout":        func(v value) { timesGood = v.duration(&cfg.ScrapeTimeout, false) && timesGood },
		"scrape_timeout_offset": func(v value) { timesGood = v.duration(&cfg.ScrapeTimeoutOffset, true) && timesGood },
		"max_snapshot_age":      func(v value) { v.duration(&cfg.MaxSnapshotAge, true) },
		"idle_threshold":        func(v value) { v.duration(&cfg.IdleThreshold, false) },
		"active_threshold":      func(v value) { v.duration(&cfg.ActiveThreshold, false) },
		"client_groups":         func(v value) { cfg.ClientGroups = d.clientGroups(v) },
		"histograms": func(v value) {
			v.mapping(fields{
				"age_buckets":  func(v value) { v.buckets(&cfg.Histograms.AgeBuckets) },
				"idle_buckets": func(v value) { v.buckets(&cfg.Histograms.IdleBuckets) },
			})
		},
		"client_address": func(v value) {
			v.mapping(fields{
				"source":       func(v value) { v.oneOf(&cfg.ClientAddress.Source, "addr", "peer") },
				"include_port": func(v value) { v.boolean(&cfg.ClientAddress.IncludePort) },
				"aggregate": func(v value) {
					v.mapping(fields{
						"ipv4": func(v value) { v.integer(&cfg.ClientAddress.Aggregate.IPv4, 1, 32) },
						"ipv6": func(v value) { v.integer(&cfg.ClientAddress.Aggregate.IPv6, 1, 128) },
					})
				},
			})
			if cfg.ClientAddress.IncludePort && cfg.ClientAddress.Aggregate != (NetworkBits{}) {
				v.at("aggregate").problem("makes networks of addresses, which have no port: remove it, or include_port")
			}
		},
		"limits": func(v value) { d.limits(v, &cfg.Limits) },
		"metrics_endpoint": func(v value) {
			v.oneOf((*string)(&cfg.MetricsEndpoint), string(MetricsAll), string(MetricsExporter))
		},
	})
	if !ok {
		return
	}
	switch {
	case !timesGood || cfg.ScrapeTimeoutOffset < cfg.ScrapeTimeout:
	case root.has("scrape_timeout_offset"):
		root.at("scrape_timeout_offset").problem("must be shorter than scrape_timeout (%s)", cfg.ScrapeTimeout)
	default:
		root.at("scrape_timeout").problem("must be longer than scrape_timeout_offset (default %s)", cfg.ScrapeTimeoutOffset)
	}
	switch {
	case projects.node != nil:
		cfg.Projects = d.projects(projects)
	case !root.has("projects"):
		root.at("projects").problem("is missing: list the projects to read, each with its region and instances or discover")
	}
}

func (d *decoder) scan(v value, s *Scan) {
	v.mapping(fields{
		"mode":         func(v value) { v.oneOf((*string)(&s.Mode), string(ScanOnScrape), string(ScanOff)) },
		"min_interval": func(v value) { v.duration(&s.MinInterval, true) },
		"wait":         func(v value) { v.duration(&s.Wait, true) },
	})
}

func (d *decoder) limits(v value, l *Limits) {
	const most = 10_000
	v.mapping(fields{
		"users":     func(v value) { v.integer(&l.Users, 0, most) },
		"clients":   func(v value) { v.integer(&l.Clients, 0, most) },
		"commands":  func(v value) { v.integer(&l.Commands, 0, most) },
		"databases": func(v value) { v.integer(&l.Databases, 0, most) },
		"names":     func(v value) { v.integer(&l.Names, 0, most) },
		"networks":  func(v value) { v.integer(&l.Networks, 0, most) },
		"groups":    func(v value) { v.integer(&l.Groups, 0, most) },
		"hold":      func(v value) { v.duration(&l.Hold, true) },
	})
}
