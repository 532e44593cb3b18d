package emulator

import (
	"bytes"
	"fmt"
	"net/http"
)

// refusedBodies are unreadable bodies for refusals.
var refusedBodies = []struct {
	name, help string
	send       func(x exchange, status int)
}{
	{"length", "ends before its Content-Length", func(x exchange, status int) {
		x.begin(status, "Content-Length", "1000")
		_, _ = x.w.Write([]byte(`{"error_code":`))
		x.flush()
		panic(http.ErrAbortHandler)
	}},
	{"chunk", "has a broken chunk", func(x exchange, status int) {
		x.raw(status, "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"err\r\nzz\r\n")
	}},
	{"gzip", "claims to be gzip but is not", func(x exchange, status int) {
		x.begin(status, "Content-Encoding", "gzip")
		_, _ = x.w.Write([]byte(`{"error_code":"APIGW.0301"}`))
	}},
	{"large", "has 20 MiB", func(x exchange, status int) {
		x.begin(status)
		for range 20 {
			if _, err := x.w.Write(bytes.Repeat([]byte("x"), 1<<20)); err != nil {
				return
			}
		}
	}},
	{"hang", "never ends", func(x exchange, status int) {
		x.begin(status)
		_, _ = x.w.Write([]byte("{"))
		x.flush()
		x.wait()
	}},
}

// refusals returns an attack for each combination of a refusing status and a
// body.
func refusals() []Attack {
	var all []Attack
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired, http.StatusTooManyRequests} {
		for _, body := range refusedBodies {
			all = append(all, Attack{
				Name: fmt.Sprintf("refuse-%d-%s", status, body.name), Help: fmt.Sprintf("requests of the project are answered with %d, whose body %s", status, body.help), project: true,
				instead: func(x exchange) { body.send(x, status) },
			})
		}
	}
	return all
}

// raw sends a status line and rest unmodified, and closes the connection.
func (x exchange) raw(status int, rest string) {
	x.noted(status)
	connection, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 cannot be hijacked
	}
	defer connection.Close()
	_, _ = fmt.Fprintf(connection, "HTTP/1.1 %d %s\r\n%s", status, http.StatusText(status), rest)
}
