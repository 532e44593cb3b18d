package emulator

import (
	"bytes"
	"fmt"
	"html"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// wireAttacks are attacks on how answers are transferred.
var wireAttacks = []Attack{
	{Name: "drip", Help: "answers about the instance arrive at one byte a second", change: func(x exchange, a answer) {
		x.begin(a.status)
		for i := range a.body {
			if _, err := x.w.Write(a.body[i : i+1]); err != nil {
				return
			}
			x.flush()
			select {
			case <-time.After(time.Second):
			case <-x.r.Context().Done():
				return
			case <-x.s.ended:
				return
			}
		}
	}},
	{Name: "hang", Help: "requests about the instance are not answered", instead: func(x exchange) {
		x.noted(0)
		x.wait()
	}},
	{Name: "hang-half", Help: "half of the project's requests are not answered", project: true, share: .5, instead: func(x exchange) {
		x.noted(0)
		x.wait()
	}},
	{Name: "reset", Help: "connections are reset for three of four requests about the instance, during or before the answer", share: .75, change: func(x exchange, a answer) {
		x.noted(0)
		connection, _, err := http.NewResponseController(x.w).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer connection.Close()
		if x.rng.IntN(2) == 0 {
			_, _ = fmt.Fprintf(connection, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(a.body)+1, a.body[:len(a.body)/2])
		}
		if tcp, isTCP := connection.(*net.TCPConn); isTCP {
			_ = tcp.SetLinger(0)
		}
	}},
	{Name: "redirect", Help: "requests of the project are redirected with 301, 302, 307 or 308 to a path that does not exist", project: true, instead: func(x exchange) {
		status := []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect}[x.rng.IntN(4)]
		x.begin(status, "Location", "http://"+x.r.Host+"/redirected")
	}},
	{Name: "garbage", Help: "answers about the instance are random bytes, up to 64 KiB", instead: func(x exchange) {
		x.begin(http.StatusOK)
		garbage := make([]byte, x.rng.IntN(64<<10))
		for i := range garbage {
			garbage[i] = byte(x.rng.Uint32())
		}
		_, _ = x.w.Write(garbage)
	}},
	{Name: "deep-json", Help: "answers about the instance are nested a million brackets deep", instead: func(x exchange) {
		x.begin(http.StatusOK)
		_, _ = x.w.Write([]byte(`{"clients":`))
		_, _ = x.w.Write(bytes.Repeat([]byte("["), 1_000_000))
	}},
	{Name: "header-flood", Help: "answers about the instance have headers of 12 MiB", instead: func(x exchange) {
		x.raw(http.StatusOK, strings.Repeat("X-Flood: "+strings.Repeat("x", 1000)+"\r\n", 12<<10)+"\r\n")
	}},
	{Name: "endless-hints", Help: "requests about the instance are answered with 103 Early Hints without end", instead: func(x exchange) {
		x.noted(0)
		for x.r.Context().Err() == nil {
			x.w.Header().Set("Link", "<"+strings.Repeat("x", 500)+">")
			x.w.WriteHeader(http.StatusEarlyHints)
			select {
			case <-time.After(time.Millisecond):
			case <-x.s.ended:
				panic(http.ErrAbortHandler)
			}
		}
	}},
}

// echoAttacks are attacks that send back parts of the request.
var echoAttacks = []Attack{
	{Name: "echo-headers", Help: "requests of the project fail, and the answer's headers repeat the request's headers", project: true, share: .5, instead: func(x exchange) {
		a := failure(http.StatusBadRequest, "DCS.4800", "Invalid parameter.")
		said := strings.Join(x.said(), "; ")
		a.header = http.Header{"X-Request-Id": {said}, "Retry-After": {said}, "Content-Type": {said}, "Server": {said}}
		x.reply(a)
	}},
	{Name: "echo-json", Help: "requests of the project fail, and their errors repeat the request's headers", project: true, share: .5, instead: func(x exchange) {
		said := strings.Join(x.said(), "; ")
		status := []int{http.StatusBadRequest, http.StatusForbidden, http.StatusInternalServerError, http.StatusBadGateway}[x.rng.IntN(4)]
		x.reply(gatewayFailure(status, "APIGW.9999 "+said, said, said))
	}},
	{Name: "echo-html", Help: "requests of the project fail, and a page of HTML repeats the request's headers, split by tags and escaped", project: true, share: .5, instead: func(x exchange) {
		var b strings.Builder
		b.WriteString("<html><body>")
		for _, line := range x.said() {
			at := x.rng.IntN(len(line))
			fmt.Fprintf(&b, "<p>%s<b></b>%s</p>\n<pre>%s</pre>", line[:at], line[at:], html.EscapeString(line))
		}
		x.reply(answer{status: http.StatusBadGateway, header: http.Header{"Content-Type": {"text/html"}}, body: []byte(b.String())})
	}},
	{Name: "echo-values", Help: "answers about the instance succeed, and their values repeat the request's headers", operations: listClientsOnly, change: page(func(x exchange, p *clientsPage) {
		said := x.said()
		for i := range p.Clients {
			p.Clients[i].Events = said[i%len(said)]
			p.Clients[i].Name, _, _ = strings.Cut(said[i%len(said)], "Signature=") // values that are exported
			p.Clients[i].Cmd = p.Clients[i].Name
		}
		p.Time = ok(strings.Join(said, "; ")).body
	})},
}

// said returns the headers of a request, one per line.
func (x exchange) said() []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(x.r.Header)) {
		lines = append(lines, name+": "+strings.Join(x.r.Header[name], ", "))
	}
	return lines
}
