package attack

import (
	"slices"
	"strings"
	"time"

	"dcs_session_exporter/internal/emulator"
)

// refusals are the attacks by answers that refuse, with bodies that cannot be
// read.
func refusals() []Attack {
	var all []Attack
	for _, a := range emulator.Attacks() {
		status, found := strings.CutPrefix(a.Name, "refuse-")
		if !found {
			continue
		}
		attack := Attack{Name: a.Name, chaos: []string{a.Name}, project: true, newKey: true, reasons: []string{"auth"}, Expected: "auth; the status line counts"}
		switch status[:3] {
		case "403":
			attack.reasons, attack.Expected = []string{"auth", "forbidden"}, "auth or forbidden; the status line counts"
		case "407":
			attack.reasons, attack.Expected = []string{"auth", "network"}, "auth or network: the server is no proxy"
		case "429":
			attack.reasons, attack.Expected = []string{"throttled"}, "throttled; the project is held off"
		}
		attack.Gate = slices.Contains([]string{"refuse-401-large", "refuse-403-hang"}, a.Name)
		all = append(all, attack)
	}
	for _, body := range []string{"length", "hang"} {
		all = append(all, Attack{
			Name: "revoked-in-use-" + body, chaos: []string{"refuse-401-" + body}, late: true, project: true, newKey: true, reasons: []string{"auth", "timeout"}, nodes: 12,
			Gate: body == "length", Expected: "auth; the key is refused five times at most, though requests are in flight",
		})
	}
	return append(all, Attack{
		Name: "throttled-in-use", chaos: []string{"refuse-429-length"}, late: true, project: true, reasons: []string{"throttled", "timeout"}, Gate: true,
		Expected: "throttled, or timeout at half the rate; the project is held off, though requests are in flight",
	})
}

// answers are the other attacks by answers.
func answers() []Attack {
	read := func(name, expected string) Attack {
		return Attack{Name: name, chaos: []string{name}, Expected: expected}
	}
	fails := func(name string, reasons ...string) Attack {
		return Attack{Name: name, chaos: []string{name}, reasons: reasons, Expected: strings.Join(reasons, " or ")}
	}
	with := func(a Attack, change func(*Attack)) Attack {
		change(&a)
		return a
	}
	gate := func(a *Attack) { a.Gate = true }
	project := func(a *Attack) { a.project = true }
	many := func(a *Attack) { a.nodes, a.scrape = 12, 8*time.Second }
	flapping := func(a *Attack) { // lists are asked for in each round
		a.settings, a.late, a.pause = "discovery_interval: 1s\n", true, 1500*time.Millisecond
	}
	return []Attack{
		with(fails("gzip-bomb", "decode", "timeout"), gate),
		with(with(fails("gzip-bomb", "decode", "timeout"), many), func(a *Attack) { a.Name = "gzip-bombs-12-nodes" }),
		with(read("huge-names", "read"), many),
		with(read("huge-fields", "read"), many),
		with(read("huge-name", "read; the session is left out"), func(a *Attack) { a.scrape = 8 * time.Second }),
		with(read("many-keys", "read"), many),
		with(fails("many-users", "timeout", "inconsistent"), many),
		with(fails("oversized-pages", "inconsistent"), many),
		with(fails("future", "stale"), gate),
		with(fails("past-and-future", "stale"), func(a *Attack) { a.Expected = "read with the time of now, or stale" }),
		read("escapes", "read; control characters are escaped or replaced"),
		with(fails("endless", "inconsistent", "timeout"), func(a *Attack) { a.scrape = 8 * time.Second }),
		fails("repeated-pages", "inconsistent"),
		read("count-high", "read; dcs_sessions_reported shows the difference"),
		read("count-zero", "read; dcs_sessions_reported shows the difference"),
		read("count-negative", "read; dcs_sessions_reported shows the difference"),
		with(fails("hang-later-pages", "timeout"), gate),
		with(with(fails("hang-later-pages", "timeout"), many), func(a *Attack) { a.Name = "hang-later-pages-12-nodes" }),
		with(with(read("flap-nodes", "not read while it is not listed; what is known of it stays"), project), func(a *Attack) { a.nodes = 8; flapping(a) }),
		with(with(read("flap-instances", "not read while it is not listed; what is known of it stays"), project), func(a *Attack) { a.discover, a.absent = true, true; flapping(a) }),
		with(fails("no-nodes", "not_found"), project),
		with(fails("drip", "timeout", "network"), gate),
		fails("hang", "timeout"),
		with(fails("hang-half", "timeout"), project),
		with(fails("reset", "network", "timeout"), gate),
		with(fails("redirect", "other", "decode", "network"), project),
		fails("garbage", "decode", "other"),
		fails("deep-json", "decode"),
		fails("header-flood", "network", "other", "decode"),
		fails("endless-hints", "network", "timeout", "other"),
		with(fails("echo-headers", "other", "timeout", "server", "not_found"), project),
		with(with(fails("echo-json", "other", "timeout", "forbidden", "server"), project), gate),
		with(fails("echo-html", "other", "timeout", "server"), project),
		read("echo-values", "read; undated"),
		{
			Name: "all-at-once", chaos: []string{"drip", "reset", "echo-json"}, project: true, reasons: []string{"other", "timeout", "forbidden", "server", "network"},
			Expected: "drip, reset and echo-json together: any reason",
		},
	}
}

// clients are the attacks by those who ask the exporter.
func clients() []Attack {
	wide := "limits: {clients: 500}\n"
	return []Attack{
		{Name: "scrape-storm", Expected: "1,000 scrapes at once: each gets 200, or 503 with Retry-After", nodes: 60, settings: wide, clients: storm(1000)},
		{Name: "scrape-storm-small", Expected: "100 scrapes at once: each gets 200, or 503 with Retry-After", clients: storm(100), Gate: true},
		{Name: "unread-answers", Expected: "300 scrapes whose answers nobody reads: connections are given back", nodes: 60, settings: wide, clients: unread(300)},
		{Name: "idle-connections", Expected: "200 connections without a request, at 64 descriptors: scrapes are answered", limit: "ulimit -n 64", clients: idle(200)},
		{Name: "unread-log", late: true, Expected: "nobody reads stderr: scrapes and SIGTERM are answered", chaos: []string{"echo-json"}, args: []string{"--log.level=debug"}, project: true, reasons: []string{"other", "timeout", "forbidden", "server"}, clients: unreadLog},
		{Name: "reload-storm", Expected: "200 reloads, four at a time, beside scrapes: all loaded", clients: reloadStorm(200)},
		{Name: "reload-cross-origin", Expected: "POST /-/reload of another origin is refused by 403, a plain one answered", clients: crossOrigin, Gate: true},
		{Name: "tiny-timeouts", Expected: "20 scrapes with a timeout of 50 ms: nodes are scanned once, and read afterwards", clients: tinyTimeouts, Gate: true},
		{Name: "pipe-as-key-file", Expected: "the secret key's file is replaced by a pipe: the last key stays, a reload is answered in 10 s", clients: pipeAsKey},
	}
}

// starts are the attacks on the exporter's start.
func starts() []Attack {
	return []Attack{
		{Name: "restarts-refused", Expected: "six starts with a refused key: six refusals at most", chaos: []string{"refuse-401-length"}, instead: restartsRefused, Gate: true},
		{Name: "restarts", Expected: "six starts: a node is scanned once in min_interval", instead: restarts},
		{Name: "secret-as-file-name", Expected: "a secret pasted as secret_key_file is not repeated by serve, check and reload", instead: secretAsFile},
		{Name: "escapes-in-terminal", Expected: "check --online and sessions print no control characters", chaos: []string{"escapes"}, instead: terminal},
	}
}
