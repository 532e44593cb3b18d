// Package attack holds the exporter against hostile servers and clients: each
// attack runs the exporter as a process of its own against an emulated API that
// plays the server's part, and checks what must hold whatever happens.
package attack

import (
	"slices"
	"time"
)

// Attack is one attack, and what is to be seen meanwhile.
type Attack struct {
	Name     string
	Expected string // in words; what holds for all attacks is left out
	Gate     bool   // it is in the selection that runs on each gate

	chaos    []string      // what the API does, see emulator.Attacks
	late     bool          // it begins while scrapes are under way
	project  bool          // it is on the whole project, not on one instance
	newKey   bool          // it heals when the key is changed
	absent   bool          // the target may be missing
	reasons  []string      // with which nodes of the target may fail; nil: they are read
	nodes    int           // of the target; default 3
	discover bool          // instances are discovered, not configured
	settings string        // of the configuration, YAML
	scrape   time.Duration // how long a scrape may take; default 3s
	pause    time.Duration // between rounds of scrapes
	limit    string        // of the shell, for the exporter: "ulimit -n 64"
	args     []string      // of the exporter

	// clients plays the clients' part, beside scrapes.
	clients func(*lab)
	// instead does everything: no exporter is started and nothing else checked
	// but memory, secrets and the log.
	instead func(*lab)
}

// All returns all attacks.
func All() []Attack {
	return slices.Concat(refusals(), answers(), clients(), starts())
}

// Selection returns the attacks that run on each gate.
func Selection() []Attack {
	return slices.DeleteFunc(All(), func(a Attack) bool { return !a.Gate })
}

// The bounds that hold for all attacks.
const (
	mostMemory      = 256 << 20 // VmHWM, in bytes
	mostRefusals    = 5         // of a key
	mostLine        = 8 << 10   // bytes of a line of the log
	mostHealing     = 40 * time.Second
	rounds          = 3                // of scrapes under attack
	scanInterval    = 10 * time.Second // scan.min_interval
	pace            = 20               // requests a second and project: the default of requests_per_second
	partOfKey       = 8                // characters that must not be seen
	partOfSignature = 16               // likewise; these are hexadecimal, and so shorter parts occur by chance
)

// Bounds says in words what holds for all attacks.
const Bounds = "The process lives and ends with exit code 0 at SIGTERM; each scrape is answered with 200 in its time; the instance of another project is read in each " +
	"scrape, and so is the target's neighbour in its own project if the attack is on one instance; memory (VmHWM) stays below 256 MiB; a project gets at most 20 requests a " +
	"second, a node one scan in min_interval (10 seconds here), a path that the API does not have none; a key is refused five times at most; neither the log nor the metrics have a part of " +
	"8 characters of a key or token, or of 16 of a signature; no line of the log is over 8 KiB or has control characters; all instances are read again within 40 seconds of the attack's end."
