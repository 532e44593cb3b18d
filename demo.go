package main

import (
	"context"
	"net"
	"net/http"
	"time"

	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/emulator"
)

// startDemo serves an invented fleet on loopback. It returns a configuration
// that reads this fleet, and a function that stops the server.
func startDemo(ctx context.Context) (*config.Config, func(), error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	api := emulator.New(emulator.Options{ScanDuration: 50 * time.Millisecond})
	api.SetKey(emulator.DemoKey())
	fleet := emulator.DemoFleet(1)
	api.Add(fleet...)
	server := &http.Server{Handler: api, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // returns when server is closed
	cfg, err := config.Parse("demo", []byte(emulator.DemoConfig("http://"+listener.Addr().String(), fleet)), ".")
	if err != nil {
		_ = server.Close()
		return nil, nil, err
	}
	return cfg, func() { _ = server.Close() }, nil
}
