package dcsapi

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
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

// problemOf classifies an error of net/http. handshake is the error of the TLS
// handshake for the request, if any.
func problemOf(err, handshake error) Problem {
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var verification *tls.CertificateVerificationError
	var alert tls.AlertError
	var op *net.OpError
	var refused *proxyError
	var netErr net.Error
	switch {
	case errors.As(err, &refused), errors.As(err, &op) && op.Op == "proxyconnect":
		return ProblemProxy
	case errors.As(err, &dns):
		return ProblemDNS
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return ProblemNotTLS
	case errors.As(err, &verification), errors.As(err, &alert):
		return ProblemTLS
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return ProblemConnect
	case errors.As(err, &netErr) && netErr.Timeout():
		return ProblemTimeout
	case handshake != nil && !errors.Is(handshake, io.EOF) && !errors.As(handshake, &netErr):
		return ProblemTLS
	default:
		return ProblemOther
	}
}

// wantsTLS reports whether a response says that the port expects TLS, in the
// words of Go's server or of nginx.
func wantsTLS(resp *http.Response, body []byte) bool {
	return resp.StatusCode == http.StatusBadRequest && resp.TLS == nil &&
		(bytes.Contains(body, []byte("HTTP request to an HTTPS server")) || bytes.Contains(body, []byte("plain HTTP request was sent to HTTPS port")))
}
