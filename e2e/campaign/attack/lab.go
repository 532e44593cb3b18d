package attack

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"
)

// The instances: the target and its neighbour share a project, the bystander
// has one of its own, with another key.
const (
	target    = "a0000000-0000-4000-8000-000000000001"
	neighbour = "c0000000-0000-4000-8000-000000000002"
	bystander = "b0000000-0000-4000-8000-000000000003"

	attackedProject = "0a000000000000000000000000000001"
	otherProject    = "0b000000000000000000000000000002"
)

// lab is what one attack runs in.
type lab struct {
	ctx      context.Context
	binary   string // the exporter
	dir      string
	config   string // path of the configuration
	attack   Attack
	seed     uint64
	api      *emulator.Server
	url      string // of the API
	exporter *harness.Process
	began    time.Time

	key, next, other emulator.Key

	mu         sync.Mutex
	wrong      []string // what should not be
	texts      [][]byte // what the exporter has answered or printed
	notes      []string // what was seen
	signatures []string // of the requests
}

// wrongf notes what should not be.
func (l *lab) wrongf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.wrong) < 20 {
		l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
	}
}

// notef notes what was seen.
func (l *lab) notef(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notes = append(l.notes, fmt.Sprintf(format, args...))
}

// heard keeps a text that must not have secrets.
func (l *lab) heard(text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.texts = append(l.texts, text)
}

// keyOf makes a key with a token; the seed decides it.
func keyOf(rng *rand.Rand, project string) emulator.Key {
	text := func(n int) string {
		const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
		b := make([]byte, n)
		for i := range b {
			b[i] = letters[rng.IntN(len(letters))]
		}
		return string(b)
	}
	return emulator.Key{AccessKey: text(20), SecretKey: text(40), SecurityToken: text(400), Projects: []string{project}}
}

// instance makes an instance; its nodes have so many sessions each.
func instance(id, project, name string, nodes, sessions int) emulator.Instance {
	i := emulator.Instance{ID: id, ProjectID: project, Name: name, EngineVersion: "6.0", SpecCode: "redis.cluster.xu1.large.r2.24"}
	for n := range nodes {
		var list emulator.Static
		for s := range sessions {
			addr := fmt.Sprintf("10.%d.%d.%d:%d", n%200, s%7, s%250, 1024+s)
			list = append(list, emulator.Session{
				ID: fmt.Sprint(1 + s), Addr: addr, Peer: addr, Cmd: "get", Flags: "N", DB: "0", Events: "r", Network: "vpc", User: fmt.Sprint("user-", s%11), Multi: -1,
				Age: int64(s), Idle: int64(s % 600),
			})
		}
		i.Nodes = append(i.Nodes, emulator.Node{
			ID: fmt.Sprintf("%s-%04d", id[:8], n), Name: fmt.Sprint(name, "-", n), Role: "redis-server", Type: "master", IP: fmt.Sprintf("192.168.1.%d", n+1), Sessions: list,
		})
	}
	return i
}

// open sets the API and the configuration up; close must be called.
func (l *lab) open() (err error) {
	rng := rand.New(rand.NewPCG(l.seed, 0))
	l.key, l.next, l.other = keyOf(rng, attackedProject), keyOf(rng, attackedProject), keyOf(rng, otherProject)
	l.api = emulator.New(emulator.Options{})
	l.api.SetKey(l.key)
	l.api.SetKey(l.other)
	nodes, sessions := 3, 1500
	if l.attack.nodes > 0 {
		nodes, sessions = l.attack.nodes, 1100
	}
	l.api.Add(instance(target, attackedProject, "target", nodes, sessions), instance(neighbour, attackedProject, "neighbour", 1, 50), instance(bystander, otherProject, "bystander", 2, 50))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
		l.mu.Lock()
		l.signatures = append(l.signatures, signature)
		l.mu.Unlock()
		l.api.ServeHTTP(w, r)
	}))
	l.url = server.URL
	context.AfterFunc(l.ctx, func() {
		l.api.Close()
		server.CloseClientConnections()
		server.Close()
	})
	if l.dir, err = os.MkdirTemp("", "dcs_campaign"); err != nil {
		return err
	}
	l.config = filepath.Join(l.dir, "config.yml")
	instances := "instances: [{id: " + target + "}, {id: " + neighbour + "}]"
	if l.attack.discover {
		instances = "discover: {}"
	}
	text := l.project(attackedProject, "attacked", instances) + l.project(otherProject, "other", "instances: [{id: "+bystander+"}]") + "scan: {min_interval: 10s}\n" + l.attack.settings
	return errors.Join(l.writeKey("attacked", l.key), l.writeKey("other", l.other), os.WriteFile(l.config, []byte("projects:\n"+text), 0o600))
}

// project is the configuration of a project, whose key stands in files.
func (l *lab) project(id, files, instances string) string {
	rate := ""
	if l.attack.nodes > 20 {
		rate = "\n    requests_per_second: 200" // else so many nodes are read in turn
	}
	return fmt.Sprintf(`  - region: cn-north-4
    project_id: %s
    endpoint: %s
    iam_endpoint: %s
    credentials: {access_key_file: %s.access, secret_key_file: %s.secret, security_token_file: %s.token}
    %s%s
`, id, l.url, l.url, files, files, files, instances, rate)
}

// writeKey writes the files of a key.
func (l *lab) writeKey(files string, k emulator.Key) error {
	var failed error
	for end, text := range map[string]string{"access": k.AccessKey, "secret": k.SecretKey, "token": k.SecurityToken} {
		failed = errors.Join(failed, os.WriteFile(filepath.Join(l.dir, files+"."+end), []byte(text), 0o600))
	}
	return failed
}

// begin lets the API attack.
func (l *lab) begin() error { return l.api.SetChaos(l.seed, target, l.attack.chaos...) }

// start starts an exporter.
func (l *lab) start() (*harness.Process, error) {
	args := append([]string{"--config.file=" + l.config, "--web.listen-address=127.0.0.1:0", "--web.enable-sessions"}, l.attack.args...)
	if l.attack.limit == "" {
		return harness.Launch(harness.Listening, l.binary, args...)
	}
	return harness.Launch(harness.Listening, "/bin/sh", append([]string{"-c", l.attack.limit + ` && exec "$0" "$@"`, l.binary}, args...)...)
}
