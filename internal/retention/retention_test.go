package retention_test

import (
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"dcs_session_exporter/internal/retention"
)

func zero() int { return 0 }

// TestRetainIsBounded lists other ids each time: the number of absent values
// stays within bounds, and those that were listed last stay.
func TestRetainIsBounded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ listed, most int }{{1, 1 + retention.MinAbsent}, {40, 80}} {
		var m retention.Map[int]
		for k := range 20 {
			var ids []string
			for n := range tt.listed {
				ids = append(ids, strconv.Itoa(k)+"-"+strconv.Itoa(n))
				m.Get(ids[n], zero)
			}
			m.Retain(func(id string) bool { return slices.Contains(ids, id) }, len(ids), time.Hour)
			for _, id := range ids {
				if !m.Has(id) {
					t.Fatalf("%s is dropped, which is listed", id)
				}
			}
			if m.Len() > tt.most {
				t.Fatalf("%d values after list %d, want %d at most", m.Len(), k, tt.most)
			}
		}
		if !m.Has("18-0") {
			t.Error("an id of the list before is dropped")
		}
	}
}

// TestRetainForATime keeps an absent value for as long as it is told to.
func TestRetainForATime(t *testing.T) {
	synctest.Test(t, func(*testing.T) {
		var m retention.Map[int]
		m.Get("a", zero)
		none := func(string) bool { return false }
		m.Retain(func(string) bool { return true }, 1, time.Hour)
		time.Sleep(time.Hour)
		if m.Retain(none, 0, time.Hour); !m.Has("a") {
			t.Error("dropped after an hour, which it is to be kept")
		}
		time.Sleep(time.Second)
		if m.Retain(none, 0, time.Hour); m.Has("a") {
			t.Error("kept for longer than an hour")
		}
	})
}
