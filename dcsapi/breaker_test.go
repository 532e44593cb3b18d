package dcsapi

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var testKey = Key{AccessKey: "a", SecretKey: "s"}

// TestFirstRequestGoesAlone checks that with a key that is not known to work
// one request goes ahead, and the others follow when it has succeeded.
func TestFirstRequestGoesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ring Keyring
		first, err := ring.breaker(testKey).acquire(t.Context())
		if err != nil || !first.probe {
			t.Fatalf("got %+v, %v", first, err)
		}
		var passed atomic.Int64
		for range 5 {
			go func() {
				p, err := ring.breaker(testKey).acquire(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				passed.Add(1)
				p.release(nil)
			}()
		}
		synctest.Wait()
		if passed.Load() != 0 {
			t.Errorf("%d requests passed beside the first", passed.Load())
		}
		first.release(nil)
		synctest.Wait()
		if passed.Load() != 5 {
			t.Errorf("%d of 5 requests passed after the first", passed.Load())
		}
	})
}

// TestRefusedKeyIsHeld checks that a refused key is not used for five minutes,
// and that then one request goes ahead alone again.
func TestRefusedKeyIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ring Keyring
		g := ring.breaker(testKey)
		good, _ := g.acquire(t.Context())
		good.release(nil)
		late, _ := g.acquire(t.Context())
		bad, _ := g.acquire(t.Context())
		bad.release(&Error{Reason: ReasonAuth, Status: 401, Message: "no"})
		if sent, err := late.start(t.Context(), target{}); sent || err != nil {
			t.Error("a request that waits for its turn may go although the key was refused")
		}
		late.release(nil) // it was in flight: its success proves nothing any more
		time.Sleep(openPeriod - time.Second)
		if _, err := g.acquire(t.Context()); ReasonOf(err) != ReasonAuth {
			t.Errorf("just before the end: %v", err)
		}
		other, err := ring.breaker(Key{AccessKey: "a", SecretKey: "changed"}).acquire(t.Context())
		if err != nil {
			t.Errorf("another secret: %v", err)
		}
		other.release(nil)
		time.Sleep(time.Second)
		p, err := g.acquire(t.Context())
		if err != nil || !p.probe {
			t.Errorf("after five minutes: %+v, %v; want one that goes ahead", p, err)
		}
		p.release(&Error{Reason: ReasonForbidden, Status: 403, Code: "DCS.2003"})
		if !g.isClosed() {
			t.Error("an answer of the service itself does not prove the key")
		}
	})
}

// TestHangingFirstRequest checks that a first request that is not answered
// lets a second and a third go, but no more, and that those who wait leave at
// their deadline.
func TestHangingFirstRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ring Keyring
		g := ring.breaker(testKey)
		var passed, timeouts atomic.Int64
		var wait sync.WaitGroup
		for range 10 {
			wait.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				_, err := g.acquire(ctx)
				switch {
				case err == nil:
					passed.Add(1)
				case ReasonOf(err) == ReasonTimeout:
					timeouts.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		time.Sleep(time.Second)
		if passed.Load() != 1 {
			t.Errorf("after a second %d have passed", passed.Load())
		}
		wait.Wait()
		if passed.Load() != maxProbes || timeouts.Load() != 10-maxProbes {
			t.Errorf("%d passed and %d timed out, want %d and %d", passed.Load(), timeouts.Load(), maxProbes, 10-maxProbes)
		}
	})
}

// TestKeysAreForgotten checks that temporary keys do not pile up.
func TestKeysAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ring Keyring
		for i := range 1000 {
			ring.breaker(Key{AccessKey: "a", SecurityToken: string(rune('a' + i))})
			time.Sleep(time.Minute)
		}
		if n := len(ring.breakers); n > 62 {
			t.Errorf("%d keys are remembered", n)
		}
	})
}

// TestThrottle checks how long a project is held off.
func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var th throttle
		wait := func() time.Duration {
			start := time.Now()
			if _, err := th.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			return time.Since(start)
		}
		epoch, _ := th.wait(t.Context())
		th.record(epoch, &Error{Reason: ReasonThrottled, RetryAfter: 7 * time.Second})
		if got := wait(); got != 7*time.Second {
			t.Errorf("held off for %s, want the 7s asked for", got)
		}
		// Without Retry-After the time grows, and requests that were under way
		// together count as one.
		last := time.Duration(0)
		for i := range 4 {
			epoch, _ = th.wait(t.Context())
			for range 5 {
				th.record(epoch, &Error{Reason: ReasonThrottled})
			}
			got := wait()
			if least, most := holdOffMin<<(i+1)/2, holdOffMin<<(i+1); got < least || got > most {
				t.Errorf("hold-off %d took %s, want %s to %s", i, got, least, most)
			}
			last = got
		}
		epoch, _ = th.wait(t.Context())
		th.record(epoch, nil)
		epoch, _ = th.wait(t.Context())
		th.record(epoch, &Error{Reason: ReasonThrottled})
		if got := wait(); got >= last {
			t.Errorf("after a success the hold-off is %s still", got)
		}
		// One that outlasts the deadline is not waited for.
		epoch, _ = th.wait(t.Context())
		th.record(epoch, &Error{Reason: ReasonThrottled, RetryAfter: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		if _, err := th.wait(ctx); ReasonOf(err) != ReasonThrottled || time.Since(start) != 0 {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

// renewing is a source of temporary keys.
type renewing struct {
	mu      sync.Mutex
	key     Key
	renewed int
}

func (r *renewing) Key(context.Context) (Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.key, nil
}

func (r *renewing) Renew(_ context.Context, used Key) (Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.key == used {
		r.renewed++
		r.key.SecurityToken += "+"
	}
	return r.key, nil
}

// TestRetryAfter checks both forms of the header.
func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "3": 3 * time.Second, "0": 0, "-1": 0, "NaN": 0, "1e30": maxRetryAfter, "600": maxRetryAfter, "soon": 0,
		now.Add(9 * time.Second).Format("Mon, 02 Jan 2006 15:04:05 GMT"): 9 * time.Second,
		now.Add(-time.Hour).Format("Mon, 02 Jan 2006 15:04:05 GMT"):      0,
	} {
		if got := retryAfter(map[string][]string{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}

var errTest = errors.New("test")

// TestSharedErrors checks that naming an operation does not change an error
// that others hold.
func TestSharedErrors(t *testing.T) {
	shared := &Error{Reason: ReasonAuth, Err: errTest}
	mine := asError(shared)
	mine.Op = "x"
	if shared.Op != "" || !errors.Is(mine, errTest) {
		t.Errorf("shared is %+v", shared)
	}
}

// TestTemporaryKeyIsRenewed checks that a temporary key that is refused is
// renewed once, and that all who wait for it go on with the new one.
func TestTemporaryKeyIsRenewed(t *testing.T) {
	source := &renewing{key: Key{AccessKey: "a", SecretKey: "s", SecurityToken: "t"}}
	var refused atomic.Int64
	client := newTestClient(t, source, func(token string) int {
		if token == "t" {
			refused.Add(1)
			return 401
		}
		return 200
	})
	var wait sync.WaitGroup
	for range 10 {
		wait.Go(func() {
			if _, err := client.ListInstances(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if source.renewed != 1 || refused.Load() != 1 {
		t.Errorf("renewed %d times after %d refusals, want once after one", source.renewed, refused.Load())
	}
}
