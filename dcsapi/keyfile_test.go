package dcsapi_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// keyFiles are the files of a key.
type keyFiles struct {
	t   *testing.T
	dir string
}

// write writes a file in place.
func (f keyFiles) write(name, content string) {
	writeFile(f.t, filepath.Join(f.dir, name), content)
}

// rename writes a file beside the old one and moves it there. Its size and
// time are those of the old one.
func (f keyFiles) rename(name, content string) {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	writeFile(f.t, path+".new", content)
	if info, err := os.Stat(path); err == nil {
		if err := os.Chtimes(path+".new", info.ModTime(), info.ModTime()); err != nil {
			f.t.Fatal(err)
		}
	}
	if err := os.Rename(path+".new", path); err != nil {
		f.t.Fatal(err)
	}
}

func (f keyFiles) source(token bool) dcsapi.KeySource {
	secret := func(name string) dcsapi.Secret { return dcsapi.Secret{File: filepath.Join(f.dir, name)} }
	if token {
		return dcsapi.NewConfiguredKey(secret("ak"), secret("sk"), secret("token"))
	}
	return dcsapi.NewConfiguredKey(secret("ak"), secret("sk"), dcsapi.Secret{})
}

// TestKeyFiles checks which key is in use while the files change.
func TestKeyFiles(t *testing.T) {
	f := keyFiles{t, t.TempDir()}
	f.write("ak", " AK1\n")
	f.write("sk", "SK1\n")
	f.write("token", "T1\n")
	source := f.source(true)
	want := func(access, secret, token string) {
		t.Helper()
		got, err := source.Key(t.Context())
		wantKey(t, got, err, dcsapi.Key{AccessKey: access, SecretKey: secret, SecurityToken: token})
	}
	want("AK1", "SK1", "T1")
	for _, replace := range []func(name, content string){f.write, f.rename} {
		// One after the other: the key before stays until all are there.
		replace("sk", "SK2\n")
		want("AK1", "SK1", "T1")
		replace("token", "T2\n")
		want("AK1", "SK1", "T1")
		replace("ak", "AK2\n")
		want("AK2", "SK2", "T2")
		replace("ak", "AK1\n")
		replace("sk", "SK1\n")
		replace("token", "T1\n")
		want("AK1", "SK1", "T1")
	}
	// A byte order mark, as some editors write it, is no part of the key.
	f.write("ak", "\uFEFFAK3\r\n")
	f.write("sk", "\uFEFFSK3")
	f.write("token", "\uFEFF T3")
	want("AK3", "SK3", "T3")
	f.write("ak", "AK1\n")
	f.write("sk", "SK1\n")
	f.write("token", "T1\n")
	want("AK1", "SK1", "T1")
	// Files that are not whole, or not there.
	for _, bad := range []string{"", "\n", "two words\n", strings.Repeat("x", 70<<10)} {
		f.write("ak", "AK3")
		f.write("sk", "SK3")
		f.write("token", bad)
		want("AK1", "SK1", "T1")
	}
	if err := os.Remove(filepath.Join(f.dir, "token")); err != nil {
		t.Fatal(err)
	}
	want("AK1", "SK1", "T1")
	f.write("token", "T3")
	want("AK3", "SK3", "T3")

	// A part alone comes into use when the key is refused, not before.
	f.write("sk", "SK4")
	want("AK3", "SK3", "T3")
	used := dcsapi.Key{AccessKey: "AK3", SecretKey: "SK3", SecurityToken: "T3"}
	for range 2 { // the second one was refused before the first came back
		got, err := source.Renew(t.Context(), used)
		wantKey(t, got, err, dcsapi.Key{AccessKey: "AK3", SecretKey: "SK4", SecurityToken: "T3"})
	}
	want("AK3", "SK4", "T3")
}

// TestKeyFilesTrouble checks what is said of files that hold no key.
func TestKeyFilesTrouble(t *testing.T) {
	f := keyFiles{t, t.TempDir()}
	source := f.source(false)
	fails := func(says ...string) {
		t.Helper()
		_, err := source.Key(t.Context())
		for _, part := range says {
			if dcsapi.ReasonOf(err) != dcsapi.ReasonAuth || strings.Contains(err.Error(), "no such file") || !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v\nwant %s", err, part)
			}
		}
	}
	fails("read credentials: access key: its file does not exist; secret key: its file does not exist")
	f.write("ak", "SECRET")
	f.write("sk", "")
	fails("read credentials: secret key: " + f.dir + "/sk is empty")
	f.write("sk", "SECRET SECRET")
	fails("secret key: " + f.dir + "/sk holds white space")
	f.write("sk", "SECRET")
	if _, err := source.Key(t.Context()); err != nil {
		t.Error(err)
	}

	// With a key in use it is the news that tell, once, and the refusal.
	api := newEmulator()
	api.SetKey(emulator.Key{AccessKey: "SECRET", SecretKey: "SECRET", Projects: []string{"project-1"}})
	var news []dcsapi.KeyEvent
	c := newClient(t, api, func(o *dcsapi.Options) {
		o.Keys = source
		o.Observer.Key = func(n dcsapi.KeyEvent) { news = append(news, n) }
	})
	list := func() error {
		_, err := c.ListInstances(t.Context())
		return err
	}
	if err := list(); err != nil || len(news) != 0 {
		t.Errorf("%v, %v", err, news)
	}
	told := func(says string) {
		t.Helper()
		switch {
		case len(news) != 1 || news[0].Origin != "access key from "+f.dir+"/ak, secret key from "+f.dir+"/sk":
			t.Errorf("the news are %+v", news)
		case (news[0].Err == nil) != (says == ""):
			t.Errorf("got %v, want %q", news[0].Err, says)
		case says != "" && (!strings.Contains(news[0].Err.Error(), says) || strings.Contains(news[0].Err.Error(), "SECRET")):
			t.Errorf("got %v, want %s", news[0].Err, says)
		}
		news = nil
	}
	f.write("sk", "SECRET2")
	for range 3 {
		if err := list(); err != nil {
			t.Error(err)
		}
	}
	told("only a part of the key has changed, not the access key: the key before is used")
	f.write("sk", "")
	for range 3 {
		if err := list(); err != nil {
			t.Error(err)
		}
	}
	told("secret key: " + f.dir + "/sk is empty")
	api.RemoveKey("SECRET")
	for range 2 {
		if err := list(); dcsapi.ReasonOf(err) != dcsapi.ReasonAuth || !strings.Contains(err.Error(), "there is no other key: read credentials: secret key: "+f.dir+"/sk is empty") {
			t.Errorf("got %v", err)
		}
	}
	api.SetKey(emulator.Key{AccessKey: "SECRET3", SecretKey: "SECRET3", Projects: []string{"project-1"}})
	f.write("ak", "SECRET3")
	f.write("sk", "SECRET3")
	if err := list(); err != nil {
		t.Errorf("with another key: %v", err)
	}
	told("")
}

// TestRefusedKeyIsReplaced checks that a key that was refused, and is held for
// five minutes, is replaced by what the files hold from then on with the next
// request: all at once, or one file after the other.
func TestRefusedKeyIsReplaced(t *testing.T) {
	for _, order := range [][]string{{"ak", "sk"}, {"sk", "ak"}} {
		t.Run(order[0]+" first", func(t *testing.T) {
			f := keyFiles{t, t.TempDir()}
			f.write("ak", "AK")
			f.write("sk", "SK")
			api := newEmulator()
			c := newClient(t, api, func(o *dcsapi.Options) { o.Keys = f.source(false) })
			if _, err := c.ListInstances(t.Context()); err != nil {
				t.Fatal(err)
			}
			api.RemoveKey("AK")
			for range 3 {
				if _, err := c.ListInstances(t.Context()); dcsapi.ReasonOf(err) != dcsapi.ReasonAuth {
					t.Errorf("the old key: %v", err)
				}
			}
			api.SetKey(emulator.Key{AccessKey: "A2", SecretKey: "S2", Projects: []string{"project-1"}})
			api.ResetRequests()
			f.rename(order[0], strings.ToUpper(order[0][:1])+"2")
			for range 3 {
				if _, err := c.ListInstances(t.Context()); dcsapi.ReasonOf(err) != dcsapi.ReasonAuth {
					t.Errorf("half of the new key: %v", err)
				}
			}
			f.rename(order[1], strings.ToUpper(order[1][:1])+"2")
			if _, err := c.ListInstances(t.Context()); err != nil {
				t.Errorf("the new key: %v", err)
			}
			if n := len(api.Requests()); n != 2 {
				t.Errorf("%d requests with half of a key and the whole one, want one each", n)
			}
		})
	}
}

// TestRotationUnderLoad rotates keys under a client that asks all the time, by
// each of the ways of doing it: no request may fail, since the old key is good
// until the new one is whole.
func TestRotationUnderLoad(t *testing.T) {
	for name, rotate := range map[string]func(f keyFiles, access, secret string){
		"in place, access key first": func(f keyFiles, access, secret string) {
			f.write("ak", access)
			f.write("sk", secret)
		},
		"by rename, secret key first": func(f keyFiles, access, secret string) {
			f.rename("sk", secret)
			f.rename("ak", access)
		},
		"Kubernetes": func(f keyFiles, access, secret string) {
			f.t.Helper()
			version := ".." + access
			f.write(version+"/ak", access)
			f.write(version+"/sk", secret)
			if err := os.Symlink(version, filepath.Join(f.dir, "..tmp")); err != nil {
				f.t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(f.dir, "..tmp"), filepath.Join(f.dir, "..data")); err != nil {
				f.t.Fatal(err)
			}
			for _, name := range []string{"ak", "sk"} { // the first time
				_ = os.Symlink(filepath.Join("..data", name), filepath.Join(f.dir, name))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := keyFiles{t, t.TempDir()}
			api := newEmulator()
			key := func(n int) (access, secret string) { return fmt.Sprintf("AK%03d", n), fmt.Sprintf("SK%03d", n) }
			next := func(n int) {
				access, secret := key(n)
				api.SetKey(emulator.Key{AccessKey: access, SecretKey: secret, Projects: []string{"project-1"}})
				rotate(f, access, secret)
			}
			next(0)
			source := f.source(false)
			c := newClient(t, api, func(o *dcsapi.Options) { o.Keys = source })
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if _, err := c.ListInstances(ctx); err != nil { // a key to begin with
				t.Fatal(err)
			}
			var done atomic.Int64
			var stop atomic.Bool
			var wait sync.WaitGroup
			for range 4 {
				wait.Go(func() {
					for !stop.Load() {
						if _, err := c.ListInstances(ctx); err != nil {
							t.Error(err)
							return
						}
						done.Add(1)
					}
				})
			}
			for n := 1; n <= 30 && !t.Failed(); n++ {
				next(n)
				for seen := done.Load(); done.Load() < seen+8 && !t.Failed(); {
					time.Sleep(time.Millisecond) // the requests under way are awaited
				}
				access, secret := key(n)
				got, err := source.Key(ctx)
				wantKey(t, got, err, dcsapi.Key{AccessKey: access, SecretKey: secret})
			}
			stop.Store(true)
			wait.Wait()
		})
	}
}
