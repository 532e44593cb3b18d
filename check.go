package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/onlinecheck"
	"dcs_session_exporter/internal/printable"

	"github.com/alecthomas/kingpin/v2"
)

// The values of --output.
const (
	outputTable = "table"
	outputJSON  = "json"
)

// checkFlags are the flags of the check command.
type checkFlags struct {
	online  bool
	timeout time.Duration
	output  string

	timeoutSet, outputSet bool
}

// add adds the flags to the command.
func (f *checkFlags) add(command *kingpin.CmdClause) {
	command.Flag("online", "Also ask the API whether the configuration will work: key, permissions, instances, nodes, session lists. Never triggers a scan.").BoolVar(&f.online)
	addTimeout(command.Flag("timeout", "Maximum duration of --online.").Default("30s").IsSetByUser(&f.timeoutSet), &f.timeout, time.Second, 10*time.Minute)
	addChoice(command.Flag("output", "Output format of --online: table, json.").Short('o').Default(outputTable).IsSetByUser(&f.outputSet), &f.output, outputTable, outputJSON)
}

// check validates the configuration file and prints what it means. With
// --online it also asks the API whether the configuration will work.
func check(ctx context.Context, f flags, stdout io.Writer) error {
	switch {
	case f.demo:
		return invalidError{errors.New("check cannot be combined with --demo, which has no configuration file")}
	case !f.check.online && f.check.timeoutSet:
		return invalidError{errors.New("--timeout requires --online: check sends nothing without it")}
	case !f.check.online && f.check.outputSet:
		return invalidError{errors.New("--output requires --online: check prints plain text without it")}
	}
	cfg, err := config.Load(f.configFile)
	if err != nil {
		return invalid(err)
	}
	if f.check.online {
		return checkOnline(ctx, f, cfg, stdout)
	}
	_, err = io.WriteString(stdout, printable.Lines(f.configFile+" is valid"+described(cfg)))
	return err
}

// described returns what a configuration means, followed by its warnings.
func described(cfg *config.Config) string {
	n := len(cfg.Warnings)
	if n == 0 {
		return ".\n\n" + cfg.Summary()
	}
	plural := "s"
	if n == 1 {
		plural = ""
	}
	text := fmt.Sprintf(", with %d warning%s.\n\n%s\nWARNINGS\n", n, plural, cfg.Summary())
	for _, w := range cfg.Warnings {
		text += w.String() + "\n"
	}
	return text
}

// connectChecks returns a function that makes a project's client for a check. wrap
// is called for the clients' transports; nil for none.
func connectChecks(keyring *dcsapi.Keyring, wrap func(http.RoundTripper) http.RoundTripper) func(config.Project, dcsapi.Observer) (onlinecheck.API, error) {
	return func(p config.Project, observer dcsapi.Observer) (onlinecheck.API, error) {
		o, err := clientOptions(p, keyring)
		if err != nil {
			return nil, err
		}
		o.Observer, o.Wrap = observer, wrap
		client := dcsapi.New(withAgency(p, o, nil))
		client.UseInstanceIDs(p.InstanceIDs()...)
		return client, nil
	}
}

// checkOnline asks the API and writes the report. It returns an error if
// anything failed.
func checkOnline(ctx context.Context, f flags, cfg *config.Config, stdout io.Writer) error {
	report, err := onlinecheck.Run(ctx, onlinecheck.Options{
		Config: cfg, ConfigFile: f.configFile, Timeout: f.check.timeout,
		Connect: connectChecks(new(dcsapi.Keyring), nil),
	})
	if err != nil {
		return invalid(err)
	}
	write := report.WriteTable
	if f.check.output == outputJSON {
		write = report.WriteJSON
	}
	if err := write(stdout); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return errors.New("the check was interrupted: everything that was not checked by then counts as failed")
	case report.Result == onlinecheck.Failed:
		return fmt.Errorf("the check failed (failures: %d, warnings: %d): the report says what to do", report.Failures, report.Warnings)
	default:
		return nil
	}
}
