package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/exposition"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/onlinecheck"
	"dcs_session_exporter/internal/recording"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/version"
)

// recordFlags are the flags of the record command.
type recordFlags struct {
	output  string
	scan    bool
	timeout time.Duration
}

// add adds the flags to the command.
func (f *recordFlags) add(command *kingpin.CmdClause) {
	command.Flag("output", "File to write, a compressed tar archive of JSON files.").Short('o').Default("recording.tar.gz").StringVar(&f.output)
	command.Flag("scan", "Take a new list of each node first, once. Default: record the last lists, whatever their age.").BoolVar(&f.scan)
	addTimeout(command.Flag("timeout", "Maximum duration of the command.").Default("5m"), &f.timeout, 10*time.Second, time.Hour)
}

// recordQuiet is how long no request must be sent until those that a scrape sends in
// the background are taken to be over.
const recordQuiet = 500 * time.Millisecond

var errInterrupted = errors.New("interrupted: no recording was written")

// record asks the API what a scrape and check --online ask, and writes the
// anonymous recording of it to a file.
func record(ctx context.Context, f flags, stdout io.Writer) error {
	cfg, stop, err := loadOnce(ctx, f)
	if err != nil {
		return err
	}
	defer stop()
	if f.record.scan && cfg.Scan.Mode == config.ScanOff {
		return invalidError{errors.New("--scan contradicts scan.mode: off in the configuration")}
	}
	// A file that cannot be written should not be found out about last.
	file, err := recording.Create(f.record.output)
	if err != nil {
		return invalidError{err}
	}
	defer file.Discard()
	deadline, cancel := context.WithTimeout(ctx, f.record.timeout)
	defer cancel()
	var recorder recording.Recorder
	manifest, err := askAll(deadline, f, cfg, &recorder)
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return errInterrupted
	}
	recorded, summary, err := recorder.Recording(manifest)
	switch {
	case err != nil:
		return fmt.Errorf("no recording was written: %w", err)
	case ctx.Err() != nil:
		return errInterrupted
	}
	if err := recording.Write(file, recorded); err != nil {
		return fmt.Errorf("cannot write %s, and nothing is left of it: %w", f.record.output, err)
	}
	size, err := file.Commit()
	if err != nil {
		return fmt.Errorf("cannot write %s, and nothing is left of it: %w", f.record.output, err)
	}
	return recording.Describe(stdout, f.record.output, size, recorded, summary)
}

// askAll makes the requests to record, and returns the recording's manifest.
func askAll(ctx context.Context, f flags, cfg *config.Config, recorder *recording.Recorder) (recording.Manifest, error) {
	manifest := recording.Manifest{RecordedAt: time.Now().UTC().Truncate(time.Second), Exporter: version.Version, Scans: f.record.scan}
	own := exposition.NewSelfMetrics()
	open := clients{wrap: recorder.Transport}
	projects, _, err := open.connect(cfg, own)
	if err != nil {
		return manifest, invalid(err)
	}
	defer open.close()
	options := collectorOptions(cfg, projects, log.NewNopLogger())
	options.Timeout = f.record.timeout
	options.LimitsInterval = 0 // askLimits asks
	options.Scan.Off = !f.record.scan
	coll := collector.New(options, own, nil)
	families, err := coll.Scrape(ctx).Gather()
	if err != nil {
		return manifest, err
	}
	manifest.NodesRead, manifest.NodesFailed = countNodes(families)
	awaitQuiet(ctx, recorder)
	coll.Close()
	manifest.Projects = describeProjects(cfg, coll)

	recorder.Reuse()
	if cfg.LimitsInterval > 0 {
		for i, p := range coll.Fleet().Projects() {
			askLimits(ctx, projects[i].API.(*dcsapi.Client), coll.Fleet().TargetsOf(p))
		}
	}
	_, err = onlinecheck.Run(ctx, onlinecheck.Options{
		Config: cfg, Timeout: f.record.timeout,
		Connect: connectChecks(&open.keyring, recorder.Transport),
	})
	if err != nil {
		return manifest, invalid(err)
	}
	return manifest, nil
}

// countNodes returns how many nodes a scrape has read, and how many it could not.
func countNodes(families []*dto.MetricFamily) (read, failed int) {
	for _, f := range families {
		if f.GetName() != "dcs_node_up" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetGauge().GetValue() == 1 {
				read++
			} else {
				failed++
			}
		}
	}
	return read, failed
}

// recordLimits is how long an answer about limits is waited for.
const recordLimits = 10 * time.Second

// askLimits asks for the limits of instances and of their specifications, which a
// daemon reads in the background. What comes of it is in the recording. If there is
// no answer in time, no more of the kind is asked for: that must not take the time
// of what follows.
func askLimits(ctx context.Context, api *dcsapi.Client, targets iter.Seq[*fleet.Target]) {
	ask := func(ask func(context.Context) error) dcsapi.Reason {
		ctx, cancel := context.WithTimeout(ctx, recordLimits)
		defer cancel()
		return dcsapi.ReasonOf(ask(ctx))
	}
	configurations, flavors := true, true
	asked := make(map[string]bool)
	refused, permitted := 0, false
	for t := range targets {
		if t.Details.Status != "" && !t.Details.Running() {
			continue
		}
		if configurations {
			switch ask(func(ctx context.Context) error { _, err := api.GetLimits(ctx, t.ID); return err }) {
			case "":
				permitted = true
			case dcsapi.ReasonForbidden:
				refused++
				configurations = permitted || refused < fleet.MaxRefusals
			case dcsapi.ReasonTimeout:
				configurations = false
			case dcsapi.ReasonAuth:
				return // the key is refused: nothing more is sent with it
			}
		}
		if spec := t.Details.SpecCode; flavors && spec != "" && !asked[spec] {
			asked[spec] = true
			flavors = ask(func(ctx context.Context) error { _, err := api.GetFlavor(ctx, spec); return err }) != dcsapi.ReasonTimeout
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// awaitQuiet returns when no requests are sent any more, or when ctx ends.
func awaitQuiet(ctx context.Context, recorder *recording.Recorder) {
	for ctx.Err() == nil && recorder.Quiet() < recordQuiet {
		select {
		case <-time.After(max(recordQuiet-recorder.Quiet(), 10*time.Millisecond)):
		case <-ctx.Done():
		}
	}
}

// describeProjects returns the projects of a configuration for a manifest.
func describeProjects(cfg *config.Config, coll *collector.Collector) []recording.Project {
	var out []recording.Project
	for i, known := range coll.Fleet().Projects() {
		p := cfg.Projects[i]
		project := recording.Project{Region: p.Region, Discover: recording.DiscoverNone, ReadReplicas: p.ReadReplicas}
		if p.Discover != nil {
			project.MaxClients = p.Discover.MaxClients
		}
		switch d := p.Discover; {
		case d == nil:
		case d.Name == nil && len(d.Tags) == 0 && d.EnterpriseProjectID == "":
			project.Discover = recording.DiscoverAll
		default:
			project.Discover = recording.DiscoverSome
		}
		var configured []string
		for _, instance := range p.Instances {
			configured = append(configured, dcsapi.CanonicalInstanceID(instance.ID))
			project.Configured = append(project.Configured, recording.Instance(instance))
		}
		for t := range coll.Fleet().TargetsOf(known) {
			project.ID = t.ProjectID
			if !slices.Contains(configured, t.ID) {
				project.Discovered = append(project.Discovered, t.ID)
			}
		}
		if project.ID == "" {
			project.ID = p.ProjectID
		}
		out = append(out, project)
	}
	return out
}
