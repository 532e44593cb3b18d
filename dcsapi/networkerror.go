package dcsapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// proxyError is a proxy's refusal to connect to an endpoint.
type proxyError struct{ status int }

// Error implements error.
func (e *proxyError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the proxy answered HTTP %d %s", e.status, http.StatusText(e.status)))
}

// proxyAuthHint says what to do about a proxy that responds with 407.
const proxyAuthHint = "the proxy wants a user name and password, or does not know the ones that it was given: check proxy_url"

// networkHint returns what to do about an error of net/http where that is not
// obvious from the error itself, else "". ownCA reports whether the
// configuration names certificate authorities.
func networkHint(err error, ownCA bool) string {
	var tlsRecord tls.RecordHeaderError
	var unknownCA x509.UnknownAuthorityError
	var otherName x509.HostnameError
	var invalid x509.CertificateInvalidError
	op, _ := errors.AsType[*net.OpError](err)
	atProxy := op != nil && op.Op == "proxyconnect"
	whose, setting, where := "the endpoint", "the endpoint", "region and the endpoint"
	if atProxy {
		whose, setting, where = "the proxy", "proxy_url", "proxy_url"
	}
	switch {
	case errors.As(err, &tlsRecord), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		if atProxy {
			return "the proxy does not speak TLS: proxy_url must begin with http://, or have another port"
		}
		return "the endpoint does not speak TLS: check its port, or use http:// if it is on loopback"
	case errors.As(err, &unknownCA):
		issuer := ""
		if unknownCA.Cert != nil {
			issuer = " (" + unknownCA.Cert.Issuer.String() + ")"
		}
		if ownCA {
			return whose + "'s certificate is signed by another authority" + issuer + " than the one in tls_config: correct tls_config.ca_file"
		}
		return whose + "'s certificate is signed by an unknown authority" + issuer + ": name your CA in tls_config.ca_file"
	case errors.As(err, &otherName):
		return whose + "'s certificate is for another host: check " + setting + ", or set tls_config.server_name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return whose + "'s certificate is not valid at the time of this machine: check the machine's clock, then the certificate"
	case strings.Contains(err.Error(), "tls: certificate required"):
		return whose + " wants a certificate of the client: set tls_config.cert_file and key_file"
	}
	if refused, ok := errors.AsType[*proxyError](err); ok {
		if refused.status == http.StatusProxyAuthRequired {
			return proxyAuthHint
		}
		return "the proxy does not connect to the endpoint: check the proxy's rules, and endpoint"
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return "no such host: check " + where + ", and this machine's name servers"
	}
	if atProxy {
		return "the proxy cannot be reached: check proxy_url"
	}
	return ""
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
	return &Error{Reason: ReasonNetwork, Message: networkHint(err, ownCA), Err: err, Problem: problemOf(err, nil), unsent: unsent}
}

// noResponse is the message of errors about a missed deadline.
const noResponse = "no response before the deadline"
