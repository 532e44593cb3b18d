package recording

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// exchangeFunc is a transport.
type exchangeFunc func(*http.Request) (*http.Response, error)

func (f exchangeFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// answering returns a transport that gives the same answer to everything.
func answering(status int, body string, header http.Header) exchangeFunc {
	return func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1, Request: req}, nil
	}
}

// send sends a request and reads the answer.
func send(t testing.TB, r *Recorder, next http.RoundTripper, method, url, body string, header http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := r.Transport(next).RoundTrip(req)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}

// one returns the recording of a single answer.
func one(t testing.TB, path, body string) *Recording {
	t.Helper()
	var r Recorder
	send(t, &r, answering(http.StatusOK, body, nil), http.MethodGet, "http://api.example"+path, "", nil)
	out, _, err := r.Recording(Manifest{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const sessionsPath = "/v2/05041fffa40025702f6dc009cc6f8f33/instances/1f63d64e-0000-4000-8000-000000000001/clients"

// unpacked returns the names and contents of an archive's files, in one text.
func unpacked(t testing.TB, archive []byte) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for files := tar.NewReader(z); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return all.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(h.Name + "\n")
		if _, err := io.Copy(&all, files); err != nil {
			t.Fatal(err)
		}
	}
}

// archive returns a recording as it is written.
func archive(t testing.TB, r *Recording) []byte {
	t.Helper()
	r.Manifest.RecordedAt = time.Unix(1_700_000_000, 0).UTC()
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
