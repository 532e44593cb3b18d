package main

import (
	"sync"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// maxOddities is how many oddities per project are remembered.
const maxOddities = 200

// oddities logs undocumented forms in the API's answers to a project, each text
// once. It is safe for concurrent use.
type oddities struct {
	logger log.Logger

	mu    sync.Mutex
	known map[string]bool
}

// observe logs an oddity unless it was logged before.
func (o *oddities) observe(operation, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known[text] {
		return
	}
	if o.known == nil || len(o.known) == maxOddities {
		o.known = make(map[string]bool) // logging some again is better than missing one
	}
	o.known[text] = true
	level.Warn(o.logger).Log("msg", "part of the API's answer is not as documented and was ignored", "operation", operation, "oddity", text)
}
