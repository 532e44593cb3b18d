package main

import (
	"context"
	"io"
	"time"

	"dcs_session_exporter/internal/instancetable"

	"github.com/alecthomas/kingpin/v2"
)

// instancesFlags are the flags of the instances command.
type instancesFlags struct {
	timeout time.Duration
	output  string
}

// add adds the flags to the command.
func (f *instancesFlags) add(command *kingpin.CmdClause) {
	addChoice(command.Flag("output", "Output format: table, wide (all fields), json, csv.").Short('o').Default(outputTable), &f.output, outputTable, outputWide, outputJSON, outputCSV)
	addTimeout(command.Flag("timeout", "Maximum duration of the command.").Default("30s"), &f.timeout, time.Second, 10*time.Minute)
}

// instances writes which instances and nodes there are, and which of them the
// exporter reads. It asks the API for lists of instances and nodes only.
func instances(ctx context.Context, f flags, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, f.instances.timeout)
	defer cancel()
	r, err := openReading(ctx, f, f.instances.timeout)
	if err != nil {
		return err
	}
	defer r.close()
	table, err := instancetable.Read(ctx, r.collector.Fleet())
	if err != nil {
		return err
	}
	switch f.instances.output {
	case outputJSON:
		err = table.WriteJSON(stdout)
	case outputCSV:
		err = table.WriteCSV(stdout)
	case outputWide:
		err = table.WriteWide(stdout)
	default:
		err = table.WriteText(stdout)
	}
	if err != nil {
		return err
	}
	return table.Problem()
}
