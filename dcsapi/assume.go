package dcsapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"
)

// Agency names an agency of another account, which lets this account act there.
type Agency struct {
	Domain string // id or name of the account that has the agency
	Name   string // of the agency
}

// AgencyOptions configure the source of an agency's keys. Its client is used for
// nothing but to ask for them.
type AgencyOptions struct {
	Agency
	Client      Options // Keys is the source of the key that asks, IAMEndpoint IAM of its account; ProjectID and MaxConcurrentRequests are ignored
	STSEndpoint string  // base URL of STS; "" if it is not known: IAM is asked then
}

const (
	// agencySeconds is for how long the keys of an agency are asked for, in seconds:
	// the most that a temporary key may ask for.
	agencySeconds = 3600
	// agencyTimeout bounds a request for a key.
	agencyTimeout = 15 * time.Second
	// agencySession is the name of the sessions in the other account's audit log.
	agencySession = "dcs_session_exporter"
)

var domainIDPattern = regexp.MustCompile(`^[0-9a-f]{32}$`)

// IsDomainID reports whether the name of an account has the form of an id.
func IsDomainID(domain string) bool { return domainIDPattern.MatchString(domain) }

// NewAgency returns a source of temporary keys of another account, which are asked
// for with another key: from STS (v5) where the account is named by its id, else, or
// where STS cannot be reached or is not there, from IAM (v3). They are valid for an
// hour and are renewed in the background. A refusal of the key that asks counts for
// its breaker in Keyring; a refusal of the agency is an error with ReasonAuth that
// says what is missing.
func NewAgency(o AgencyOptions) KeySource {
	o.Client.ProjectID = "-" // IAM and STS know none
	o.Client.MaxConcurrentRequests = 1
	iam := o.Client
	iam.Endpoint = cmp.Or(iam.Endpoint, iam.IAMEndpoint)
	sts := iam
	sts.IAMEndpoint = o.STSEndpoint
	a := &assumed{Agency: o.Agency}
	if iam.IAMEndpoint != "" {
		a.iam = New(iam)
	}
	if o.STSEndpoint != "" && IsDomainID(o.Domain) {
		a.sts = New(sts)
	}
	s := source{"agency " + o.Name + " of account " + o.Domain, func() (sourcedKey, bool, error) {
		ctx, cancel := context.WithTimeout(context.Background(), agencyTimeout)
		defer cancel()
		key, err := a.assume(ctx)
		return key, true, err
	}}
	return &defaultChain{sources: []source{s}, report: func(KeyEvent) {}}
}

// assumed asks for the keys of an agency.
type assumed struct {
	Agency
	sts, iam *Client // nil if it cannot be asked
}

// assume returns a key of the agency.
func (a *assumed) assume(ctx context.Context) (sourcedKey, error) {
	var failed error // of STS
	if a.sts != nil {
		key, err := a.ask(ctx, a.sts, stsKeys, a.stsBody())
		if err == nil || !noSTS(err) || a.iam == nil {
			return key, a.explain(err)
		}
		failed = err
	}
	if a.iam == nil {
		return sourcedKey{}, errors.New("neither IAM nor STS can be asked: set iam_endpoint, or sts_endpoint and the account's id as domain")
	}
	key, err := a.ask(ctx, a.iam, iamKeys, a.iamBody())
	if err != nil && failed != nil {
		err = fmt.Errorf("%w; before that, %w", err, failed)
	}
	return key, a.explain(err)
}

// noSTS reports whether an error may mean that there is no STS at the endpoint:
// nothing at all was found there, by a proxy perhaps, or nothing of that name. A
// proxy that wants a password is not asked again: it may count rejections.
func noSTS(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	switch e.Problem {
	case ProblemDNS, ProblemConnect:
		return true
	case ProblemProxy:
		refused, ok := errors.AsType[*proxyError](e.Err)
		return ok && refused.status != http.StatusProxyAuthRequired
	default:
		return e.Status == http.StatusNotFound
	}
}

// stsBody returns the request to STS.
func (a *assumed) stsBody() string {
	return jsonText(map[string]any{
		"agency_urn": "iam::" + a.Domain + ":agency:" + a.Name, "agency_session_name": agencySession, "duration_seconds": agencySeconds,
	})
}

// iamBody returns the request to IAM.
func (a *assumed) iamBody() string {
	domain := "domain_name"
	if IsDomainID(a.Domain) {
		domain = "domain_id"
	}
	assume := map[string]any{"agency_name": a.Name, domain: a.Domain, "duration_seconds": agencySeconds, "session_user": map[string]string{"name": agencySession}}
	return jsonText(map[string]any{"auth": map[string]any{"identity": map[string]any{"methods": []string{"assume_role"}, "assume_role": assume}}})
}

// jsonText encodes what can be encoded.
func jsonText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic("dcsapi: " + err.Error())
	}
	return string(text)
}

// keyService is how a service is asked for a key, and the names in its response:
// of the object with the key, and of the object's members.
type keyService struct {
	name, path                            string
	object, access, secret, token, expiry string
}

var (
	stsKeys = keyService{"STS", "/v5/agencies/assume", "credentials", "access_key_id", "secret_access_key", "security_token", "expiration"}
	iamKeys = keyService{"IAM", "/v3.0/OS-CREDENTIAL/securitytokens", "credential", "access", "secret", "securitytoken", "expires_at"}
)

// ask sends a request for a key.
func (a *assumed) ask(ctx context.Context, c *Client, service keyService, body string) (sourcedKey, error) {
	var key sourcedKey
	err := c.do(ctx, &call{
		operation: "assume_agency", action: "ask " + service.name + " for a key", iam: true,
		method: http.MethodPost, path: service.path, body: body,
		decode: func(body []byte, _ http.Header) (err error) {
			key, err = service.decode(body)
			return err
		},
	})
	if err != nil {
		return sourcedKey{}, err
	}
	return key, nil
}

// decode decodes a response. Its errors contain nothing of the key.
func (s keyService) decode(body []byte) (key sourcedKey, err error) {
	response, err := decodeObject(body)
	if err != nil {
		return key, err
	}
	var fields map[string]any
	if json.Unmarshal(response[s.object], &fields) != nil || fields == nil {
		return key, errors.New("it has no " + s.object)
	}
	text := func(name string) string {
		value, _ := fields[name].(string)
		return value
	}
	key.AccessKey, key.SecretKey, key.SecurityToken = text(s.access), text(s.secret), text(s.token)
	key.ends, err = time.Parse(time.RFC3339, text(s.expiry))
	if err != nil { // it was good when it came, for as long as was asked for
		key.ends = time.Now().Add(agencySeconds * time.Second)
	}
	if key.AccessKey == "" || key.SecretKey == "" || key.SecurityToken == "" {
		return key, errors.New("it lacks the access key, the secret key or the security token")
	}
	return key, key.checkValues()
}

// explain returns the error of the requests for a key, with what to do about it
// where the service has answered that there is none.
func (a *assumed) explain(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Status < 400 || e.Status > 499 || e.Reason == ReasonAuth || e.Reason == ReasonThrottled {
		return err
	}
	return fmt.Errorf("%w: the agency must exist and trust the account of the key, whose user needs sts:agencies:assume, or the role Agent Operator", err)
}
