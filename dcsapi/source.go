package dcsapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"dcs_session_exporter/internal/file"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/provider"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/signer/algorithm"
	sdkconfig "github.com/huaweicloud/huaweicloud-sdk-go-v3/core/config"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/impl"
)

// Environment variables that the SDK reads.
const (
	envAccessKey    = "HUAWEICLOUD_SDK_AK"
	envSecretKey    = "HUAWEICLOUD_SDK_SK"
	envToken        = "HUAWEICLOUD_SDK_SECURITY_TOKEN"
	envIDP          = "HUAWEICLOUD_SDK_IDP_ID"
	envIDTokenFile  = "HUAWEICLOUD_SDK_ID_TOKEN_FILE"
	envProfile      = "HUAWEICLOUD_SDK_CREDENTIALS_FILE"
	envPodURL       = "HC_CONTAINER_CREDENTIALS_FULL_URI"
	envPodTokenFile = "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE"

	// Those of the vendor's samples.
	envSampleAccessKey = "CLOUD_SDK_AK"
	envSampleSecretKey = "CLOUD_SDK_SK"

	// Those of the vendor's Terraform provider.
	envTerraformAccessKey = "HW_ACCESS_KEY"
	envTerraformSecretKey = "HW_SECRET_KEY"
	envTerraformToken     = "HW_SECURITY_TOKEN"
)

// source is a source of keys in the default chain.
type source struct {
	name    string
	get     func() (auth.ICredential, error)
	explain func(error) string // why get has failed
	file    func() string      // returns the name of the file that get reads, nil for none
	files   *file.Reader

	// fetch, if set, returns the key in place of all else, as key does.
	fetch func() (key sourcedKey, found bool, err error)

	// For a source that has only an identity, which IAM exchanges for a key.
	iamEndpoint string
	transport   *http.Transport
}

// newSources returns the sources in the order in which they are tried.
func newSources(iamEndpoint string, transport *http.Transport) []source {
	profile, explainProfile := profileFile()
	sources := []source{
		{
			name: "environment (" + envAccessKey + " and _SK, or _IDP_ID and _ID_TOKEN_FILE)",
			get:  provider.BasicCredentialEnvProvider().GetCredentials,
			explain: func(error) string {
				return cmp.Or(halfSet(envAccessKey, envSecretKey), halfSet(envIDP, envIDTokenFile), "not set")
			},

			iamEndpoint: iamEndpoint, transport: transport,
		},
		{
			name:    "environment (" + envSampleAccessKey + " and _SK)",
			get:     environmentKey(envSampleAccessKey, envSampleSecretKey, ""),
			explain: func(error) string { return cmp.Or(halfSet(envSampleAccessKey, envSampleSecretKey), "not set") },
		},
		{
			name:    "environment (" + envTerraformAccessKey + " and " + envTerraformSecretKey + ")",
			get:     environmentKey(envTerraformAccessKey, envTerraformSecretKey, envTerraformToken),
			explain: func(error) string { return cmp.Or(halfSet(envTerraformAccessKey, envTerraformSecretKey), "not set") },
		},
		{
			name:    "profile file (" + profile + ")",
			get:     provider.BasicCredentialProfileProvider().GetCredentials,
			explain: explainProfile,
			file:    func() string { return profile },

			iamEndpoint: iamEndpoint, transport: transport,
		},
		kooCLISource(),
		{
			name:    "agency of the machine (metadata service at " + metadataHost + ")",
			get:     provider.BasicCredentialMetadataProvider().GetCredentials,
			explain: explainMetadata,
		},
		{
			name:    "identity of the pod (" + envPodURL + ")",
			get:     provider.BasicCredentialPodIdentityProvider().GetCredentials,
			explain: explainPod,
			file:    func() string { return os.Getenv(envPodTokenFile) },
		},
	}
	for i := range sources {
		sources[i].files = new(file.Reader)
	}
	return sources
}

// profileFile returns the name of the SDK's profile file, and what explains an
// error of reading it.
func profileFile() (string, func(error) string) {
	if path := os.Getenv(envProfile); path != "" {
		return path, explainProfile
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "~/.huaweicloud/credentials", func(error) string { return "there is no home directory: set HOME, or " + envProfile }
	}
	return filepath.Join(home, ".huaweicloud", "credentials"), explainProfile
}

// environmentKey returns what reads a key from variables that the SDK does not
// know. token is "" if there is none for the security token.
func environmentKey(accessKey, secretKey, token string) func() (auth.ICredential, error) {
	return func() (auth.ICredential, error) {
		ak, sk := os.Getenv(accessKey), os.Getenv(secretKey)
		if ak == "" || sk == "" {
			return nil, errors.New("not set")
		}
		b := auth.NewBasicCredentialsBuilder().WithAk(ak).WithSk(sk)
		if token != "" {
			b = b.WithSecurityToken(os.Getenv(token))
		}
		return b.SafeBuild()
	}
}

// key returns the source's key. found reports whether the source is set up, in
// which case its error must not be passed over. The error does not contain that
// of the SDK, which may quote lines of a profile or a server's response.
func (s *source) key() (key sourcedKey, found bool, err error) {
	if s.fetch != nil {
		if key, found, err = s.fetch(); err == nil {
			err = checkEnd(key.ends)
		}
		key.source = s
		return key, found, err
	}
	if s.file != nil {
		if err := s.checkFile(s.file()); err != nil {
			return sourcedKey{}, false, errors.New("its file " + err.Error())
		}
	}
	basic, err := s.credentials()
	if err != nil {
		return sourcedKey{}, false, errors.New(s.explain(err))
	}
	if basic.AK == "" && basic.IdpId != "" {
		if err := s.exchangeToken(basic); err != nil {
			return sourcedKey{}, true, err
		}
	}
	if basic.AK == "" || basic.SK == "" {
		return sourcedKey{}, true, errors.New("it returned an empty key")
	}
	ends := endOf(basic)
	err = cmp.Or(checkEnd(ends), checkHeaderValue(basic.AK, "the access key"), checkHeaderValue(basic.SK, "the secret key"), checkHeaderValue(basic.SecurityToken, "the security token"))
	if err != nil {
		return sourcedKey{}, true, err
	}
	return sourcedKey{
		Key:    Key{AccessKey: basic.AK, SecretKey: basic.SK, SecurityToken: basic.SecurityToken, ProjectID: basic.ProjectId},
		source: s, ends: ends,
	}, true, nil
}

// checkEnd returns an error for a key that has expired already, which would
// be asked for again with every request.
func checkEnd(ends time.Time) error {
	now := time.Now()
	if ends.IsZero() || now.Before(ends) {
		return nil
	}
	return fmt.Errorf("it returned a key that expired at %s, and this machine's clock says %s: check the clock", ends.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
}

// checkFile returns an error for a file that the SDK, which takes no deadline,
// might wait for indefinitely.
func (s *source) checkFile(path string) error {
	_, err := s.files.Read(context.Background(), path, MaxSecretFile)
	if errors.Is(err, file.ErrLate) {
		return err
	}
	if info, _ := os.Stat(path); errors.Is(err, file.ErrNotRegular) && info != nil && !info.IsDir() {
		return err
	}
	return nil // the SDK reports anything else
}

// errPanic is returned for a panic of the SDK.
var errPanic = errors.New("the vendor's SDK cannot read the response")

// credentials returns what the SDK gets from the source. The SDK panics on
// responses that lack the key.
func (s *source) credentials() (basic *auth.BasicCredentials, err error) {
	defer func() {
		if recover() != nil {
			basic, err = nil, errPanic
		}
	}()
	got, err := s.get()
	if err != nil {
		return nil, err
	}
	basic, ok := got.(*auth.BasicCredentials)
	if !ok {
		return nil, fmt.Errorf("the vendor's SDK returned credentials of an unexpected type, %T", got)
	}
	return basic, nil
}

// exchangeToken has IAM exchange an identity token for a key.
func (s *source) exchangeToken(basic *auth.BasicCredentials) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("IAM answered with something other than a key: check iam_endpoint")
		}
	}()
	switch basic.IamEndpoint = cmp.Or(basic.IamEndpoint, s.iamEndpoint); basic.IamEndpoint {
	case "":
		return errors.New("an identity token goes to IAM, whose host does not follow from endpoint: set iam_endpoint, or cloud")
	case s.iamEndpoint:
	default:
		if err := checkBaseURL(basic.IamEndpoint); err != nil {
			return fmt.Errorf("iam_endpoint %w", err)
		}
	}
	if err := s.checkFile(basic.IdTokenFile); err != nil {
		return fmt.Errorf("the identity token's file %s %w", basic.IdTokenFile, err)
	}
	config := sdkconfig.DefaultHttpConfig().
		WithSigningAlgorithm(algorithm.HmacSHA256).
		WithTimeout(10 * time.Second).
		WithAllowRedirects(false)
	if s.transport != nil {
		config = config.WithHttpTransport(s.transport)
	}
	if err := basic.ProcessSts(impl.NewDefaultHttpClient(config)); err != nil {
		redactor := sentSecrets(s.files, basic.IdTokenFile)
		if redactor != nil && s.transport != nil {
			redactor.next = newRedactor(proxySecrets(s.transport.Proxy, basic.IamEndpoint)...)
		}
		return errors.New(explainIdentity(err, basic.IdTokenFile, s.ownCA(), redactor))
	}
	return nil
}

// ownCA reports whether the configuration names IAM's certificate authorities.
func (s *source) ownCA() bool {
	return s.transport != nil && s.transport.TLSClientConfig != nil && s.transport.TLSClientConfig.RootCAs != nil
}

// endOf returns when a key expires, the zero time if it does not. The SDK does not
// export it.
func endOf(basic *auth.BasicCredentials) time.Time {
	if basic.StsAccessor == nil {
		return time.Time{}
	}
	field := reflect.ValueOf(basic).Elem().FieldByName("expireAt")
	if !field.IsValid() || !field.CanInt() || field.Int() == 0 {
		return time.Time{}
	}
	return time.Unix(field.Int(), 0)
}

// halfSet returns which of two variables is missing while the other one is set,
// "" if neither or both are.
func halfSet(a, b string) string {
	switch hasA, hasB := os.Getenv(a) != "", os.Getenv(b) != ""; {
	case hasA && !hasB:
		return a + " is set, but " + b + " is not"
	case hasB && !hasA:
		return b + " is set, but " + a + " is not"
	default:
		return ""
	}
}

// noSource returns the error of a chain in which no source has a key.
func noSource(tried []string) error {
	return &Error{
		Op: "get credentials", Reason: ReasonAuth,
		Message: "no key was found: set credentials in the configuration, or one of the sources that were tried. " + strings.Join(tried, "; "),
	}
}
