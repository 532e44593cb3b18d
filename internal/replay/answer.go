package replay

import (
	"bytes"
	"encoding/json"
	"io"
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
	a.setBody(x.Response.Body)
	return a
}

// setBody splits a body at its time.
func (a *answer) setBody(body []byte) {
	a.before, a.time, a.after = splitTime(body)
}

// made returns an answer that was not recorded.
func made(status int, v any) *answer {
	body, _ := json.Marshal(v) // maps and raw JSON of recordings
	a := &answer{response: &recording.Response{Status: status, Headers: map[string]string{"Content-Type": "application/json"}, Length: len(body)}, dated: true}
	a.setBody(body)
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
	body, length := a.body(shift)
	if a.cut {
		length++
	}
	h.Set("Content-Length", strconv.FormatInt(length, 10))
	w.WriteHeader(a.response.Status)
	_, _ = io.Copy(w, body)
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
func (a *answer) body(shift time.Duration) (body io.Reader, length int64) {
	if len(a.before) == 0 {
		length = int64(a.response.Length)
		return io.LimitReader(filler{}, length), length
	}
	text := moveTime(a.time, shift)
	var mark string
	if a.response.BOM {
		mark = "\uFEFF"
	}
	length = int64(len(mark) + len(a.before) + len(text) + len(a.after))
	return io.MultiReader(strings.NewReader(mark), bytes.NewReader(a.before), strings.NewReader(text), bytes.NewReader(a.after)), length
}

// filler is an endless text that is not JSON.
type filler struct{}

// Read implements io.Reader.
func (filler) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}
