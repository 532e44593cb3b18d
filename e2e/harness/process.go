package harness

import (
	"bytes"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	startTimeout = 30 * time.Second // for a program to listen
	stopTimeout  = 20 * time.Second // for a program to end after SIGTERM
)

// Listening matches what the exporter, Prometheus and Alertmanager log once
// they listen; the group is the address.
var Listening = regexp.MustCompile(`msg="Listening on".* address=(\S+)`)

// Process is a running program. When the test ends it is stopped, and its log
// is shown if the test has failed.
type Process struct {
	Name    string
	Address string // host:port that it listens on, if ready has a group for it

	command *exec.Cmd
	log     *log
	ended   chan struct{} // closed when the program has ended
	err     error         // how it has ended
}

// Binary returns the path of a program that the tests need: the one that
// .ci/tools has installed, else the one in PATH. If there is none the test
// ends.
func Binary(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(root, ".cache", "bin", name)
	if _, err := exec.LookPath(path); err == nil {
		return path
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("these tests need %s: .ci/run installs it", name)
	}
	return path
}

// FreePort returns a TCP port on which nothing listens on 127.0.0.1, for
// programs that cannot choose one themselves. It returns another one each time, and
// none of those that the system gives to connections, from 32768 on: one of them
// could be in use again before the program listens.
func FreePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20_000 + int(ports.Add(1)%12_000)
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // it does not block
		if err == nil {
			_ = listener.Close()
			return port
		}
	}
	t.Fatal("a hundred ports in a row are in use")
	return 0
}

// ports counts the ports that were tried, from a random one on in each process.
var ports atomic.Uint32

func init() { ports.Store(rand.Uint32N(12_000)) }

// Start starts a program and returns when a line of its log matches ready. Give
// it port 0 to listen on: Process.Address tells which it was.
func Start(t *testing.T, ready *regexp.Regexp, path string, args ...string) *Process {
	t.Helper()
	p, err := Launch(ready, path, args...)
	if p != nil {
		t.Cleanup(func() {
			p.Stop(t)
			if t.Failed() {
				t.Logf("the log of %s:\n%s", p.Name, p.Log())
			}
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Stop sends SIGTERM, and checks that the program ends with exit code 0. One
// that has ended already is left alone.
func (p *Process) Stop(t *testing.T) {
	t.Helper()
	if err := p.End(); err != nil {
		t.Error(err)
	}
}

// Kill ends the program without warning.
func (p *Process) Kill(t *testing.T) {
	t.Helper()
	if err := p.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	p.command = nil
}

// Log returns what the program has written so far, both to stdout and stderr.
func (p *Process) Log() string { return p.log.String() }

// Run runs a program to its end, and returns what it has written and its exit
// code. stdin may be empty.
func Run(t *testing.T, stdin []byte, path string, args ...string) (output string, code int) {
	t.Helper()
	command := exec.CommandContext(t.Context(), path, args...)
	command.Stdin = bytes.NewReader(stdin)
	out, err := command.CombinedOutput()
	if err != nil && command.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), command.ProcessState.ExitCode()
}

// log keeps what a program writes, and looks for the line that says that it is
// ready.
type log struct {
	ready   *regexp.Regexp
	found   chan string // gets what the first group of ready matches, once
	stalled sync.Mutex  // held while nothing is read

	mu   sync.Mutex
	text bytes.Buffer
	seen int // the length of the lines that were looked at
	done bool
}

// Write implements io.Writer.
func (l *log) Write(b []byte) (int, error) {
	l.stalled.Lock()
	l.stalled.Unlock() //nolint:staticcheck // it only waits
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(b)
	for !l.done {
		line, _, whole := bytes.Cut(l.text.Bytes()[l.seen:], []byte("\n"))
		if !whole {
			break
		}
		l.seen += len(line) + 1
		if m := l.ready.FindSubmatch(line); m != nil {
			l.done = true
			l.found <- string(append(m, nil)[1])
		}
	}
	return len(b), nil
}

// String returns what was written.
func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Write writes a file into a folder, and returns its path.
func Write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
