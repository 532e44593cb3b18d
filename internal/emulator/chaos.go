package emulator

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
)

// Attack is a named way in which the API attacks its clients.
type Attack struct {
	Name string
	Help string // what the API does, without a full stop

	operations []string // operations that are attacked, nil for all
	project    bool     // attacks the whole project, not just one instance
	share      float64  // fraction of requests attacked, chosen by the seed; 0 for all
	quirks     []string // quirks of the instance's lists, see SetQuirk

	// Without quirks, exactly one of these is set.
	instead func(x exchange)           // replaces all further handling
	change  func(x exchange, a answer) // modifies and sends the real answer
}

// Attacks returns all attacks.
func Attacks() []Attack {
	return slices.Concat(refusals(), pageAttacks, listAttacks, wireAttacks, echoAttacks)
}

// exchange is a request under attack.
type exchange struct {
	s   *Server
	w   http.ResponseWriter
	r   *http.Request
	id  string
	rng *rand.Rand // for this request, from the seed

	Request
}

// chaos is the state of the current attacks. The zero value has none.
type chaos struct {
	attacks    []Attack
	seed, seen uint64 // requests that could have been attacked
	target     Instance
	quirked    *Options // options of the target's lists, nil for the server's
}

// SetChaos starts the named attacks and ends the previous ones. Without names it
// only ends them. An attack is on one instance, or on its project if its Help
// says so. The seed determines which requests are attacked, and how.
func (s *Server) SetChaos(seed uint64, instanceID string, names ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := chaos{seed: seed}
	if k := s.index(instanceID); k >= 0 {
		next.target = s.instances[k].Instance
	} else if len(names) > 0 {
		return fmt.Errorf("chaos: no instance %s", instanceID)
	}
	all := Attacks()
	for _, name := range names {
		k := slices.IndexFunc(all, func(a Attack) bool { return a.Name == name })
		if k < 0 {
			return fmt.Errorf("unknown attack %q: use one of %s", name, attackNames(all))
		}
		next.attacks = append(next.attacks, all[k])
		for _, quirk := range all[k].quirks {
			if next.quirked == nil {
				o := s.o
				next.quirked = &o
			}
			if err := next.quirked.SetQuirk(quirk); err != nil {
				return err
			}
		}
	}
	s.chaos = next
	return nil
}

func attackNames(attacks []Attack) string {
	var names []string
	for _, a := range attacks {
		names = append(names, a.Name)
	}
	return strings.Join(names, ", ")
}

// listOptions returns the options for an instance's lists. s.mu must be held.
func (s *Server) listOptions(instanceID string) Options {
	if s.chaos.quirked != nil && strings.EqualFold(instanceID, s.chaos.target.ID) {
		return *s.chaos.quirked
	}
	return s.o
}

// attack returns the first attack that hits a request, with its random numbers.
// It returns nil if there is none.
func (s *Server) attack(r Request) (*Attack, *rand.Rand) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.chaos
	if len(c.attacks) == 0 || r.ProjectID != c.target.ProjectID {
		return nil, nil
	}
	c.seen++
	rng := rand.New(rand.NewPCG(c.seed, c.seen))
	for i := range c.attacks {
		a := &c.attacks[i]
		if a.hits(r, c.target.ID) && (a.share == 0 || rng.Float64() < a.share) {
			return a, rng
		}
	}
	return nil, nil
}

// hits reports whether an attack applies to a request of the target's project.
func (a *Attack) hits(r Request, target string) bool {
	return len(a.quirks) == 0 && r.Operation != "" &&
		(a.project || strings.EqualFold(r.InstanceID, target)) &&
		(a.operations == nil || slices.Contains(a.operations, r.Operation))
}

// noted records the status of the answer, 0 for none.
func (x exchange) noted(status int) {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.Unauthorized = status == http.StatusUnauthorized
	x.s.record(x.Request, status, 0)
}

// begin sends the status line and headers of an answer.
func (x exchange) begin(status int, header ...string) {
	x.noted(status)
	h := x.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Request-Id", x.id)
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	x.w.WriteHeader(status)
	x.flush()
}

// flush sends what has been written so far.
func (x exchange) flush() { _ = http.NewResponseController(x.w).Flush() }

// wait waits until the client disconnects or the server closes, and aborts the
// connection.
func (x exchange) wait() {
	select {
	case <-x.r.Context().Done():
	case <-x.s.ended:
	}
	panic(http.ErrAbortHandler)
}

// reply records an answer and sends it.
func (x exchange) reply(a answer) {
	x.noted(a.status)
	a.send(x.w, x.r, x.id)
}
