package main

import (
	"sync"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/web"
)

// keyStates remembers the last change of each client's key. The zero value is
// ready to use. It is safe for concurrent use.
type keyStates struct {
	mu   sync.Mutex
	last map[string]dcsapi.KeyEvent // by config.Project.Connection
}

// note records a change.
func (k *keyStates) note(connection string, event dcsapi.KeyEvent) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.last == nil {
		k.last = make(map[string]dcsapi.KeyEvent)
	}
	k.last[connection] = event
}

// of returns the change that was last recorded, the zero value for none.
func (k *keyStates) of(connection string) dcsapi.KeyEvent {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.last[connection]
}

// keysOf returns a function that returns where the keys of a configuration's
// projects come from, and how long they are good. connect must have returned.
func (c *clients) keysOf(cfg *config.Config) func() []web.KeyState {
	open := c.open
	return func() []web.KeyState {
		states := make([]web.KeyState, len(cfg.Projects))
		for i, p := range cfg.Projects {
			event := c.keys.of(p.Connection)
			states[i] = web.KeyState{Origin: open[p.Connection].KeyOrigin(), Ends: event.Ends}
			if event.Err != nil {
				states[i].Problem = event.Err.Error()
			}
		}
		return states
	}
}
