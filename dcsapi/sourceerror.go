package dcsapi

import (
	"cmp"
	"context"
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

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/sdkerr"
)

// metadataHost is where the metadata service is on every machine of the cloud.
const metadataHost = "169.254.169.254"

// vendorCode matches the error codes of the vendor's services.
var vendorCode = regexp.MustCompile(`^[A-Za-z]{2,8}\.[0-9]{4,6}$`)

// sourceFailed returns the error of a source that is set up and has no key. It
// wraps the error of a request that the source has sent with a key of its own.
func sourceFailed(source string, err error) *Error {
	failed := &Error{Op: "get credentials", Reason: ReasonAuth, Message: source + ": " + err.Error()}
	if _, ok := errors.AsType[*Error](err); ok {
		failed.Message, failed.Err = source, err
	}
	return failed
}

// explainSDK returns why the SDK got no key from a source. It quotes only those
// parts of a response that cannot be a secret. redactor removes the secrets that
// were sent, and is nil if they are not known.
func explainSDK(err error, ownCA bool, redactor *redactor) string {
	if response, ok := errors.AsType[*sdkerr.ServiceResponseError](err); ok {
		text := fmt.Sprintf("answered HTTP %d", response.StatusCode)
		if vendorCode.MatchString(response.ErrorCode) {
			text += " " + response.ErrorCode
		}
		if response.RequestId != "" && redactor != nil {
			text += " (request id " + redactor.quote(response.RequestId, maxRequestID) + ")"
		}
		return text
	}
	u, ok := errors.AsType[*url.Error](err)
	switch {
	case !ok:
		return "answered with an error, or with something other than a key"
	case u.Timeout():
		return "no response in time"
	}
	if _, advice := diagnose(u.Err, ownCA); advice != "" {
		return "not reachable: " + advice
	}
	// Other errors of net/http quote what was received.
	if op, ok := errors.AsType[*net.OpError](u.Err); ok {
		return "not reachable: " + op.Error()
	}
	return "the connection broke, or the response is not HTTP"
}

// sentSecrets returns a redactor of what the SDK sends: the token in a file, and
// other secrets. It returns nil if the token cannot be read.
func (s *sdk) sentSecrets(tokenFile string, others ...string) *redactor {
	token, err := readSecretFile(context.Background(), &s.files, tokenFile)
	if err != nil {
		return nil
	}
	return newRedactor(append(others, token)...)
}

// explainMetadata returns why the metadata service provides no key.
func explainMetadata(err error) string {
	text := explainSDK(err, false, nil)
	if response, ok := errors.AsType[*sdkerr.ServiceResponseError](err); ok && strings.Contains(response.ErrorMessage, "configure Cloud Service Agency") {
		text = "the machine has no agency: give it one in the console"
	}
	probe := &http.Request{URL: &url.URL{Scheme: "http", Host: metadataHost}}
	if proxy, err := http.ProxyFromEnvironment(probe); err == nil && proxy != nil {
		text += "; it was asked through the proxy of HTTP_PROXY: put " + metadataHost + " into NO_PROXY"
	}
	return text
}

// explainPod returns why the identity of the pod provides no key.
func (s *sdk) explainPod(err error) string {
	if os.Getenv(envPodURL) == "" || os.Getenv(envPodTokenFile) == "" {
		return cmp.Or(halfSet(envPodURL, envPodTokenFile), "not set")
	}
	if text := fileProblem(err); text != "" {
		return "the file that " + envPodTokenFile + " names " + text
	}
	if u, ok := errors.AsType[*url.Error](err); ok && u.Op == "parse" {
		return envPodURL + " is not a URL"
	}
	return explainSDK(err, false, s.sentSecrets(os.Getenv(envPodTokenFile)))
}

// explainIdentity returns why IAM does not exchange an identity token for a key.
func (s *sdk) explainIdentity(err error, basic *auth.BasicCredentials) string {
	if text := fileProblem(err); text != "" {
		return "the identity token's file " + basic.IdTokenFile + " " + text
	}
	sent := s.sentSecrets(basic.IdTokenFile, proxySecrets(s.transport.Proxy, basic.IamEndpoint)...)
	text := "IAM: " + explainSDK(err, ownCA(s.transport.TLSClientConfig), sent)
	if response, ok := errors.AsType[*sdkerr.ServiceResponseError](err); ok && response.StatusCode < http.StatusInternalServerError {
		text += ": check the identity provider's id and that the token in " + basic.IdTokenFile + " is fresh"
	}
	return text
}

// explainProfile returns why the profile file provides no key.
func explainProfile(err error) string {
	if text := fileProblem(err); text != "" {
		return text
	}
	if _, noHome := os.UserHomeDir(); noHome != nil && os.Getenv(envProfile) == "" {
		return "there is no home directory: set HOME, or " + envProfile
	}
	if _, ok := errors.AsType[*sdkerr.CredentialsTypeError](err); ok {
		return "has no section [basic] with ak and sk, or idp_id and id_token_file"
	}
	return "cannot be read as lines of name = value in sections"
}

// fileProblem returns why a file cannot be read, "" if err does not say that.
func fileProblem(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "does not exist"
	case errors.Is(err, fs.ErrPermission):
		return "is not readable by the exporter's user"
	case errors.Is(err, file.ErrNotRegular), errors.Is(err, file.ErrTooLarge), errors.Is(err, file.ErrLate):
		return err.Error()
	}
	if e, ok := errors.AsType[*sdkerr.CredentialsTypeError](err); ok && strings.HasSuffix(e.ErrorMessage, "content is empty") {
		return "is empty"
	}
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return "cannot be read: " + pathErr.Err.Error()
	}
	return ""
}
