package onlinecheck

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
)

func TestHumanDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 999 * time.Millisecond: "0s", time.Second: "1s", 59 * time.Second: "59s", time.Minute: "1m", 61 * time.Second: "1m1s",
		time.Hour: "1h", time.Hour + 59*time.Second: "1h", time.Hour + time.Minute: "1h1m", 26*time.Hour + 5*time.Minute: "1d2h",
		400 * 24 * time.Hour: "400d", -5 * time.Second: "-5s",
	} {
		if got := humanDuration(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

// TestWrap checks that lines do not exceed the width, and that no word is lost.
func TestWrap(t *testing.T) {
	text := strings.Repeat("wörds of a text ", 40) + strings.Repeat("x", 120) + " end"
	var b table
	b.wrap("  prefix ", text)
	for line := range strings.SplitSeq(strings.TrimRight(b.String(), "\n"), "\n") {
		if n := len([]rune(line)); n > lineWidth && !strings.Contains(line, "xxx") {
			t.Errorf("%d wide: %s", n, line)
		}
		if !strings.HasPrefix(line, "  prefix ") && !strings.HasPrefix(line, "         ") {
			t.Errorf("not indented: %q", line)
		}
	}
	if got := strings.Join(strings.Fields(strings.TrimPrefix(b.String(), "  prefix")), " "); got != text {
		t.Errorf("got %q", got)
	}
}

// TestGroups checks that equal findings are reported once.
func TestGroups(t *testing.T) {
	r := Report{Projects: []Project{{Region: "r", Instances: make([]Instance, 5)}}}
	for k := range r.Projects[0].Instances {
		i := &r.Projects[0].Instances[k]
		i.ID = fmt.Sprintf("i%d", k)
		i.Nodes = []Node{{ID: "n", Read: true, Findings: []Finding{{Severity: SeverityWarning, Message: "same", RequestID: fmt.Sprint(k)}}}}
	}
	r.Projects[0].Instances[4].Findings = []Finding{{Severity: SeverityFailure, Message: "other"}}
	r.Projects[0].Instances[3].Findings = []Finding{{Severity: SeverityFailure, Message: "third"}}
	r.conclude()
	var b strings.Builder
	if err := r.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"[1] instance i3: third\n", "[2] instance i4: other\n", "[3] 5 nodes (see the numbers above): same\n", "FAILED: 2 failures, 5 warnings"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	if strings.Count(b.String(), "same") != 1 {
		t.Errorf("said again:\n%s", b.String())
	}
}

// TestClockIsTheAPIs checks that IAM's clock is ignored, that answers narrow down
// the difference, and that the last one wins if they contradict each other.
func TestClockIsTheAPIs(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	c := clock{now: func() time.Time { return now }}
	if _, known := c.skew(); known {
		t.Error("a difference without an answer")
	}
	c.observe("list_projects", now.Add(time.Hour), 0)
	if _, known := c.skew(); known {
		t.Error("a difference from IAM's clock")
	}
	for _, tt := range []struct {
		date, took time.Duration
		want       time.Duration
	}{
		{-20 * time.Second, 30 * time.Second, 0}, // -11 s to 20 s
		{-20 * time.Second, 4 * time.Second, 18 * time.Second},
		{-20 * time.Second, 20 * time.Second, 18 * time.Second}, // tells nothing new
		{-20 * time.Second, 0, 20 * time.Second},
		{time.Minute, 0, -time.Minute}, // it was set
	} {
		c.observe("list_nodes", now.Add(tt.date), tt.took)
		if got, known := c.skew(); !known || (got-tt.want).Abs() > time.Second {
			t.Errorf("%+v: got %s, %v", tt, got, known)
		}
	}
}

// TestMessageOf checks the messages of other errors.
func TestMessageOf(t *testing.T) {
	if got := messageOf(errors.New("odd")); got != "odd" {
		t.Errorf("got %q", got)
	}
	err := fmt.Errorf("around: %w", &dcsapi.Error{Op: "list", Status: 400, Code: "DCS.1", Message: "m", RequestID: "id"})
	if got := messageOf(err); got != "HTTP 400 DCS.1: m" {
		t.Errorf("got %q", got)
	}
}
