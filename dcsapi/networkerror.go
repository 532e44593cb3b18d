package dcsapi

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

// proxyError is a proxy's refusal to connect to an endpoint.
type proxyError struct{ status int }

// Error implements error.
func (e *proxyError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the proxy answered HTTP %d %s", e.status, http.StatusText(e.status)))
}

// proxyAuthHint says what to do about a proxy that responds with 407.
const proxyAuthHint = "the proxy wants a user name and password, or does not know the ones that it was given: check proxy_url"

// diagnose classifies an error of net/http, and returns what to do about it where
// that is not obvious from the error itself, else "". ownCA reports whether the
// configuration names certificate authorities.
func diagnose(err error, ownCA bool) (problem Problem, hint string) {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "proxyconnect" {
		_, hint = diagnoseAt(err, ownCA, "the proxy", "proxy_url", "proxy_url")
		return ProblemProxy, cmp.Or(hint, "the proxy cannot be reached: check proxy_url")
	}
	return diagnoseAt(err, ownCA, "the endpoint", "the endpoint", "region and the endpoint")
}

// diagnoseAt is diagnose for a host: whose it is, and the settings that name it, for
// a certificate and for a host that does not exist.
func diagnoseAt(err error, ownCA bool, whose, setting, where string) (problem Problem, hint string) {
	var refused *proxyError
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var unknownCA x509.UnknownAuthorityError
	var otherName x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verification *tls.CertificateVerificationError
	var alert tls.AlertError
	var netErr net.Error
	switch {
	case errors.As(err, &refused) && refused.status == http.StatusProxyAuthRequired:
		return ProblemProxy, proxyAuthHint
	case errors.As(err, &refused):
		return ProblemProxy, "the proxy does not connect to the endpoint: check the proxy's rules, and endpoint"
	case errors.As(err, &dns) && dns.IsNotFound:
		return ProblemDNS, "no such host: check " + where + ", and this machine's name servers"
	case errors.As(err, &dns):
		return ProblemDNS, ""
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		if whose == "the proxy" {
			return ProblemNotTLS, "the proxy does not speak TLS: proxy_url must begin with http://, or have another port"
		}
		return ProblemNotTLS, "the endpoint does not speak TLS: check its port, or use http:// if it is on loopback"
	case errors.As(err, &unknownCA):
		issuer := ""
		if unknownCA.Cert != nil {
			issuer = " (" + unknownCA.Cert.Issuer.String() + ")"
		}
		if ownCA {
			return ProblemTLS, whose + "'s certificate is signed by another authority" + issuer + " than the one in tls_config: correct tls_config.ca_file"
		}
		return ProblemTLS, whose + "'s certificate is signed by an unknown authority" + issuer + ": name your CA in tls_config.ca_file"
	case errors.As(err, &otherName):
		return ProblemTLS, whose + "'s certificate is for another host: check " + setting + ", or set tls_config.server_name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return ProblemTLS, whose + "'s certificate is not valid at the time of this machine: check the machine's clock, then the certificate"
	case strings.Contains(err.Error(), "tls: certificate required"):
		return ProblemTLS, whose + " wants a certificate of the client: set tls_config.cert_file and key_file"
	case errors.As(err, &verification), errors.As(err, &alert):
		return ProblemTLS, ""
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return ProblemConnect, ""
	case errors.As(err, &netErr) && netErr.Timeout():
		return ProblemTimeout, ""
	default:
		return ProblemOther, ""
	}
}

// isTLSFailure reports whether the error of a TLS handshake, nil for none, is about
// TLS rather than the connection.
func isTLSFailure(handshake error) bool {
	var netErr net.Error
	return handshake != nil && !errors.Is(handshake, io.EOF) && !errors.As(handshake, &netErr)
}

// isUnreachable reports whether err says that a host cannot be reached: its name
// does not resolve, it does not respond, or a proxy reports either.
func isUnreachable(err error) bool {
	if refused, ok := errors.AsType[*proxyError](err); ok {
		return refused.status >= http.StatusInternalServerError
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Op == "dial" // rather than proxyconnect
	}
	return errors.Is(err, context.DeadlineExceeded)
}

// suggest adds another endpoint to the error of a host that cannot be reached.
// It does nothing if endpoint is "".
func (e *Error) suggest(endpoint string, iam bool) {
	if endpoint == "" {
		return
	}
	key := "endpoint"
	if iam {
		key = "iam_endpoint"
	}
	hint := "sources differ on where the API of this region is, and it may be at another host: to use that, set " + key + ": " + endpoint
	if e.Message != "" {
		hint = e.Message + "; " + hint
	}
	e.Message = hint
}

// transportError returns an error of net/http without the URL around it. ownCA
// reports whether the configuration names certificate authorities.
func transportError(ctx context.Context, err error, ownCA, unsent bool) *Error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	switch {
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return &Error{Reason: ReasonTimeout, Message: noResponse, Problem: ProblemTimeout, unsent: unsent}
	case errors.Is(ctx.Err(), context.Canceled):
		return &Error{Reason: ReasonTimeout, Message: "cancelled: the caller no longer waits for the response", Err: context.Canceled, Problem: ProblemTimeout, unsent: unsent}
	}
	problem, hint := diagnose(err, ownCA)
	return &Error{Reason: ReasonNetwork, Message: hint, Err: err, Problem: problem, unsent: unsent}
}

// noResponse is the message of errors about a missed deadline.
const noResponse = "no response before the deadline"
