package main

import (
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/web"
)

// keysOf returns a function that returns where the keys of a configuration's
// projects come from, and how long they are good. connect must have returned.
func (c *clients) keysOf(cfg *config.Config) func() []web.KeyState {
	open := c.open
	return func() []web.KeyState {
		states := make([]web.KeyState, len(cfg.Projects))
		for i, p := range cfg.Projects {
			last, _ := c.keys.Load(p.Connection)
			event, _ := last.(dcsapi.KeyEvent) // the zero value before the first event
			states[i] = web.KeyState{Origin: open[p.Connection].KeyOrigin(), Ends: event.Ends}
			if event.Err != nil {
				states[i].Problem = event.Err.Error()
			}
		}
		return states
	}
}
