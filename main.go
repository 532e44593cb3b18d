// Command dcs_session_exporter exports the client sessions of Huawei Cloud DCS
// instances (managed Redis) as Prometheus metrics.
//
// Source files: main.go runs the command that commandline.go has parsed, with
// flagvalues.go. serve.go has the daemon's, with listen.go (listeners), connections.go
// and the descriptors files (how many clients may connect), daemon.go (the
// configuration in force) and reload.go. The other commands are in check.go,
// record.go, sessions.go and instances.go; the last two read through reading.go.
// demo.go has --demo.
//
// configfile.go reads the configuration. clients.go makes the clients of its
// projects, with keystates.go and oddities.go (what they report of keys and of the
// API's answers), and collectoroptions.go the options of the collector. logging.go,
// toolkitlog.go and secretwarnings.go have the log.
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
	"slices"
	"syscall"

	"dcs_session_exporter/internal/printable"
	"dcs_session_exporter/internal/web"

	"github.com/prometheus/common/version"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"
)

const name = "dcs_session_exporter"

func init() {
	version.Version = cmp.Or(version.Version, "unreleased") // releases are built with -ldflags
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		complain(os.Stderr, err)
		os.Exit(exitCode(err))
	}
}

// longestComplaint is the maximum length of a printed error, in bytes.
const longestComplaint = 64 << 10

// complain writes the error that ends the program. Write errors are ignored.
func complain(w io.Writer, err error) {
	out := newLines(w, nil, func() {})
	_, _ = fmt.Fprintf(out, "%s: %s\n", name, printable.Cut(printable.Lines(err.Error()), longestComplaint))
	out.close()
}

// invalidError is an error in the command line or the configuration file. It
// makes the program exit with 2 instead of 1.
type invalidError struct{ error }

// Unwrap returns the cause.
func (e invalidError) Unwrap() error { return e.error }

// exitCode returns the exit code for an error.
func exitCode(err error) int {
	if _, ok := errors.AsType[invalidError](err); ok {
		return 2
	}
	return 1
}

// flags are the parsed command line.
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
	instances      instancesFlags
	record         recordFlags
}

// run is the program: it parses the command line, runs the command, and returns
// when the command is done or ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var f flags
	var configSet, addressSet, sessionsSet, versionAsked, ended bool
	var usage bytes.Buffer // kingpin panics if it cannot write
	app := newApplication(&usage, func() { ended = true })
	app.ErrorWriter(stderr)
	app.Flag("version", "Show the version.").NoEnvar().BoolVar(&versionAsked)
	app.Flag("config.file", "Path of the configuration file.").Default("config.yml").IsSetByUser(&configSet).StringVar(&f.configFile)
	app.Flag("demo", "Run with the invented sessions of a small fleet. Needs neither an account nor a configuration file. Unless --web.listen-address is set, it listens on "+demoAddress+" and serves /sessions.").BoolVar(&f.demo)
	app.Flag("web.telemetry-path", "Path under which to serve the metrics.").Default("/metrics").StringVar(&f.telemetryPath)
	app.Flag("web.enable-sessions", "Serve the live table of sessions at /sessions. If the exporter does not listen on loopback only, this requires authentication in --web.config.file.").IsSetByUser(&sessionsSet).BoolVar(&f.enableSessions)
	f.web = kingpinflag.AddFlags(app, ":9947")
	app.GetFlag("web.listen-address").IsSetByUser(&addressSet)
	addChoice(app.Flag("log.level", "Log only messages with this severity or above: debug, info, warn, error.").Default("info"), &f.logLevel, "debug", "info", "warn", "error")
	addChoice(app.Flag("log.format", "Format of log messages: logfmt, json.").Default("logfmt"), &f.logFormat, "logfmt", "json")
	serveCommand := app.Command("serve", "Run the exporter.")
	if !slices.Contains(args, "--completion-bash") { // with a default, kingpin offers no commands
		serveCommand.Default()
	}
	checkCommand := app.Command("check", "Check the configuration file and print what it means. Sends nothing to the API unless --online is set.")
	f.check.add(checkCommand)
	sessionsCommand := app.Command("sessions", "Show the sessions on a node's last list.")
	f.sessions.add(sessionsCommand)
	instancesCommand := app.Command("instances", "Show the instances that are configured or discovered, with their nodes, and which of them the exporter reads.")
	f.instances.add(instancesCommand)
	recordCommand := app.Command("record", "Record what the API answers, with everything private replaced, to show it to others.")
	f.record.add(recordCommand)

	if err := checkEnvironment(app, args); err != nil {
		return invalidError{err}
	}
	command, err := app.Parse(args)
	switch {
	case ended:
		_, err := usage.WriteTo(stdout)
		return err
	case versionAsked:
		_, err := fmt.Fprintln(stdout, version.Print(name))
		return err
	case err != nil:
		return invalidError{hintAt(app, err)}
	case f.demo && configSet:
		return invalidError{errors.New("--demo and --config.file cannot be combined: the demo has its own configuration")}
	case !web.IsTelemetryPath(f.telemetryPath):
		return invalidError{fmt.Errorf("invalid --web.telemetry-path %q: use a path such as /metrics, with letters, digits and ._~- between single slashes, that is not another endpoint of the exporter", f.telemetryPath)}
	}
	if f.demo && !addressSet && !inEnvironment(app, "web.listen-address") && !*f.web.WebSystemdSocket {
		*f.web.WebListenAddresses = []string{demoAddress}
		f.enableSessions = f.enableSessions || (!sessionsSet && !inEnvironment(app, "web.enable-sessions"))
	}
	switch command {
	case checkCommand.FullCommand():
		return check(ctx, f, stdout)
	case instancesCommand.FullCommand():
		return instances(ctx, f, stdout)
	case sessionsCommand.FullCommand():
		return sessions(ctx, f, stdout)
	case recordCommand.FullCommand():
		return record(ctx, f, stdout)
	case serveCommand.FullCommand():
		return serve(ctx, f, stdout, stderr)
	default:
		return fmt.Errorf("unknown command %q", command)
	}
}

// invalid turns an error from loading the configuration into an invalidError.
func invalid(err error) error {
	if _, ok := errors.AsType[pipeError](err); ok {
		return invalidError{err}
	}
	if errors.Is(err, os.ErrNotExist) {
		return invalidError{fmt.Errorf("%w\nSet the path of the configuration file with --config.file, or try the exporter with --demo", err)}
	}
	return invalidError{fmt.Errorf("invalid configuration:\n%w", err)}
}
