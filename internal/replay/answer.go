package replay

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"dcs_session_exporter/internal/recording"
)

// answer is a recorded answer, or one made from recorded ones.
type answer struct {
	response *recording.Response // nil if the connection broke
	cut      bool                // the body did not come to its end
	skew     time.Duration       // of the API's clock
	dated    bool                // skew is known

	// The body is before, a time, and after. time is "" without one.
	before, after []byte
	time          string
}

func newAnswer(x *recording.Exchange) *answer {
	a := &answer{response: x.Response, cut: x.Failure != ""}
	if x.Response == nil {
		return a
	}
	if date, err := http.ParseTime(x.Response.Headers["Date"]); err == nil {
		a.dated = true
		// The header has no fractions of a second.
		if a.skew = date.Sub(x.At.Add(time.Duration(x.TookMS) * time.Millisecond)); -2*time.Second < a.skew && a.skew < 2*time.Second {
			a.skew = 0
		}
	}
	a.before, a.time, a.after = splitTime(x.Response.Body)
	return a
}

// made returns an answer that was not recorded.
func made(status int, v any) *answer {
	a := &answer{response: &recording.Response{Status: status, Headers: map[string]string{"Content-Type": "application/json"}}, dated: true}
	a.before, a.time, a.after = splitTime(marshal(v))
	return a
}

// send writes the answer. If there was none, it breaks the connection.
func (a *answer) send(w http.ResponseWriter, now time.Time, shift time.Duration) {
	if a.response == nil {
		panic(http.ErrAbortHandler)
	}
	h := w.Header()
	h["Date"], h["Content-Type"] = nil, nil // not set by net/http
	for name, value := range a.response.Headers {
		if isContent(name) {
			h.Set(name, value)
		}
	}
	if a.dated {
		h.Set("Date", now.Add(a.skew).UTC().Format(http.TimeFormat))
	}
	body := a.body(shift)
	length := len(body)
	if a.cut {
		length++
	}
	h.Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(a.response.Status)
	_, _ = w.Write(body)
	if a.cut {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// isContent reports whether a header is one that recordings have. Others could
// change how the answer is sent.
func isContent(name string) bool {
	name = http.CanonicalHeaderKey(name)
	return slices.Contains([]string{"Content-Type", "Retry-After", "X-Request-Id"}, name) ||
		strings.HasPrefix(name, "X-Ratelimit-") || strings.HasPrefix(name, "X-Apig-Ratelimit-")
}

// body returns the body with its time moved. What was not JSON is filled in: only
// its length is known.
func (a *answer) body(shift time.Duration) []byte {
	if len(a.before) == 0 {
		return bytes.Repeat([]byte("x"), a.response.Length)
	}
	var mark []byte
	if a.response.BOM {
		mark = []byte("\uFEFF")
	}
	return slices.Concat(mark, a.before, []byte(moveTime(a.time, shift)), a.after)
}
