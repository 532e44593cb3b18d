package dcsapi

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"

	"dcs_session_exporter/internal/file"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/sdkerr"
)

// metadataHost is where the metadata service is on every machine of the cloud.
const metadataHost = "169.254.169.254"

// proxyError is a proxy's refusal to connect to the endpoint.
type proxyError struct{ status int }

// Error implements error.
func (e *proxyError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the proxy answered HTTP %d %s", e.status, http.StatusText(e.status)))
}

// needsPassword is what to do about a proxy that answers 407.
const needsPassword = "the proxy wants a user name and password, or does not know the ones that it was given: check proxy_url"

// networkAdvice says what to do about an error of net/http where that is not
// plain from the error itself, else "". ownCA reports whether the configuration
// names authorities.
func networkAdvice(err error, ownCA bool) string {
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
			return needsPassword
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

// isUnreachable reports whether err says that there was no way to a host: its
// name does not resolve, nobody answers there, or a proxy says so.
func isUnreachable(err error) bool {
	if refused, ok := errors.AsType[*proxyError](err); ok {
		return refused.status >= http.StatusInternalServerError
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Op == "dial" // rather than proxyconnect
	}
	return errors.Is(err, context.DeadlineExceeded)
}

// suggest adds to an error of a host that cannot be reached where else its
// service may be; endpoint is "" if nowhere.
func (e *Error) suggest(endpoint string, iam bool) {
	if endpoint == "" {
		return
	}
	key := "endpoint"
	if iam {
		key = "iam_endpoint"
	}
	advice := "sources differ on where the API of this region is, and it may be at another host: to use that, set " + key + ": " + endpoint
	if e.Message != "" {
		advice = e.Message + "; " + advice
	}
	e.Message = advice
}

// vendorCode is what the error codes of the vendor's services look like.
var vendorCode = regexp.MustCompile(`^[A-Za-z]{2,8}\.[0-9]{4,6}$`)

// answerTrouble says why a source of keys has no answer that is a key. It
// quotes of the answer what cannot be a secret; hidden is what hides those that
// were sent, nil if they are not known.
func answerTrouble(err error, ownCA bool, hidden *hidden) string {
	if answer, ok := errors.AsType[*sdkerr.ServiceResponseError](err); ok {
		text := fmt.Sprintf("answered HTTP %d", answer.StatusCode)
		if vendorCode.MatchString(answer.ErrorCode) {
			text += " " + answer.ErrorCode
		}
		if answer.RequestId != "" && hidden != nil {
			text += " (request id " + hidden.quote(answer.RequestId, 80) + ")"
		}
		return text
	}
	u, ok := errors.AsType[*url.Error](err)
	switch {
	case !ok:
		return "answered with an error, or with something that is no key"
	case u.Timeout():
		return "no answer in time"
	}
	if advice := networkAdvice(u.Err, ownCA); advice != "" {
		return "not reachable: " + advice
	}
	// Other errors of net/http quote what has come.
	if op, ok := errors.AsType[*net.OpError](u.Err); ok {
		return "not reachable: " + op.Error()
	}
	return "the connection broke, or what came over it is no HTTP"
}

// sentSecrets returns what hides the secrets that sources send: those of the
// environment and the tokens in files.
func sentSecrets(files *file.Reader, paths ...string) *hidden {
	var secrets []string
	for _, name := range []string{envAccessKey, envSecretKey, envToken, envSampleAccessKey, envSampleSecretKey} {
		secrets = append(secrets, os.Getenv(name))
	}
	for _, path := range paths {
		content, err := readSecretFile(context.Background(), files, path)
		if err != nil {
			return nil
		}
		secrets = append(secrets, content)
	}
	return hide(secrets...)
}

// metadataTrouble words why the metadata service gives no key.
func metadataTrouble(err error) string {
	text := answerTrouble(err, false, nil)
	if answer, ok := errors.AsType[*sdkerr.ServiceResponseError](err); ok && strings.Contains(answer.ErrorMessage, "configure Cloud Service Agency") {
		text = "the machine has no agency: give it one in the console"
	}
	probe := &http.Request{URL: &url.URL{Scheme: "http", Host: metadataHost}}
	if proxy, err := http.ProxyFromEnvironment(probe); err == nil && proxy != nil {
		text += "; it was asked through the proxy of HTTP_PROXY: put " + metadataHost + " into NO_PROXY"
	}
	return text
}

// podTrouble words why the identity of the pod gives no key.
func podTrouble(err error) string {
	if os.Getenv(envPodURL) == "" || os.Getenv(envPodTokenFile) == "" {
		return cmp.Or(halfSet(envPodURL, envPodTokenFile), "not set")
	}
	if text := fileTrouble(err); text != "" {
		return "the file that " + envPodTokenFile + " names " + text
	}
	if u, ok := errors.AsType[*url.Error](err); ok && u.Op == "parse" {
		return envPodURL + " is not a URL"
	}
	return answerTrouble(err, false, sentSecrets(new(file.Reader), os.Getenv(envPodTokenFile)))
}

// identityTrouble words why IAM gives no key for an identity token. hidden is
// what hides the secrets that were sent, nil if they are not known.
func identityTrouble(err error, tokenFile string, ownCA bool, hidden *hidden) string {
	if text := fileTrouble(err); text != "" {
		return "the identity token's file " + tokenFile + " " + text
	}
	text := "IAM: " + answerTrouble(err, ownCA, hidden)
	if answer, ok := errors.AsType[*sdkerr.ServiceResponseError](err); ok && answer.StatusCode < http.StatusInternalServerError {
		text += ": check the identity provider's id and that the token in " + tokenFile + " is fresh"
	}
	return text
}

// profileTrouble words why the profile file has no key.
func profileTrouble(err error) string {
	if text := fileTrouble(err); text != "" {
		return text
	}
	if _, ok := errors.AsType[*sdkerr.CredentialsTypeError](err); ok {
		return "has no section [basic] with ak and sk, or idp_id and id_token_file"
	}
	return "cannot be read as lines of name = value in sections"
}

// fileTrouble words why a file cannot be read, "" if that is not the trouble.
func fileTrouble(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "does not exist"
	case errors.Is(err, fs.ErrPermission):
		return "is not readable by the exporter's user"
	}
	if e, ok := errors.AsType[*sdkerr.CredentialsTypeError](err); ok && strings.HasSuffix(e.ErrorMessage, "content is empty") {
		return "is empty"
	}
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return "cannot be read: " + pathErr.Err.Error()
	}
	return ""
}
