package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/sessiontable"

	"github.com/alecthomas/kingpin/v2"
)

// More values of --output.
const (
	outputCSV  = "csv"
	outputWide = "wide"
)

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
	command.Flag("node", "Id or name of the node, or all to merge the nodes of the instance. Optional if only one node holds sessions.").StringVar(&f.query.Node)
	command.Flag("addr", "Show only sessions from this client address: an IP, IP:port or a range such as 10.0.0.0/8.").StringVar(&f.query.Addr)
	command.Flag("user", "Show only sessions of this user; * stands for any text.").StringVar(&f.query.User)
	command.Flag("name", "Show only sessions with this client name; * stands for any text.").StringVar(&f.query.Name)
	command.Flag("group", "Show only sessions of this group of client_groups; * stands for any text.").StringVar(&f.query.Group)
	command.Flag("cmd", "Show only sessions with this last command; * stands for any text.").StringVar(&f.query.Command)
	addChoice(command.Flag("sort", "Field to sort by: "+strings.Join(sessiontable.Names(), ", ")+".").Default("id"), &f.query.Sort, sessiontable.Names()...)
	addChoice(command.Flag("order", "Sort order: asc, desc. Default: desc for "+strings.Join(sessiontable.DescendingNames(), ", ")+", asc for the others, id among them."), &f.query.Order, sessiontable.Ascending, sessiontable.Descending)
	addWhole(command.Flag("limit", "Maximum number of sessions to show.").Default("20"), &f.query.Limit, 1, sessiontable.MaxLimit)
	addWhole(command.Flag("offset", "Number of sessions to skip.").Default("0"), &f.query.Offset, 0, 1<<31-1)
	addChoice(command.Flag("output", "Output format: table (80 columns wide, the most useful fields), wide (all fields that say something), json, csv.").Short('o').Default(outputTable),
		&f.output, outputTable, outputWide, outputJSON, outputCSV)
	command.Flag("scan", "Take a new list first, unless the last one is younger than scan.min_interval. Default: show the last list, whatever its age.").BoolVar(&f.scan)
	addTimeout(command.Flag("timeout", "Maximum duration of the command.").Default("30s"), &f.timeout, time.Second, 10*time.Minute)
}

// sessions writes the sessions of a node, straight from the API.
func sessions(ctx context.Context, f flags, stdout io.Writer) error {
	q := f.sessions.query.WithDefaults()
	err := q.Validate()
	if q.Instance == "" {
		err = errors.Join(errors.New("instance is empty"), err)
	}
	if err != nil {
		return invalidError{inFlags(err)}
	}
	ctx, cancel := context.WithTimeout(ctx, f.sessions.timeout)
	defer cancel()
	r, err := openReading(ctx, f, f.sessions.timeout)
	if err != nil {
		return err
	}
	defer r.close()
	if q, err = q.WithGroups(sessiontable.Grouping{Groups: r.collector.Groups(), Address: r.collector.Address()}); err != nil {
		return invalidError{inFlags(err)}
	}
	scan := f.sessions.scan || f.demo // nobody has scanned the demo's nodes yet
	page, err := readSessions(ctx, r.collector, q, scan, r.minInterval)
	if err != nil {
		return err
	}
	switch f.sessions.output {
	case outputJSON:
		return page.WriteJSON(stdout)
	case outputCSV:
		return page.WriteCSV(stdout)
	case outputWide:
		return page.WriteWide(stdout)
	default:
		return page.WriteText(stdout)
	}
}

// inFlags names the flags in errors about a query.
func inFlags(err error) error {
	lines := strings.Split(err.Error(), "\n")
	for i := range lines {
		lines[i] = "--" + lines[i]
	}
	return errors.New(strings.Join(lines, "\n"))
}

// readSessions reads the sessions that a query asks for. With scan it first
// triggers a scan of each node, unless the existing list is younger than
// minInterval: another process may have scanned the node just before.
func readSessions(ctx context.Context, c *collector.Collector, q sessiontable.Query, scan bool, minInterval time.Duration) (*sessiontable.Page, error) {
	target, err := sessiontable.FindTarget(ctx, c.Fleet(), q.Instance)
	switch {
	case errors.Is(err, fleet.ErrNotDiscovered):
		return nil, fmt.Errorf("%w: run check --online to see why", err)
	case err != nil:
		return nil, fmt.Errorf("--instance: %w", err)
	}
	var nodes []dcsapi.Node
	if q.Node == sessiontable.AllNodes {
		nodes, err = target.SessionNodes(ctx)
	} else {
		var node dcsapi.Node
		node, _, err = sessiontable.ChooseNode(ctx, target, q.Node)
		nodes = []dcsapi.Node{node}
	}
	if _, ok := errors.AsType[sessiontable.NodeError](err); ok {
		return nil, fmt.Errorf("--node: %w", err)
	}
	if err != nil {
		return nil, err
	}
	lists := c.Reader(target)
	for _, node := range nodes {
		if !scan {
			break
		}
		if err := scanIfDue(ctx, lists, target, node, q, minInterval); err != nil {
			return nil, err
		}
	}
	if q.Node == sessiontable.AllNodes {
		return sessiontable.ReadAll(ctx, lists, target, nodes, q)
	}
	return sessiontable.Read(ctx, lists, target, nodes[0], q)
}

// scanIfDue scans a node, unless its list is younger than minInterval.
func scanIfDue(ctx context.Context, lists *reader.Reader, target *fleet.Target, node dcsapi.Node, q sessiontable.Query, minInterval time.Duration) error {
	first := sessiontable.Query{Sort: q.Sort, Order: q.Order, Limit: 1} // only to learn the list's age
	page, err := sessiontable.Read(ctx, lists, target, node, first)
	switch reason := dcsapi.ReasonOf(err); {
	case err != nil && reason != dcsapi.ReasonServer && reason != dcsapi.ReasonBusy:
		return err // a real failure, not just a missing list
	case err != nil || page.Taken.IsZero() || page.Age >= minInterval:
		if err := sessiontable.Scan(ctx, lists, target, node.ID); err != nil {
			return fmt.Errorf("cannot take a new list: %w", err)
		}
	}
	return nil
}
