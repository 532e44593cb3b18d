package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	toolkit "github.com/prometheus/exporter-toolkit/web"
)

// drain is how long requests in progress may continue after the signal to stop.
const drain = 10 * time.Second

// bind opens the listeners that the command line asks for, so that an unusable
// address is reported before anything else happens. It returns nil if
// exporter-toolkit opens the listeners itself: for systemd and vsock.
func bind(ctx context.Context, flags *toolkit.FlagConfig) ([]net.Listener, error) {
	if *flags.WebSystemdSocket {
		return nil, nil
	}
	addresses := *flags.WebListenAddresses
	for _, address := range addresses {
		if _, port, err := net.SplitHostPort(address); address == "" || (err == nil && port == "") {
			return nil, fmt.Errorf("--web.listen-address %q has no port: use host:port, or :port for all addresses of this machine", address)
		}
	}
	if slices.ContainsFunc(addresses, func(a string) bool { return strings.HasPrefix(a, "vsock://") }) {
		return nil, nil
	}
	var listeners []net.Listener
	for _, address := range addresses {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err != nil {
			closeAll(listeners)
			return nil, listenError(address, err)
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

// closeAll closes listeners. Some may be closed already.
func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
}

// listenError says why the exporter cannot listen on an address, and what to do.
func listenError(address string, err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	why, advice := err.Error(), "set --web.listen-address to a host:port of this machine"
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		why = number.Error()
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		advice = "stop the process that listens there, or choose another port with --web.listen-address"
	case errors.Is(err, syscall.EACCES):
		advice = "choose port 1024 or higher with --web.listen-address, or allow the exporter to use this port"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		why, advice = "this machine does not have that address", "correct --web.listen-address"
	}
	return fmt.Errorf("cannot listen on %q: %s: %s", address, why, advice)
}

// listen serves until ctx ends, then waits for requests in progress. If
// listeners is empty, exporter-toolkit opens those that flags ask for.
func listen(ctx context.Context, listeners []net.Listener, server *http.Server, flags *toolkit.FlagConfig, logger log.Logger) error {
	drained := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		level.Info(logger).Log("msg", "shutting down: waiting for requests in progress", "within", drain)
		ctx, cancel := context.WithTimeout(context.Background(), drain)
		defer cancel()
		drained <- server.Shutdown(ctx)
	})
	slogger := newToolkitLogger(logger)
	server.ErrorLog = slog.NewLogLogger(slogger.Handler(), slog.LevelWarn)
	var err error
	if len(listeners) > 0 {
		err = toolkit.ServeMultiple(listeners, server, flags, slogger)
	} else {
		err = toolkit.ListenAndServe(server, flags, slogger)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "listen" {
		stop()
		return invalidError{listenError(strings.Join(*flags.WebListenAddresses, ", "), err)}
	}
	if !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("cannot serve: %w", err)
	}
	if err := <-drained; err != nil {
		_ = server.Close()
		level.Warn(logger).Log("msg", "requests in progress were aborted", "err", err)
	}
	level.Info(logger).Log("msg", "stopped")
	return nil
}
