// The dcs_session_exporter exports the client sessions of Huawei Cloud DCS
// instances (managed Redis) as Prometheus metrics.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"dcs_session_exporter/internal/printable"
	"dcs_session_exporter/internal/web"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"
)

const name = "dcs_session_exporter"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		complain(os.Stderr, err)
		os.Exit(exitCode(err))
	}
}

// longestComplaint is how many bytes of an error are written at most.
const longestComplaint = 64 << 10

// complain writes why the program ends, if that can be written.
func complain(w io.Writer, err error) {
	out := newLines(w, nil, func() {})
	_, _ = fmt.Fprintf(out, "%s: %s\n", name, printable.Cut(printable.Lines(err.Error()), longestComplaint))
	out.close()
}

// invalidError is what is wrong with the command line or the configuration
// file: the program ends with 2 rather than 1.
type invalidError struct{ error }

// Unwrap returns the cause.
func (e invalidError) Unwrap() error { return e.error }

// exitCode returns what the program ends with because of an error.
func exitCode(err error) int {
	if _, ok := errors.AsType[invalidError](err); ok {
		return 2
	}
	return 1
}

// flags are what the command line says.
type flags struct {
	configFile     string
	demo           bool
	telemetryPath  string
	enableSessions bool
	logLevel       string
	logFormat      string
	web            *toolkit.FlagConfig
	check          checkFlags
	sessions       sessionsFlags
}

// run is the program: it parses the command line, carries the command out and
// returns when that is done or ctx has ended.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	version.Version = cmp.Or(version.Version, "unreleased")
	var f flags
	var configSet, versionAsked, ended bool
	app := kingpin.New(name, "Prometheus exporter for the client sessions of Huawei Cloud DCS (managed Redis).")
	var usage bytes.Buffer // kingpin panics if it cannot write
	app.UsageWriter(&usage).ErrorWriter(stderr)
	app.Terminate(func(int) { ended = true }) // after --help
	app.HelpFlag.Short('h')
	app.Flag("version", "Show the version.").BoolVar(&versionAsked)
	app.Flag("config.file", "The configuration file.").Default("config.yml").IsSetByUser(&configSet).StringVar(&f.configFile)
	app.Flag("demo", "Show invented sessions of a small fleet: needs neither an account nor a configuration file.").BoolVar(&f.demo)
	app.Flag("web.telemetry-path", "The path of the metrics.").Default("/metrics").StringVar(&f.telemetryPath)
	app.Flag("web.enable-sessions", "Serve the live table of sessions at /sessions. Off loopback it needs authentication in --web.config.file.").BoolVar(&f.enableSessions)
	f.web = kingpinflag.AddFlags(app, ":9947")
	app.Flag("log.level", "Log only messages of this severity or above: debug, info, warn, error.").Default("info").EnumVar(&f.logLevel, "debug", "info", "warn", "error")
	app.Flag("log.format", "The format of log messages: logfmt, json.").Default("logfmt").EnumVar(&f.logFormat, "logfmt", "json")
	serveCommand := app.Command("serve", "Serve the metrics.").Default()
	checkCommand := app.Command("check", "Check the configuration file and say what it means. Nothing is sent to the API without --online.")
	f.check.add(checkCommand)
	sessionsCommand := app.Command("sessions", "Show the sessions of a node as they are on its last list.")
	f.sessions.add(sessionsCommand)

	command, err := app.Parse(args)
	switch {
	case ended:
		_, err := usage.WriteTo(stdout)
		return err
	case versionAsked:
		_, err := fmt.Fprintln(stdout, version.Print(name))
		return err
	case err != nil:
		return invalidError{fmt.Errorf("%w (try --help)", err)}
	case f.demo && configSet:
		return invalidError{errors.New("--demo and --config.file exclude each other: the demo brings its own configuration")}
	case !web.IsTelemetryPath(f.telemetryPath):
		return invalidError{fmt.Errorf("--web.telemetry-path %q cannot be used: give a path such as /metrics, of letters, digits and ._~- between single slashes, at which the exporter has no other endpoint", f.telemetryPath)}
	}
	switch command {
	case checkCommand.FullCommand():
		return check(ctx, f, stdout)
	case sessionsCommand.FullCommand():
		return sessions(ctx, f, stdout)
	case serveCommand.FullCommand():
		return serve(ctx, f, stderr)
	default:
		return fmt.Errorf("unknown command %q", command)
	}
}

// invalid words what is wrong with a configuration file.
func invalid(err error) error {
	if _, ok := errors.AsType[pipeError](err); ok {
		return invalidError{err}
	}
	if errors.Is(err, os.ErrNotExist) {
		return invalidError{fmt.Errorf("%w\nName the configuration file with --config.file, or see the exporter at work with --demo", err)}
	}
	return invalidError{fmt.Errorf("the configuration is not valid:\n%w", err)}
}
