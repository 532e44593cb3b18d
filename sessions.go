package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/exposition"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/sessiontable"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"
)

const outputCSV = "csv"

// sessionsFlags are the flags of the sessions command.
type sessionsFlags struct {
	query   sessiontable.Query
	scan    bool
	timeout time.Duration
	output  string
}

// add adds the flags to the command.
func (f *sessionsFlags) add(command *kingpin.CmdClause) {
	command.Flag("instance", "Id or name of the instance.").Required().StringVar(&f.query.Instance)
	command.Flag("node", "Id of the node. Optional if only one node of the instance holds sessions.").StringVar(&f.query.Node)
	command.Flag("addr", "Show only sessions from this client address, an IP or IP:port.").StringVar(&f.query.Addr)
	command.Flag("sort", "Field to sort by: "+strings.Join(sessiontable.Names(), ", ")+".").Default("id").EnumVar(&f.query.Sort, sessiontable.Names()...)
	command.Flag("order", "Sort order: asc, desc. Default: numbers descending, text ascending.").EnumVar(&f.query.Order, sessiontable.Ascending, sessiontable.Descending)
	command.Flag("limit", "Maximum number of sessions to show.").Default("20").SetValue((*wholeNumber)(&f.query.Limit))
	command.Flag("offset", "Number of sessions to skip.").Default("0").SetValue((*wholeNumber)(&f.query.Offset))
	command.Flag("output", "Output format: table, json, csv.").Short('o').Default(outputTable).EnumVar(&f.output, outputTable, outputJSON, outputCSV)
	command.Flag("scan", "Take a new list first, unless the last one is younger than scan.min_interval. Default: show the last list, whatever its age.").BoolVar(&f.scan)
	command.Flag("timeout", "Maximum duration of the command.").Default("30s").DurationVar(&f.timeout)
}

// wholeNumber is an integer flag. kingpin's own accepts fractions and truncates
// them.
type wholeNumber int

// Set implements kingpin.Value.
func (n *wholeNumber) Set(s string) error {
	value, err := strconv.Atoi(s)
	if err != nil {
		return fmt.Errorf("%q is not a whole number, or too large", s)
	}
	*n = wholeNumber(value)
	return nil
}

// String implements kingpin.Value.
func (n *wholeNumber) String() string { return strconv.Itoa(int(*n)) }

// sessions writes the sessions of a node, straight from the API.
func sessions(ctx context.Context, f flags, stdout io.Writer) error {
	q := f.sessions.query.WithDefaults()
	err := q.Validate()
	if q.Instance == "" {
		err = errors.Join(errors.New("instance is empty"), err)
	}
	if err != nil {
		return invalidError{err}
	}
	if f.sessions.timeout < time.Second || f.sessions.timeout > 10*time.Minute {
		return invalidError{fmt.Errorf("invalid --timeout %s: must be between 1s and 10m", f.sessions.timeout)}
	}
	ctx, cancel := context.WithTimeout(ctx, f.sessions.timeout)
	defer cancel()
	load := func() (*config.Config, error) { return config.Load(f.configFile) }
	if f.demo {
		cfg, stop, err := startDemo(ctx)
		if err != nil {
			return fmt.Errorf("cannot start the demo: %w", err)
		}
		defer stop()
		load = func() (*config.Config, error) { return cfg, nil }
	}
	cfg, err := load()
	if err != nil {
		return invalid(err)
	}
	own := exposition.NewSelfMetrics()
	var open clients
	projects, _, err := open.connect(cfg, own)
	if err != nil {
		return invalid(err)
	}
	defer open.close()
	options := collectorOptions(cfg, projects, log.NewNopLogger())
	options.Timeout = f.sessions.timeout
	coll := collector.New(options, own, nil)
	defer coll.Close()
	scan := f.sessions.scan || f.demo // nobody has scanned the demo's nodes yet
	page, err := readSessions(ctx, coll, q, scan, cfg.Scan.MinInterval)
	if err != nil {
		return err
	}
	switch f.sessions.output {
	case outputJSON:
		return page.WriteJSON(stdout)
	case outputCSV:
		return page.WriteCSV(stdout)
	default:
		return page.WriteText(stdout)
	}
}

// readSessions reads the sessions that a query asks for. With scan it first
// triggers a scan, unless the existing list is younger than minInterval: another
// process may have scanned the node just before.
func readSessions(ctx context.Context, c *collector.Collector, q sessiontable.Query, scan bool, minInterval time.Duration) (*sessiontable.Page, error) {
	target, err := sessiontable.FindTarget(ctx, c.Fleet(), q.Instance)
	switch {
	case errors.Is(err, fleet.ErrNotDiscovered):
		return nil, fmt.Errorf("%w: run check --online to see why", err)
	case err != nil:
		return nil, err
	}
	node, _, err := sessiontable.ChooseNode(ctx, target, q.Node)
	if err != nil {
		return nil, err
	}
	lists := c.Reader(target)
	if scan {
		first := q
		first.Limit, first.Offset, first.Addr = 1, 0, "" // only to learn the list's age
		page, err := sessiontable.Read(ctx, lists, target, node, first)
		switch reason := dcsapi.ReasonOf(err); {
		case err != nil && reason != dcsapi.ReasonServer && reason != dcsapi.ReasonBusy:
			return nil, err // a real failure, not just a missing list
		case err != nil || page.Taken.IsZero() || page.Age >= minInterval:
			if err := sessiontable.Scan(ctx, lists, target, node.ID); err != nil {
				return nil, fmt.Errorf("cannot take a new list: %w", err)
			}
		}
	}
	return sessiontable.Read(ctx, lists, target, node, q)
}
