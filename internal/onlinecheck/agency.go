package onlinecheck

import (
	"errors"

	"dcs_session_exporter/dcsapi"
)

// agencyTrouble returns why there is no key of the agency, and what to do.
func (c *projectCheck) agencyTrouble(err error) (message, action string) {
	message = "there is no key of the agency: " + messageOf(err)
	cause := causeOf(err)
	to := place{hostOf(c.config.STSEndpoint), "sts_endpoint"}
	switch {
	case c.config.STSEndpoint == "":
		to = c.iam()
	case c.config.IAMEndpoint != "" && c.iam().host != to.host:
		to = place{to.host + " and " + c.iam().host, "sts_endpoint and iam_endpoint"}
	}
	switch {
	case cause == nil: // the service gave a key that has expired
		return message, "synchronise this machine's clock with NTP"
	case cause.Held:
		return message, "fix it where it was refused first: the check does not try a refused key again"
	case cause.Reason == dcsapi.ReasonAuth && cause.Status == 0:
		return message, "set credentials in the configuration, or one of the sources of the default chain: that key asks for the agency's"
	case cause.Reason == dcsapi.ReasonAuth:
		return message, "check access key and secret key of the key that asks for the agency's (credentials, or the default chain): they must match, belong to this cloud, and not be deleted or disabled"
	case cause.Reason == dcsapi.ReasonNetwork:
		return message, networkAction(to, cause.Problem, cause)
	case cause.Foreign:
		return message, "check " + to.key + " and proxy_url: what answers at " + to.host + " is not the cloud's"
	case cause.Status >= 400 && cause.Status < 500 && cause.Reason != dcsapi.ReasonThrottled && cause.Reason != dcsapi.ReasonTimeout:
		return message, "in the account to read, create the agency, let it trust the account of the key, and give it the read-only policy; " +
			"allow the key's user sts:agencies:assume; correct domain and agency under assume_agency"
	default:
		return message, actionOf(cause.Reason, to)
	}
}

// causeOf returns the error of the request for a key, nil if there is none.
func causeOf(err error) *dcsapi.Error {
	e, ok := errors.AsType[*dcsapi.Error](err)
	if !ok {
		return nil
	}
	cause, _ := errors.AsType[*dcsapi.Error](e.Err)
	return cause
}
