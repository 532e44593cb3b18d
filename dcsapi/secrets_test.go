package dcsapi_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
)

const (
	leakAccess   = "HPUA7XK2QZM4W9TRB5LE"
	leakSecret   = "x8Tn2VqLr0ZpYb6Jd4Ws9KfHm3CgQa7EuXi1Ro5N"
	leakUser     = "proxyaccount7"
	leakPassword = "p/w+d@r4:T9&kq=Lm2"
)

// leakToken is as long as the security token of an agency.
var leakToken = func() string {
	var b []byte
	for i := range 900 {
		b = append(b, byte(i*i*7+i*13+i>>3))
	}
	return base64.StdEncoding.EncodeToString(b)
}()

// echo is a server that answers each connection's first request with what it
// was sent, or accepts a tunnel and does so then.
type echo struct {
	form, spelling, pad int

	mu   sync.Mutex
	seen []string // values of headers
}

// start returns its address.
func (e *echo) start(t testing.TB) string {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		wait.Wait()
	})
	wait.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wait.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
				e.answer(conn)
			})
		}
	})
	return listener.Addr().String()
}

func (e *echo) answer(conn net.Conn) {
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	sent := ""
	for _, name := range []string{"Authorization", "X-Security-Token", "Proxy-Authorization"} {
		for _, v := range r.Header[name] {
			sent += v + " "
			e.mu.Lock()
			e.seen = append(e.seen, v)
			e.mu.Unlock()
			if decoded, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(v, "Basic ")); err == nil && name == "Proxy-Authorization" {
				sent += string(decoded) + " "
			}
		}
	}
	spell := echoSpellings[e.spelling%len(echoSpellings)]
	answer := echoForms[e.form%len(echoForms)](strings.Repeat("y", e.pad) + spell(sent))
	_, _ = io.WriteString(conn, answer)
}

// secrets returns all that no error may have a part of.
func (e *echo) secrets() []string {
	user := url.UserPassword(leakUser, leakPassword)
	out := []string{
		leakAccess, leakSecret, leakToken, leakUser, leakPassword, leakUser + ":" + leakPassword, user.String(),
		base64.StdEncoding.EncodeToString([]byte(leakUser + ":" + leakPassword)),
		url.QueryEscape(leakToken), url.QueryEscape(leakPassword),
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, v := range e.seen {
		if _, signature, ok := strings.Cut(v, "Signature="); ok {
			out = append(out, signature)
		}
	}
	return out
}

// leaked returns a part of a secret that an error repeats, "" for none.
func leaked(err error, secrets []string) string {
	text := fmt.Sprintf("%v\n%+v\n%s", err, err, chain(err))
	for _, secret := range secrets {
		for i := range len(secret) - 7 {
			if part := secret[i : i+8]; strings.Contains(text, part) {
				return part
			}
		}
	}
	return ""
}

// chain returns the texts of all that an error wraps.
func chain(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error() + "\n"
	if e, ok := err.(*dcsapi.Error); ok { //nolint:errorlint // this link of the chain
		text += strings.Join([]string{e.Op, string(e.Reason), e.Code, e.Message, e.ExtMessage, e.RequestID}, "\n")
	}
	switch e := err.(type) { //nolint:errorlint // each link of the chain
	case interface{ Unwrap() error }:
		text += chain(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, wrapped := range e.Unwrap() {
			text += chain(wrapped)
		}
	}
	return text
}

// tryLeak has a server echo a client's secrets, and checks all errors that come
// of it.
func tryLeak(t testing.TB, form, spelling, pad int, way string) {
	e := &echo{form: form, spelling: spelling, pad: pad}
	at := e.start(t)
	o := dcsapi.Options{
		Region: "cn-north-4", Endpoint: "http://" + at, IAMEndpoint: "http://" + at, ProjectID: "project-1",
		Keys: staticKey(leakAccess, leakSecret, leakToken), RequestsPerSecond: 1000,
	}
	proxy := http.ProxyURL(&url.URL{Scheme: "http", Host: at, User: url.UserPassword(leakUser, leakPassword)})
	switch way {
	case "proxy":
		o.Endpoint, o.IAMEndpoint, o.Proxy = "http://dcs.example", "http://dcs.example", proxy
	case "tunnel":
		o.Endpoint, o.IAMEndpoint, o.Proxy = "https://dcs.example", "https://dcs.example", proxy
	case "IAM":
		o.ProjectID = ""
	}
	c := dcsapi.New(o)
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	node := "node-1"
	if form%4 == 0 { // the server has named the node like that
		node = leakToken[:60]
	}
	for try := range 2 { // the second one meets the hold-off, if there is one
		if try == 1 {
			ctx, cancel = context.WithTimeout(ctx, 200*time.Millisecond)
			defer cancel()
		}
		_, err := c.ListClients(ctx, dcsapi.ListClientsRequest{InstanceID: "instance-1", NodeID: node, NoRetry: true}, nil)
		if err == nil {
			continue
		}
		if part := leaked(err, e.secrets()); part != "" {
			t.Errorf("form %d, spelling %d, pad %d, %s: %q is repeated in\n%v", form, spelling, pad, way, part, err)
		}
		if len(err.Error()) > 3000 {
			t.Errorf("form %d: an error of %d bytes", form, len(err.Error()))
		}
		if way == "IAM" {
			return // three attempts take a while
		}
	}
}

// TestErrorsHoldNoSecret checks that no error has a part of a secret of eight
// characters or more, whatever a server or a proxy answers.
func TestErrorsHoldNoSecret(t *testing.T) {
	for form := range echoForms {
		t.Run(fmt.Sprint(form), func(t *testing.T) {
			t.Parallel()
			for spelling := range echoSpellings {
				tryLeak(t, form, spelling, 0, "direct")
				tryLeak(t, form, spelling, 293, "proxy")
			}
			for _, pad := range []int{0, 250, 293} {
				tryLeak(t, form, 0, pad, "tunnel")
				tryLeak(t, form, 0, pad, "direct")
			}
			tryLeak(t, form, 0, 0, "IAM")
		})
	}
}

func FuzzErrorsHoldNoSecret(f *testing.F) {
	f.Add(3, 0, 290, 1)
	f.Fuzz(func(t *testing.T, form, spelling, pad, way int) {
		if form < 0 || spelling < 0 || pad < 0 || pad > 70_000 || way < 0 {
			t.Skip()
		}
		tryLeak(t, form, spelling, pad, []string{"direct", "proxy", "tunnel"}[way%3])
	})
}

// TestWordsStay checks that short keys and ordinary texts are left alone.
func TestWordsStay(t *testing.T) {
	c := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error_msg":"BREAK the TASK of pass passage, short1"}`))
	}), func(o *dcsapi.Options) {
		o.Keys = staticKey("AK", "pass", "")
	})
	_, err := c.ListInstances(t.Context())
	if want := "list instances: HTTP 400: BREAK the TASK of <redacted> passage, short1"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
