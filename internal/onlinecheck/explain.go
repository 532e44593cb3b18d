package onlinecheck

import (
	"crypto/x509"
	"errors"

	"dcs_session_exporter/dcsapi"
)

// place is where a request went.
type place struct {
	host string
	key  string // of the configuration, which says so
}

func (c *projectCheck) dcs() place { return place{hostOf(c.config.Endpoint), "endpoint"} }
func (c *projectCheck) iam() place { return place{hostOf(c.config.IAMEndpoint), "iam_endpoint"} }

// explain makes a failure of an error: what, why, and what to do. what may be
// "", action is the permission that the request needs.
func (c *projectCheck) explain(to place, what, action string, err error) Finding {
	f := Finding{Severity: SeverityFailure, Reason: dcsapi.ReasonOf(err), Message: messageOf(err)}
	if mayFollow(err) {
		f.follows = &consequence{what: what, answer: f.Message}
	}
	if e, ok := errors.AsType[*dcsapi.Error](err); ok {
		f.RequestID = e.RequestID
	}
	problem := problemOf(err)
	switch {
	case isForeign(err):
		f.Action = "check " + to.key + " and proxy_url: something other than the API answers at " + to.host + ", such as a portal, a proxy or another service"
		if f.Reason == dcsapi.ReasonServer {
			f.Action = "run this again later; if it stays so, " + f.Action
		} else {
			f.Reason = dcsapi.ReasonDecode
		}
		if problem == dcsapi.ProblemWantsTLS {
			f.Action = "write https:// rather than http:// in " + to.key
		}
	case f.Reason == dcsapi.ReasonAuth:
		f.Message, f.Action = c.keyTrouble(err)
	case f.Reason == dcsapi.ReasonForbidden && action != "":
		what += ", the key's user lacks " + action
		f.Action = "grant " + action + " in this project to the key's user; the README has the whole policy. If it was granted just now, wait some minutes"
	case f.Reason == dcsapi.ReasonNetwork:
		f.Action = networkAction(to, problem, err)
	case dcsapi.ReasonOf(err) == dcsapi.ReasonNotFound && to.key == "iam_endpoint":
		f.Action = "check region, or set project_id; the console has it under My Credentials"
	default:
		f.Action = actionOf(f.Reason, to)
	}
	if what != "" {
		f.Message = what + ": " + f.Message
	}
	return f
}

// actionOf says what to do about a failure of a reason.
func actionOf(r dcsapi.Reason, to place) string {
	switch r {
	case dcsapi.ReasonNotFound:
		return "check that " + to.key + ", region and project_id belong together"
	case dcsapi.ReasonThrottled:
		return "wait a minute and run this again; if it stays so, lower requests_per_second, or see who else uses up the account's quota"
	case dcsapi.ReasonTimeout:
		return "see whether " + to.host + " answers from here (route, firewall, proxy_url); with many nodes, raise --timeout"
	case dcsapi.ReasonServer:
		return "run this again later; if it stays so, give the request id to the vendor's support"
	case dcsapi.ReasonDecode, dcsapi.ReasonInconsistent:
		return "check that " + to.key + " is that of the API; if it is, report the message"
	case dcsapi.ReasonUnsupported:
		return "take it out of the configuration: Redis 3.0 and some regions have none"
	default:
		return "the message has the API's own words; the vendor's list of error codes has more"
	}
}

// keyTrouble words what is wrong with a key, and what to do.
func (c *projectCheck) keyTrouble(err error) (message, action string) {
	switch source := orNone(c.api.KeyOrigin(), "its source"); {
	case isHeld(err):
		return "the key was refused for another project already, and was not tried again", "see there"
	case statusOf(err) == 0:
		return "there is no key: " + messageOf(err), "set credentials in the configuration, or one of the sources of the default chain"
	default:
		return "the key was refused: " + messageOf(err),
			"check access key and secret key in " + source + ": a pair, not deleted, not disabled, of this cloud. Nothing more was sent with it: it is locked for 5 minutes after 5 refusals in a row"
	}
}

// isHeld reports whether a refused key was not used again.
func isHeld(err error) bool {
	e, ok := errors.AsType[*dcsapi.Error](err)
	return ok && e.Held
}

// problemOf returns why an endpoint was not reached, "" if it was.
func problemOf(err error) dcsapi.Problem {
	if e, ok := errors.AsType[*dcsapi.Error](err); ok {
		return e.Problem
	}
	return ""
}

// networkAction says what to do about a connection that could not be had.
func networkAction(to place, problem dcsapi.Problem, err error) string {
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch problem {
	case dcsapi.ProblemDNS:
		return "check region and " + to.key + ", and that this machine resolves " + to.host + "; where only a proxy does, set proxy_url"
	case dcsapi.ProblemNotTLS:
		return "check the port in " + to.key + ": " + to.host + " does not speak TLS there"
	case dcsapi.ProblemTLS:
		switch {
		case errors.As(err, &host):
			return "check " + to.key + ": the certificate is for other names, so it is another server's; or set tls_config.server_name"
		case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
			return "check this machine's clock; if it is right, the certificate of " + to.host + " has to be renewed"
		default:
			return "check " + to.key + "; behind a proxy that opens TLS, or with a CA of your own, name the CA in tls_config.ca_file"
		}
	case dcsapi.ProblemProxy:
		return "check proxy_url, its user and password, and that the proxy lets this machine through to " + to.host
	case dcsapi.ProblemConnect:
		return "check the port in " + to.key + ", and routes and firewalls from here to " + to.host
	default:
		return "check routes, firewalls and proxies from here to " + to.host
	}
}

// isForeign reports whether something that is not the API has answered.
func isForeign(err error) bool {
	e, ok := errors.AsType[*dcsapi.Error](err)
	return ok && e.Foreign
}

// isOfService tells whether an error is the DCS API's own answer, so that
// other requests may fare better.
func isOfService(err error) bool {
	switch dcsapi.ReasonOf(err) {
	case dcsapi.ReasonForbidden, dcsapi.ReasonNotFound, dcsapi.ReasonServer, dcsapi.ReasonOther:
		return statusOf(err) != 0 && !isForeign(err)
	default:
		return false
	}
}

// lacks tells whether the API has refused for want of a permission.
func lacks(err error) bool {
	return dcsapi.ReasonOf(err) == dcsapi.ReasonForbidden && !isForeign(err)
}

// statusOf returns the HTTP status of an error, 0 if there was no answer.
func statusOf(err error) int {
	if e, ok := errors.AsType[*dcsapi.Error](err); ok {
		return e.Status
	}
	return 0
}

// codeOf returns the error_code of an error, "" if there is none.
func codeOf(err error) string {
	if e, ok := errors.AsType[*dcsapi.Error](err); ok {
		return e.Code
	}
	return ""
}

// messageOf returns an error's text without what was being done and the
// request's id, so that it is the same for all that it happens to.
func messageOf(err error) string {
	e, ok := errors.AsType[*dcsapi.Error](err)
	if !ok {
		return err.Error()
	}
	bare := *e
	bare.Op, bare.RequestID = "", ""
	return bare.Error()
}
