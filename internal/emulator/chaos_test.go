package emulator_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"
)

// serveUnderAttack serves a fleet with a list of 1,500 sessions, and starts
// attacks on it.
func serveUnderAttack(t *testing.T, seed uint64, names ...string) (*emulator.Server, string) {
	t.Helper()
	api, base := serve(t, emulator.Options{}, fleet(1500))
	scan(t, base, scanBody)
	if err := api.SetChaos(seed, "instance-1", names...); err != nil {
		t.Fatal(err)
	}
	api.ResetRequests()
	return api, base
}

// seen describes an answer: its status, errors, length and list.
func seen(r reply, err error) string {
	if err != nil {
		kind := "broken"
		for _, part := range []string{"deadline exceeded", "chunk", "unexpected EOF", "gzip", "reset", "header", "EOF"} {
			if strings.Contains(err.Error(), part) {
				kind = part
				break
			}
		}
		return fmt.Sprint(r.status, " ", kind)
	}
	return fmt.Sprintf("%d %d of %d", r.status, len(r.Clients), r.Count)
}

// TestAttacks checks what each attack does to the second page of a list.
func TestAttacks(t *testing.T) { // not beside other tests, which have less patience
	const plain = "200 500 of 1500"
	want := map[string]string{
		"gzip-bomb": "200 0 of 0", "huge-names": plain, "huge-fields": plain, "huge-name": plain, "many-keys": plain,
		"many-users": "200 1000 of 1000000", "oversized-pages": "200 20000 of 1000000", "future": plain, "past-and-future": plain, "escapes": plain,
		"endless": "200 1000 of 2000000000", "repeated-pages": "200 1000 of 1500", "count-high": "200 500 of 999999", "count-zero": "200 500 of 0", "count-negative": "200 500 of -5",
		"hang-later-pages": "0 deadline exceeded", "flap-nodes": plain, "flap-instances": plain, "no-nodes": plain,
		"drip": "200 deadline exceeded", "hang": "0 deadline exceeded", "hang-half": "0 deadline exceeded", "reset": "0 reset", "redirect": "404 0 of 0",
		"garbage": "200 0 of 0", "deep-json": "200 0 of 0", "header-flood": "0 header", "endless-hints": "0 deadline exceeded",
		"echo-headers": "400 0 of 0", "echo-json": "502 0 of 0", "echo-html": "502 0 of 0", "echo-values": plain,
	}
	for _, status := range []int{401, 403, 407, 429} {
		for body, what := range map[string]string{"length": "unexpected EOF", "chunk": "chunk", "gzip": "gzip", "hang": "deadline exceeded"} {
			want[fmt.Sprintf("refuse-%d-%s", status, body)] = fmt.Sprint(status, " ", what)
		}
		want[fmt.Sprintf("refuse-%d-large", status)] = fmt.Sprint(status, " 0 of 0")
	}
	for _, a := range emulator.Attacks() {
		t.Run(a.Name, func(t *testing.T) {
			t.Parallel()
			api, base := serveUnderAttack(t, 1, a.Name)
			patience, requests := 20*time.Second, 1
			if strings.Contains(want[a.Name], "deadline") {
				patience = 500 * time.Millisecond
			}
			if a.Name == "redirect" {
				requests = 2 // this client follows
			}
			r, err := askWithin(t, patience, base, http.MethodGet, clientsPath, "", "node_id=node-1", "offset=1000", "limit=1000")
			if got := seen(r, err); got != want[a.Name] {
				t.Errorf("got %q (%v), want %q", got, err, want[a.Name])
			}
			if got := len(api.Requests()); got != requests {
				t.Errorf("%d requests were noted, want %d", got, requests)
			}
			if err := api.SetChaos(0, ""); err != nil {
				t.Fatal(err)
			}
			r, err = askWithin(t, 20*time.Second, base, http.MethodGet, clientsPath, "", "node_id=node-1", "offset=1000", "limit=1000")
			if got := seen(r, err); got != plain {
				t.Errorf("when the attack has ended: got %q (%v), want %q", got, err, plain)
			}
		})
	}
}

// TestChaosBySeed checks that the seed determines which requests are attacked, and
// how.
func TestChaosBySeed(t *testing.T) {
	run := func(seed uint64) string {
		_, base := serveUnderAttack(t, seed, "echo-json")
		var b strings.Builder
		for range 20 {
			r, err := ask(t, base, http.MethodGet, clientsPath, "", "node_id=node-1")
			fmt.Fprintln(&b, seen(r, err))
		}
		return b.String()
	}
	first := run(7)
	if again := run(7); again != first {
		t.Errorf("the same seed attacks otherwise:\n%s\n%s", first, again)
	}
	if run(8) == first {
		t.Error("another seed attacks the same")
	}
	if hits := 20 - strings.Count(first, "200 "); hits < 4 || hits > 16 {
		t.Errorf("%d of 20 requests were attacked, want about half", hits)
	}
}

// TestChaosFlaps checks that lists of nodes and instances leave out elements, but
// none permanently.
func TestChaosFlaps(t *testing.T) {
	for attack, path := range map[string]string{"flap-nodes": "/instances/instance-1/logical-nodes", "flap-instances": "/instances"} {
		_, base := serveUnderAttack(t, 1, attack)
		lengths := make(map[bool]int)
		for range 20 {
			r, err := ask(t, base, http.MethodGet, path, "")
			if err != nil {
				t.Fatal(err)
			}
			lengths[strings.Contains(r.body, `"name":"`)]++
		}
		if lengths[true] == 0 || lengths[false] == 0 {
			t.Errorf("%s: the element is there %d times, and missing %d times", attack, lengths[true], lengths[false])
		}
	}
}

// TestChaosSparesOthers checks that an attack on an instance does not affect
// others.
func TestChaosSparesOthers(t *testing.T) {
	api, base := serveUnderAttack(t, 1, "garbage", "endless", "count-zero")
	other := fleet(5)
	other.ID, other.Nodes[0].ID = "instance-2", "node-2"
	api.Add(other)
	if _, err := ask(t, base, http.MethodPost, "/instances/instance-2/clients", `{"node_id":"node-2","clean_cache":true}`); err != nil {
		t.Fatal(err)
	}
	r, err := ask(t, base, http.MethodGet, "/instances/instance-2/clients", "", "node_id=node-2")
	if got := seen(r, err); got != "200 5 of 5" {
		t.Errorf("got %q", got)
	}
}

func TestChaosFuture(t *testing.T) {
	_, base := serveUnderAttack(t, 1, "future")
	taken, err := time.Parse(time.RFC3339, list(t, base).Time)
	if ahead := time.Until(taken).Hours() / 24 / 365; err != nil || ahead < 9.9 || ahead > 10.1 {
		t.Errorf("%v years ahead, %v", ahead, err)
	}
}

func TestChaosRefuses(t *testing.T) {
	api := emulator.New(emulator.Options{})
	api.Add(fleet(1))
	for name, want := range map[string]string{"drops": `unknown attack "drops": use one of refuse-401-length, `, "drip": "no instance gone"} {
		instance := "gone"
		if name == "drops" {
			instance = "instance-1"
		}
		if err := api.SetChaos(1, instance, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
