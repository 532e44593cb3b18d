package onlinecheck

import (
	"cmp"
	"crypto/x509"
	"errors"

	"dcs_session_exporter/dcsapi"
)

// place is where a request went.
type place struct {
	host string
	key  string // the configuration key that sets the host
}

func (c *projectCheck) dcs() place { return place{hostOf(c.config.Endpoint), "endpoint"} }
func (c *projectCheck) iam() place { return place{hostOf(c.config.IAMEndpoint), "iam_endpoint"} }

// explain turns an error into a failure: what failed, why, and what to do. what
// may be ""; action is the permission that the request needs.
func (c *projectCheck) explain(to place, what, action string, err error) Finding {
	f := Finding{Severity: SeverityFailure, Reason: dcsapi.ReasonOf(err), Message: messageOf(err)}
	if mayFollow(err) {
		f.follows = &consequence{what: what, answer: f.Message}
	}
	details := detailsOf(err)
	f.RequestID = details.RequestID
	switch {
	case details.Foreign:
		f.Action = "check " + to.key + " and proxy_url: what answers at " + to.host + " is not the API, but for instance a portal, a proxy or another service"
		if f.Reason == dcsapi.ReasonServer {
			f.Action = "run this again later; if it persists, " + f.Action
		} else {
			f.Reason = dcsapi.ReasonDecode
		}
		if details.Problem == dcsapi.ProblemWantsTLS {
			f.Action = "use https:// instead of http:// in " + to.key
		}
	case f.Reason == dcsapi.ReasonAuth:
		f.Message, f.Action = c.keyTrouble(err)
	case f.Reason == dcsapi.ReasonForbidden && action != "":
		what += ", the key's user lacks " + action
		f.Action = "grant " + action + " in this project to the key's user; docs/configuration.md has the complete policy. If you granted it just now, wait a few minutes"
	case f.Reason == dcsapi.ReasonNetwork:
		f.Action = networkAction(to, details.Problem, err)
	case f.Reason == dcsapi.ReasonNotFound && to.key == "iam_endpoint":
		f.Action = "check region, or set project_id; the console shows it under My Credentials"
	default:
		f.Action = actionOf(f.Reason, to)
	}
	if what != "" {
		f.Message = what + ": " + f.Message
	}
	return f
}

// actionOf returns what to do about a failure with reason r.
func actionOf(r dcsapi.Reason, to place) string {
	switch r {
	case dcsapi.ReasonNotFound:
		return "check that " + to.key + ", region and project_id belong together"
	case dcsapi.ReasonThrottled:
		return "wait a minute and run this again; if it persists, lower requests_per_second, or find out who else uses the account's quota"
	case dcsapi.ReasonTimeout:
		return "check whether " + to.host + " can be reached from here (route, firewall, proxy_url); with many nodes, raise --timeout"
	case dcsapi.ReasonServer:
		return "run this again later; if it persists, send the request id to the vendor's support"
	case dcsapi.ReasonDecode, dcsapi.ReasonInconsistent:
		return "check that " + to.key + " is the API's URL; if it is, report the message"
	case dcsapi.ReasonUnsupported:
		return "remove it from the configuration: Redis 3.0 and some regions have no session management"
	default:
		return "look up the error code of the message in the vendor's documentation"
	}
}

// keyTrouble returns what is wrong with the key, and what to do.
func (c *projectCheck) keyTrouble(err error) (message, action string) {
	details := detailsOf(err)
	switch source := cmp.Or(c.api.KeyOrigin(), "its source"); {
	case details.Held:
		return "the key was already refused for another project and was not tried again", "fix it there"
	case details.Status == 0 && c.config.AssumeAgency != nil:
		return c.agencyTrouble(err)
	case details.Status == 0:
		return "there is no key: " + messageOf(err), "set credentials in the configuration, or one of the sources of the default chain"
	default:
		return "the key was refused: " + messageOf(err),
			"check access key and secret key in " + source + ": they must match, belong to this cloud, and not be deleted or disabled. The check sent nothing more with this key: 5 refusals in a row lock it for 5 minutes"
	}
}

// networkAction returns what to do about a failed connection.
func networkAction(to place, problem dcsapi.Problem, err error) string {
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch problem {
	case dcsapi.ProblemDNS:
		return "check region and " + to.key + ", and that this machine can resolve " + to.host + "; if only a proxy can, set proxy_url"
	case dcsapi.ProblemNotTLS:
		return "check the port in " + to.key + ": " + to.host + " does not speak TLS there"
	case dcsapi.ProblemTLS:
		switch {
		case errors.As(err, &host):
			return "check " + to.key + ": the certificate is for other names, so another server answers; or set tls_config.server_name"
		case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
			return "check this machine's clock; if it is right, " + to.host + " needs a new certificate"
		default:
			return "check " + to.key + "; if a proxy intercepts TLS, or you use your own CA, set tls_config.ca_file to that CA"
		}
	case dcsapi.ProblemProxy:
		return "check proxy_url, its user and password, and that the proxy allows connections from this machine to " + to.host
	case dcsapi.ProblemConnect:
		return "check the port in " + to.key + ", and routes and firewalls from here to " + to.host
	default:
		return "check routes, firewalls and proxies from here to " + to.host
	}
}

// isOfService reports whether an error is the DCS API's own answer, so that
// other requests may succeed.
func isOfService(err error) bool {
	switch dcsapi.ReasonOf(err) {
	case dcsapi.ReasonForbidden, dcsapi.ReasonNotFound, dcsapi.ReasonServer, dcsapi.ReasonOther:
		details := detailsOf(err)
		return details.Status != 0 && !details.Foreign
	default:
		return false
	}
}

// lacks reports whether the API refused because a permission is missing.
func lacks(err error) bool {
	return dcsapi.ReasonOf(err) == dcsapi.ReasonForbidden && !detailsOf(err).Foreign
}

// detailsOf returns the API client's error in err, the zero value if there is none.
func detailsOf(err error) dcsapi.Error {
	if e, ok := errors.AsType[*dcsapi.Error](err); ok {
		return *e
	}
	return dcsapi.Error{}
}

// messageOf returns an error's text without the operation and the request id, so
// that equal failures have equal texts.
func messageOf(err error) string {
	e, ok := errors.AsType[*dcsapi.Error](err)
	if !ok {
		return err.Error()
	}
	bare := *e
	bare.Op, bare.RequestID = "", ""
	return bare.Error()
}
