// Command dcs_emulator serves an emulated DCS API on loopback, for development,
// with the sessions of an invented fleet or of a real Redis, or with the answers
// of a recording.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/recording"
	"dcs_session_exporter/internal/replay"

	"github.com/alecthomas/kingpin/v2"
)

const name = "dcs_emulator"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// run is the program: it serves until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	ended := false
	app := kingpin.New(name, "Serves an emulated DCS API on loopback, and prints a matching configuration of the exporter.")
	app.UsageWriter(stdout).ErrorWriter(stderr).Terminate(func(int) { ended = true })
	address := app.Flag("listen-address", "Loopback address to listen on.").Default("127.0.0.1:9948").String()
	redis := app.Flag("redis.addr", "Serve the sessions of this Redis (host:port) instead of invented ones.").String()
	username := app.Flag("redis.username", "Redis user for reading CLIENT LIST. Default: the default user.").String()
	passwordFile := app.Flag("redis.password-file", "File with the Redis user's password.").String()
	scan := app.Flag("scan-duration", "Duration of a scan.").Default("200ms").Duration()
	seed := app.Flag("seed", "Seed for the invented sessions.").Default("1").Uint64()
	quirks := app.Flag("quirk", quirkHelp()).PlaceHolder("NAME[=VALUE]").Strings()
	chaos := app.Flag("chaos", chaosHelp()).PlaceHolder("NAME[,NAME...]").Strings()
	chaosSeed := app.Flag("chaos.seed", "Seed that determines which requests --chaos attacks, and how.").Default("1").Uint64()
	recorded := app.Flag("replay", "Serve a recording that dcs_session_exporter record has made. Cannot be combined with other flags but --listen-address.").PlaceHolder("FILE").String()
	_, err := app.Parse(args)
	switch {
	case ended:
		return nil
	case err != nil:
		return fmt.Errorf("%w (try --help)", err)
	case *recorded != "" && (*redis != "" || len(*quirks) > 0 || len(*chaos) > 0):
		return errors.New("--replay serves a recording as it is: it cannot be combined with --redis.addr, --quirk or --chaos")
	case *recorded != "":
		return serveRecording(ctx, *recorded, *address, stdout)
	}
	options := emulator.Options{ScanDuration: *scan}
	for _, text := range *quirks {
		if err := options.SetQuirk(text); err != nil {
			return fmt.Errorf("--quirk: %w", err)
		}
	}
	fleet := emulator.DemoFleet(*seed)
	if *redis != "" {
		source := emulator.Redis{Addr: *redis, Username: *username}
		if *passwordFile != "" {
			password, err := os.ReadFile(*passwordFile)
			if err != nil {
				return err
			}
			source.Password = strings.TrimRight(string(password), "\r\n")
		}
		fleet = []emulator.Instance{emulator.RedisInstance(source)}
	} else if *username != "" || *passwordFile != "" {
		return errors.New("--redis.username and --redis.password-file require --redis.addr")
	}
	api := emulator.New(options)
	api.SetKey(emulator.DemoKey())
	api.Add(fleet...)
	if len(*chaos) > 0 {
		if err := api.SetChaos(*chaosSeed, fleet[0].ID, strings.Split(strings.Join(*chaos, ","), ",")...); err != nil {
			return fmt.Errorf("--chaos: %w", err)
		}
	}
	return serve(ctx, service{api, api.Close, func(url string) string { return emulator.DemoConfig(url, fleet) }}, *address, stdout)
}

// serveRecording serves the recording in a file until ctx ends.
func serveRecording(ctx context.Context, path, address string, stdout io.Writer) error {
	r, err := recording.Load(path)
	if err != nil {
		return err
	}
	api, err := replay.New(r, time.Now)
	if err != nil {
		return err
	}
	return serve(ctx, service{api, func() {}, api.Config}, address, stdout)
}

// quirkHelp lists all quirks.
func quirkHelp() string {
	var b strings.Builder
	b.WriteString("Deviate from the vendor's documentation, to test programs that read the API. May be repeated. One of:\n\n")
	for _, q := range emulator.Quirks() {
		fmt.Fprintf(&b, "  - %s: %s.\n", q, q.Help)
	}
	return b.String()
}

// chaosHelp lists all attacks.
func chaosHelp() string {
	var b strings.Builder
	b.WriteString("Attack clients that read the first instance or its project, to test programs that read the API. May be repeated. Any of:\n\n")
	for _, a := range emulator.Attacks() {
		fmt.Fprintf(&b, "  - %s: %s.\n", a.Name, a.Help)
	}
	return b.String()
}

// listen listens on a loopback address. It refuses others, because the emulator's
// key is public.
func listen(ctx context.Context, address string) (net.Listener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	if !resolved.IP.IsLoopback() {
		return nil, fmt.Errorf("%s is not a loopback address: the emulator's key is public", address)
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", resolved.String())
}

// service is what is served: the API, a function that ends what it does in the
// background, and one that returns a configuration for it.
type service struct {
	http.Handler
	close  func()
	config func(baseURL string) string
}

// serve prints a configuration for the API and serves it until ctx ends. Then it
// waits up to five seconds for requests in progress.
func serve(ctx context.Context, api service, address string, stdout io.Writer) error {
	listener, err := listen(ctx, address)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "# The emulated DCS API listens on %s. The exporter's configuration for it:\n%s", listener.Addr(), api.config("http://"+listener.Addr().String()))
	server := &http.Server{Handler: api, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		api.close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close() // abort the remaining requests
		}
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return err
	}
	<-stopped
	return nil
}
