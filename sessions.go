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

// sessionsFlags are what the command line says of the sessions to show.
type sessionsFlags struct {
	query   sessiontable.Query
	scan    bool
	timeout time.Duration
	output  string
}

// add adds the flags to the command.
func (f *sessionsFlags) add(command *kingpin.CmdClause) {
	command.Flag("instance", "The instance, by its id or its name.").Required().StringVar(&f.query.Instance)
	command.Flag("node", "The node, by its id. It may be left out where the instance has only one that holds sessions.").StringVar(&f.query.Node)
	command.Flag("addr", "Only sessions of this client address, an IP or IP:port.").StringVar(&f.query.Addr)
	command.Flag("sort", "The field to sort by: "+strings.Join(sessiontable.Names(), ", ")+".").Default("id").EnumVar(&f.query.Sort, sessiontable.Names()...)
	command.Flag("order", "asc or desc. Without it numbers fall, texts rise.").EnumVar(&f.query.Order, sessiontable.Ascending, sessiontable.Descending)
	command.Flag("limit", "How many sessions to show.").Default("20").SetValue((*wholeNumber)(&f.query.Limit))
	command.Flag("offset", "How many sessions to pass over.").Default("0").SetValue((*wholeNumber)(&f.query.Offset))
	command.Flag("output", "The format: table, json, csv.").Short('o').Default(outputTable).EnumVar(&f.output, outputTable, outputJSON, outputCSV)
	command.Flag("scan", "Have a new list taken first, unless the last one is younger than scan.min_interval. Without it the last one is shown, however old.").BoolVar(&f.scan)
	command.Flag("timeout", "How long all of it may take.").Default("30s").DurationVar(&f.timeout)
}

// wholeNumber is a flag's value. kingpin's own takes fractions and cuts them off.
type wholeNumber int

// Set implements kingpin.Value.
func (n *wholeNumber) Set(s string) error {
	value, err := strconv.Atoi(s)
	if err != nil {
		return fmt.Errorf("%q is no whole number, or too large", s)
	}
	*n = wholeNumber(value)
	return nil
}

// String implements kingpin.Value.
func (n *wholeNumber) String() string { return strconv.Itoa(int(*n)) }

// sessions writes sessions of a node, straight from the API.
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
		return invalidError{fmt.Errorf("--timeout %s cannot be used: it is from 1s to 10m", f.sessions.timeout)}
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
	page, err := readSessions(ctx, coll, q, f.sessions.scan, cfg.Scan.MinInterval)
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

// readSessions reads what a query asks for, after a scan if that is wanted and
// the list is not younger than minInterval: who else may have had it taken is
// not known here.
func readSessions(ctx context.Context, c *collector.Collector, q sessiontable.Query, scan bool, minInterval time.Duration) (*sessiontable.Page, error) {
	target, err := sessiontable.FindTarget(ctx, c.Fleet(), q.Instance)
	switch {
	case errors.Is(err, fleet.ErrNotDiscovered):
		return nil, fmt.Errorf("%w. check --online tells why", err)
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
		first.Limit, first.Offset, first.Addr = 1, 0, "" // only the list's age
		page, err := sessiontable.Read(ctx, lists, target, node, first)
		switch reason := dcsapi.ReasonOf(err); {
		case err != nil && reason != dcsapi.ReasonServer && reason != dcsapi.ReasonBusy:
			return nil, err // more than that there is no list yet
		case err != nil || page.Taken.IsZero() || page.Age >= minInterval:
			if err := sessiontable.Scan(ctx, lists, target, node.ID); err != nil {
				return nil, fmt.Errorf("no new list: %w", err)
			}
		}
	}
	return sessiontable.Read(ctx, lists, target, node, q)
}
