package dcsapi_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
)

// pipe puts a named pipe, which whoever opens it waits at, in the place of a
// file.
func pipe(t *testing.T, path string) string {
	t.Helper()
	if err := errors.Join(syscall.Mkfifo(path+".new", 0o600), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
	return path
}

// within fails the test if f takes long.
func within(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("it hangs")
	}
}

// TestKeyFileThatHangs checks that a key file that would be waited for without
// an end is a failure: the last key stays in use, and the next one comes into
// use when the file is mended.
func TestKeyFileThatHangs(t *testing.T) {
	f := keyFiles{t, t.TempDir()}
	f.write("ak", "AK1")
	pipe(t, filepath.Join(f.dir, "sk"))
	source := f.source(false)
	within(t, func() {
		_, err := source.Key(t.Context())
		if want := "read credentials: secret key: " + f.dir + "/sk is not a regular file"; err == nil || err.Error() != want || dcsapi.ReasonOf(err) != dcsapi.ReasonAuth {
			t.Errorf("at the start: got %v, want %s", err, want)
		}
	})
	f.rename("sk", "SK1")
	first := dcsapi.Key{AccessKey: "AK1", SecretKey: "SK1"}
	within(t, func() {
		got, err := source.Key(t.Context())
		wantKey(t, got, err, first)
	})
	var news []dcsapi.KeyEvent
	c := newClient(t, newEmulator(), func(o *dcsapi.Options) {
		o.Keys = source
		o.Observer.Key = func(n dcsapi.KeyEvent) { news = append(news, n) }
	})
	c.Close()
	pipe(t, filepath.Join(f.dir, "ak"))
	within(t, func() {
		for range 3 {
			got, err := source.Key(t.Context())
			wantKey(t, got, err, first)
		}
		if _, err := source.Renew(t.Context(), first); err == nil || !strings.Contains(err.Error(), "access key: "+f.dir+"/ak is not a regular file") {
			t.Errorf("got %v", err)
		}
	})
	if len(news) != 1 || news[0].Err == nil {
		t.Errorf("the news are %+v, want one", news)
	}
	f.rename("ak", "AK2")
	f.rename("sk", "SK2")
	within(t, func() {
		got, err := source.Key(t.Context())
		wantKey(t, got, err, dcsapi.Key{AccessKey: "AK2", SecretKey: "SK2"})
	})
}

// TestSourceFileThatHangs checks that a file of the default chain that would be
// waited for without an end does not stop it: the source is named, and the
// chain has a key when the file is mended.
func TestSourceFileThatHangs(t *testing.T) {
	for _, tt := range []struct {
		name  string
		setUp func(t *testing.T, pipe string)
		says  string
	}{
		{"profile", func(t *testing.T, pipe string) { t.Setenv("HUAWEICLOUD_SDK_CREDENTIALS_FILE", pipe) }, "): its file is not a regular file"},
		{"identity token", func(t *testing.T, pipe string) {
			t.Setenv("HUAWEICLOUD_SDK_IDP_ID", "idp")
			t.Setenv("HUAWEICLOUD_SDK_ID_TOKEN_FILE", pipe)
		}, "is not a regular file"},
		{"token of a pod", func(t *testing.T, pipe string) {
			t.Setenv("HC_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1")
			t.Setenv("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", pipe)
		}, "identity of the pod (HC_CONTAINER_CREDENTIALS_FULL_URI): its file is not a regular file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			emptyEnvironment(t)
			metadataIs(t, nil)
			tt.setUp(t, pipe(t, filepath.Join(t.TempDir(), "pipe")))
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, err := dcsapi.NewDefaultChain("https://127.0.0.1:1", nil).Key(ctx)
			if dcsapi.ReasonOf(err) != dcsapi.ReasonAuth || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %s", err, tt.says)
			}
		})
	}
}
