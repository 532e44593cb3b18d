package dcsapi

import (
	"bytes"
	"net/http"
)

// Problem classifies why the API could not be reached or did not understand the
// connection.
type Problem string

// The values of Problem.
const (
	ProblemDNS      Problem = "dns"       // the name does not resolve
	ProblemConnect  Problem = "connect"   // no connection
	ProblemTimeout  Problem = "timeout"   // no response before the deadline
	ProblemTLS      Problem = "tls"       // the handshake failed, or a certificate was rejected
	ProblemNotTLS   Problem = "not_tls"   // the server does not speak TLS
	ProblemWantsTLS Problem = "wants_tls" // the server does, but plain HTTP was sent
	ProblemProxy    Problem = "proxy"     // the proxy failed or refused
	ProblemOther    Problem = "other"     // the connection broke
)

// wantsTLS reports whether a response says that the port expects TLS, in the
// words of Go's server or of nginx.
func wantsTLS(resp *http.Response, body []byte) bool {
	return resp.StatusCode == http.StatusBadRequest && resp.TLS == nil &&
		(bytes.Contains(body, []byte("HTTP request to an HTTPS server")) || bytes.Contains(body, []byte("plain HTTP request was sent to HTTPS port")))
}
