package main

import (
	"sync"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/exposition"
	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/web"

	"github.com/go-kit/log"
)

// daemon holds the current configuration and everything that depends on it, and
// replaces it on a reload.
type daemon struct {
	load   func() (*config.Config, error)
	logger log.Logger
	own    *exposition.SelfMetrics

	reloads sync.Mutex // one at a time
	clients clients

	mu      sync.Mutex
	current *inForce // nil before the first load
}

// inForce is a configuration that requests use.
type inForce struct {
	web.Settings
	requests sync.WaitGroup
	before   *inForce      // the previous one, nil for none
	retired  chan struct{} // closed when no longer needed
}

// retire waits until no request uses f or an earlier configuration, which may
// share resources with it, and then ends everything that next has not taken
// over.
func (f *inForce) retire(next *collector.Collector) {
	if f.before != nil {
		<-f.before.retired
		f.before = nil
	}
	f.requests.Wait()
	f.Collector.CloseExcept(next)
	close(f.retired)
}

// settings returns the current settings, and a function to call when the caller
// no longer needs them.
func (d *daemon) settings() (web.Settings, func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.current.requests.Add(1)
	return d.current.Settings, d.current.requests.Done
}

// close stops all background work.
func (d *daemon) close() {
	d.reloads.Lock()
	defer d.reloads.Unlock()
	d.current.Collector.Close()
	d.clients.close()
}
