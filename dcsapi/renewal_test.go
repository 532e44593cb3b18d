package dcsapi

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dcs_session_exporter/internal/emulator"
)

// TestRenewal checks that a temporary key is replaced in the background before
// its end, and that nobody waits for that, not even if its source hangs.
func TestRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &agency{life: 2 * time.Hour}
		c, news := newAgencyChain(t, a)
		ends := time.Now().Add(a.life)
		wantNumber(t, c, 1)
		if got := news(); len(got) != 1 || got[0].Err != nil || !got[0].Ends.Equal(ends) || !strings.HasPrefix(got[0].Origin, "agency") {
			t.Errorf("the first key's news are %v", got)
		}
		time.Sleep(a.life - renewBefore)
		wantNumber(t, c, 1)
		synctest.Wait()
		wantNumber(t, c, 1)
		if a.count() != 1 {
			t.Errorf("asked %d times too early", a.count())
		}
		hanging := make(chan struct{})
		a.change(func(a *agency) { a.hanging = hanging })
		time.Sleep(time.Second)
		for range 5 {
			wantNumber(t, c, 1)
			synctest.Wait()
		}
		if a.count() != 2 {
			t.Errorf("asked %d times while it hangs, want 2", a.count())
		}
		close(hanging)
		a.change(func(a *agency) { a.hanging = nil })
		synctest.Wait()
		wantNumber(t, c, 2)
		if got := news(); len(got) != 1 || got[0].Err != nil {
			t.Errorf("the second key's news are %v", got)
		}
	})
}

// TestFailedRenewal checks that a key is used to its end while it cannot be
// renewed, that this is tried again and told each time, what is said when it
// has ended, and that all is well when the source is.
func TestFailedRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &agency{life: time.Hour}
		c, news := newAgencyChain(t, a)
		ends := time.Now().Add(a.life)
		wantNumber(t, c, 1)
		news()
		a.change(func(a *agency) { a.failing = true })
		for time.Now().Add(30 * time.Second).Before(ends) {
			time.Sleep(30 * time.Second)
			wantNumber(t, c, 1)
			synctest.Wait()
		}
		told := news()
		if n := int(renewBefore / renewalPause); len(told) < n-2 || len(told) > n || a.count() != len(told)+1 {
			t.Errorf("told %d times, asked %d times; want about %d", len(told), a.count(), n)
		}
		for _, n := range told {
			if n.Err == nil || !n.Ends.Equal(ends) || !strings.Contains(n.Err.Error(), "agency of the machine (metadata service at 169.254.169.254): answered HTTP 500") || strings.Contains(n.Err.Error(), "SECRET") {
				t.Fatalf("told %+v", n)
			}
		}
		time.Sleep(time.Minute)
		for range 3 {
			_, err := c.Key(t.Context())
			if ReasonOf(err) != ReasonAuth || !strings.Contains(err.Error(), "the temporary key expired at "+ends.UTC().Format(time.RFC3339)+" and could not be renewed: ") || !strings.Contains(err.Error(), "answered HTTP 500") {
				t.Errorf("after its end: %v", err)
			}
		}
		if before := a.count(); before != len(told)+2 {
			t.Errorf("asked %d times after the end, want once for all", before-len(told)-1)
		}
		a.change(func(a *agency) { a.failing = false })
		time.Sleep(retryPause)
		wantNumber(t, c, 2)
		wantNumber(t, c, 2)
	})
}

// TestEndedKeyIsNotUsed checks that a key that nobody asked for until after its
// end is replaced first.
func TestEndedKeyIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &agency{life: time.Hour}
		c, _ := newAgencyChain(t, a)
		wantNumber(t, c, 1)
		time.Sleep(a.life)
		wantNumber(t, c, 2)
	})
}

// TestRefusedKeyIsAskedForOnce checks that a refused key is asked for again at
// once, then once in a minute, and that a failing source is told.
func TestRefusedKeyIsAskedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &agency{life: 24 * time.Hour}
		c, news := newAgencyChain(t, a)
		first, _ := c.Key(t.Context())
		var wait sync.WaitGroup
		for range 10 {
			wait.Go(func() {
				if key, err := c.Renew(t.Context(), first); err != nil || key.AccessKey != "AK2" {
					t.Errorf("got %s, %v", key.AccessKey, err)
				}
			})
		}
		wait.Wait()
		a.change(func(a *agency) { a.failing = true })
		second, _ := c.Key(t.Context())
		news()
		for range 3 {
			if key, err := c.Renew(t.Context(), second); err != nil || key != second {
				t.Errorf("within the pause: %s, %v", key.AccessKey, err)
			}
		}
		time.Sleep(renewalPause)
		for range 3 {
			if key, err := c.Renew(t.Context(), second); key != second || ReasonOf(err) != ReasonAuth || !strings.Contains(err.Error(), "HTTP 500") {
				t.Errorf("from a source that fails: %s, %v", key.AccessKey, err)
			}
		}
		if a.count() != 3 || len(news()) != 1 {
			t.Errorf("asked %d times, want 3", a.count())
		}
		hanging := make(chan struct{})
		a.change(func(a *agency) { a.hanging = hanging })
		time.Sleep(renewalPause)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if key, err := c.Renew(ctx, second); key != second || ReasonOf(err) != ReasonTimeout {
			t.Errorf("from a source that hangs: %s, %v", key.AccessKey, err)
		}
		close(hanging)
		synctest.Wait()
	})
}

// TestSourceStays checks that the source that gave the first key is asked for
// all others: another one would be somebody else.
func TestSourceStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &agency{life: time.Hour}
		c, _ := newAgencyChain(t, a)
		other := environmentSource("other", envSampleAccessKey, envSampleSecretKey, "")
		t.Setenv(envSampleAccessKey, "")
		t.Setenv(envSampleSecretKey, "")
		c.sources = []source{other, c.sources[0], other}
		wantNumber(t, c, 1)
		t.Setenv(envSampleAccessKey, "OTHER")
		t.Setenv(envSampleSecretKey, "OTHER")
		a.change(func(a *agency) { a.failing = true })
		time.Sleep(2 * a.life)
		if key, err := c.Key(t.Context()); ReasonOf(err) != ReasonAuth {
			t.Errorf("got %s, %v", key.AccessKey, err)
		}
		a.change(func(a *agency) { a.failing = false })
		time.Sleep(retryPause)
		wantNumber(t, c, 2)
	})
}

// TestNothingFoundIsRemembered checks that sources without a key are not asked
// by each request anew.
func TestNothingFoundIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &agency{life: time.Hour, failing: true}
		c, news := newAgencyChain(t, a)
		for range 5 {
			if _, err := c.Key(t.Context()); ReasonOf(err) != ReasonAuth || !strings.Contains(err.Error(), "no key was found") {
				t.Errorf("got %v", err)
			}
		}
		if a.count() != 1 || len(news()) != 0 {
			t.Errorf("asked %d times", a.count())
		}
		a.change(func(a *agency) { a.failing = false })
		time.Sleep(retryPause)
		wantNumber(t, c, 1)
	})
}

// TestRenewalUnderLoad has keys renewed all the time while requests are signed
// with them: none may fail, or go out with the parts of two keys.
func TestRenewalUnderLoad(t *testing.T) {
	api := emulator.New(emulator.Options{})
	api.Add(emulator.Instance{ID: "i", ProjectID: "p"})
	a := &agency{life: 30 * time.Minute} // always due
	a.made = func(n int) {
		api.SetKey(emulator.Key{AccessKey: fmt.Sprintf("AK%d", n), SecretKey: fmt.Sprintf("SK%d", n), SecurityToken: fmt.Sprintf("T%d", n), Projects: []string{"p"}})
	}
	c, _ := newAgencyChain(t, a)
	client := newHandlerClient(t, c, api)
	ctx, cancel := context.WithCancel(t.Context())
	var requests, renewals sync.WaitGroup
	renewals.Go(func() {
		for ctx.Err() == nil {
			c.mu.Lock()
			c.loaded = time.Time{} // a minute has passed
			c.mu.Unlock()
			if _, err := c.Key(ctx); err != nil {
				t.Error(err)
			}
		}
	})
	for range 8 {
		requests.Go(func() {
			for range 50 {
				if _, err := client.ListInstances(ctx); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	requests.Wait()
	cancel()
	renewals.Wait()
	if a.count() < 10 {
		t.Errorf("%d keys only", a.count())
	}
}
