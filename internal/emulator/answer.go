package emulator

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// answer is the answer to a request.
type answer struct {
	status int
	header http.Header // in addition to the headers of every answer; may be nil
	body   []byte
	cut    int // the connection breaks after this many bytes of the body; 0 for never
}

// ok returns an answer with a JSON body.
func ok(v any) answer {
	body, err := json.Marshal(v)
	if err != nil {
		return failure(http.StatusInternalServerError, "DCS.5000", err.Error())
	}
	return answer{status: http.StatusOK, body: body}
}

// failure returns an error of DCS.
func failure(status int, code, message string) answer {
	a := ok(map[string]string{"error_code": code, "error_msg": message, "error_ext_msg": ""})
	a.status = status
	return a
}

// gatewayFailure returns an error of the API gateway in front of DCS.
func gatewayFailure(status int, code, message, requestID string) answer {
	a := ok(map[string]string{"error_code": code, "error_msg": message, "request_id": requestID})
	a.status = status
	return a
}

// iamFailure returns an error of IAM.
func iamFailure(status int, message string) answer {
	a := ok(map[string]any{"error": map[string]any{"code": status, "message": message, "title": http.StatusText(status)}})
	a.status = status
	return a
}

// marked returns the answer with a byte order mark before its body, if that is
// JSON.
func (a answer) marked() answer {
	if len(a.body) > 0 && a.header.Get("Content-Type") == "" {
		a.body = append([]byte("\uFEFF"), a.body...)
	}
	return a
}

// requestID returns the id of the n-th request.
func requestID(n int) string { return fmt.Sprintf("%032x", n) }

// send writes the answer, compressed if the client accepts that.
func (a answer) send(w http.ResponseWriter, r *http.Request, id string) {
	h := w.Header()
	h.Set("Content-Type", "application/json;charset=utf8")
	h.Set("X-Request-Id", id)
	for name, values := range a.header {
		h[name] = values
	}
	if a.cut > 0 {
		h.Set("Content-Length", strconv.Itoa(max(len(a.body), a.cut+1)))
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body[:min(a.cut, len(a.body))])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	if len(a.body) > 1024 && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		w.WriteHeader(a.status)
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // the level is a valid one
		_, _ = z.Write(a.body)
		_ = z.Close()
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}
