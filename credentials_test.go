package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"

	"github.com/go-kit/log"
)

// fromFiles returns the configuration of a project whose key is in two files
// of a folder, "" for the default chain.
func fromFiles(endpoint, dir string) string {
	text := "projects:\n  - region: cn-north-4\n    project_id: p1\n    endpoint: '" + endpoint + "'\n    instances: [{id: i1, nodes: [node-i1]}]\n"
	if dir != "" {
		text += fmt.Sprintf("    credentials: {access_key_file: %s/ak, secret_key_file: %s/sk}\n", dir, dir)
	}
	return text + "scan: {min_interval: 1ms}\n"
}

const (
	up   = `dcs_node_up{instance_id="i1",node_id="node-i1"} 1`
	down = `dcs_node_up{instance_id="i1",node_id="node-i1"} 0`
)

// setKey replaces the file of a part of a key.
func setKey(t *testing.T, dir, name, value string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := errors.Join(os.WriteFile(path+".new", []byte(value+"\n"), 0o600), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
}

// TestKeyFileThatHangs replaces a key file of the running daemon with a pipe, on
// which opening blocks.
func TestKeyFileThatHangs(t *testing.T) {
	api := newNodeAPI()
	server := httptest.NewServer(api)
	defer server.Close()
	dir := t.TempDir()
	setKey(t, dir, "ak", "AK")
	setKey(t, dir, "sk", "SECRETSK")
	r := serveFile(t, fromFiles(server.URL, dir))
	r.wantLine(up)
	path := filepath.Join(dir, "sk")
	if err := errors.Join(syscall.Mkfifo(path+".new", 0o600), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r.wantLine(up)
	}
	if status, _ := r.request(http.MethodPost, "/-/reload"); status != http.StatusInternalServerError {
		t.Errorf("a reload with a pipe: status %d", status)
	}
	setKey(t, dir, "sk", "SECRETSK")
	r.wantLine(up)
}

// TestRotation rotates the key's files under the running daemon.
func TestRotation(t *testing.T) {
	api := newNodeAPI()
	server := httptest.NewServer(api)
	defer server.Close()
	dir := t.TempDir()
	setKey(t, dir, "ak", "AK")
	setKey(t, dir, "sk", "SECRETSK")
	r := serveFile(t, fromFiles(server.URL, dir))
	r.wantLine(up)

	// While the old key is valid, replacing one file after the other costs nothing.
	api.SetKey(emulator.Key{AccessKey: "A2", SecretKey: "SECRETS2", Projects: []string{"p1"}})
	setKey(t, dir, "sk", "SECRETS2")
	r.wantLine(up)
	r.wantLog(` region=cn-north-4 source="access key from `+dir+"/ak, secret key from "+dir+`/sk" msg="key not replaced: the current one stays in use" err="only a part of the key has changed, not the access key`, 1)
	setKey(t, dir, "ak", "A2")
	r.wantLine(up)
	r.wantLog(`msg="key in use"`, 1)
	api.RemoveKey("AK")
	r.wantLine(up)

	// Once it is refused, the new one is used at once.
	api.RemoveKey("A2")
	r.wantLine(down)
	r.wantLine(`dcs_node_error{instance_id="i1",node_id="node-i1",reason="auth"} 1`)
	r.wantLine(`dcs_project_up{project_id="p1",region="cn-north-4"} 0`)
	api.SetKey(emulator.Key{AccessKey: "A3", SecretKey: "SECRETS3", Projects: []string{"p1"}})
	setKey(t, dir, "ak", "A3")
	r.wantLine(down)
	setKey(t, dir, "sk", "SECRETS3")
	r.wantLine(up)
	r.wantLine(`dcs_project_up{project_id="p1",region="cn-north-4"} 1`)
	r.wantLog("SECRET", 0)
}

// wantLog checks how often the log has a text.
func (r *running) wantLog(text string, want int) {
	r.t.Helper()
	if got := strings.Count(r.log.String(), text); got != want {
		r.t.Errorf("%d times %s in\n%s\nwant %d", got, text, r.log.String(), want)
	}
}

// newNodeAPI returns an emulated API with one instance of one node.
func newNodeAPI() *emulator.Server {
	api := emulator.New(emulator.Options{})
	api.SetKey(emulator.Key{AccessKey: "AK", SecretKey: "SECRETSK", Projects: []string{"p1"}})
	api.Add(emulator.Instance{ID: "i1", ProjectID: "p1", Nodes: []emulator.Node{{ID: "node-i1", Role: "redis-server", Type: "master", Sessions: emulator.Static{{ID: "7", Flags: "N"}}}}})
	return api
}

// TestClockOff checks the messages when the machine's clock is wrong.
func TestClockOff(t *testing.T) {
	for off, says := range map[time.Duration]string{
		20 * time.Minute: "behind the server's: signatures are refused because of that: set the clock", -20 * time.Minute: "ahead of the server's: signatures are refused because of that: set the clock",
	} {
		api := emulator.New(emulator.Options{Now: func() time.Time { return time.Now().Add(off) }})
		api.SetKey(emulator.Key{AccessKey: "AK", SecretKey: "SECRETSK", Projects: []string{"p1"}})
		server := httptest.NewServer(api)
		defer server.Close()
		dir := t.TempDir()
		setKey(t, dir, "ak", "AK")
		setKey(t, dir, "sk", "SECRETSK")
		r := serveFile(t, fromFiles(server.URL, dir))
		for range 2 { // when it is refused, and while it is held
			r.wantLine(`dcs_node_error{instance_id="i1",node_id="node-i1",reason="auth"} 1`)
			lines := strings.Split(strings.TrimSpace(r.log.String()), "\n")
			if last := lines[len(lines)-1]; !strings.Contains(last, "this machine's clock is ") || !strings.Contains(last, "m") || !strings.Contains(last, says) {
				t.Errorf("got %s", last)
			}
		}
	}
}

// defaultChain sets the environment of the default chain, with the given home and
// a metadata service that hangs until the test ends. It returns a count of the
// requests to that service in progress.
func defaultChain(t *testing.T, home string) *atomic.Int64 {
	t.Helper()
	for _, name := range []string{
		"HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_IDP_ID", "HUAWEICLOUD_SDK_ID_TOKEN_FILE", "HUAWEICLOUD_SDK_CREDENTIALS_FILE",
		"CLOUD_SDK_AK", "CLOUD_SDK_SK", "HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN", "HC_CONTAINER_CREDENTIALS_FULL_URI", "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", home)
	var asking atomic.Int64
	ended := make(chan struct{})
	before := http.DefaultTransport
	http.DefaultTransport = roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host != "169.254.169.254" {
			return before.RoundTrip(r)
		}
		asking.Add(1)
		defer asking.Add(-1)
		select {
		case <-r.Context().Done():
			return nil, r.Context().Err()
		case <-ended:
			return nil, errors.New("ended")
		}
	})
	t.Cleanup(func() {
		close(ended)
		for asking.Load() > 0 {
			time.Sleep(time.Millisecond)
		}
		http.DefaultTransport = before
	})
	return &asking
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestHangingMetadata checks that the daemon starts, and scrapes end on time,
// while the metadata service hangs.
func TestHangingMetadata(t *testing.T) {
	server := httptest.NewServer(newNodeAPI())
	defer server.Close()
	asking := defaultChain(t, t.TempDir())
	r := serveFile(t, fromFiles(server.URL, "")+"scrape_timeout: 1s\n")
	if status, _ := r.request(http.MethodGet, "/-/ready"); status != http.StatusOK {
		t.Errorf("ready: %d", status)
	}
	r.wantLine(`dcs_node_error{instance_id="i1",node_id="node-i1",reason="timeout"} 1`)
	if asking.Load() == 0 {
		t.Error("the scrape has waited for the metadata service")
	}
	r.wantLog(`msg="cannot read node" instance_id=i1 node_id=node-i1 reason=timeout err="get credentials: agency of the machine (metadata service at 169.254.169.254): no response before the deadline`, 1)
}

// TestNoHome checks that the daemon needs no home directory, and lists the key
// sources.
func TestNoHome(t *testing.T) {
	server := httptest.NewServer(newNodeAPI())
	defer server.Close()
	for _, home := range []string{"", "/nonexistent", unwritable(t)} {
		t.Run(home, func(t *testing.T) {
			defaultChain(t, home)
			t.Setenv("HUAWEICLOUD_SDK_AK", "AK")
			t.Setenv("HUAWEICLOUD_SDK_SK", "SECRETSK")
			r := serveFile(t, fromFiles(server.URL, ""))
			r.wantLine(up)
			r.wantLog(` region=cn-north-4 source="environment (HUAWEICLOUD_SDK_AK and _SK, or _IDP_ID and _ID_TOKEN_FILE)" msg="key in use"`, 1)
		})
	}
}

func unwritable(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "home")
	if err := os.Mkdir(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestKeyEvent checks the log lines for a temporary key that cannot be renewed,
// before and after it expires.
func TestKeyEvent(t *testing.T) {
	var b bytes.Buffer
	logger := log.NewLogfmtLogger(&b)
	failed := &dcsapi.Error{Op: "get credentials", Message: "agency: no answer in time"}
	soon, past := time.Now().Add(time.Hour), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	logKey(logger, dcsapi.KeyEvent{Origin: "agency", Ends: soon})
	logKey(logger, dcsapi.KeyEvent{Origin: "agency", Ends: soon, Err: failed})
	logKey(logger, dcsapi.KeyEvent{Origin: "agency", Ends: past, Err: failed})
	want := `level=info source=agency ends=` + soon.UTC().Format(time.RFC3339) + ` msg="key in use"
level=warn source=agency ends=` + soon.UTC().Format(time.RFC3339) + ` msg="key not replaced: the current one stays in use" err="get credentials: agency: no answer in time"
level=warn source=agency ends=2026-01-02T03:04:05Z msg="key not replaced, and the last one has expired" err="get credentials: agency: no answer in time"
`
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
