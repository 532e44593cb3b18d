package dcsapi

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/provider"
)

// Environment variables that the SDK reads.
const (
	envAccessKey    = "HUAWEICLOUD_SDK_AK"
	envSecretKey    = "HUAWEICLOUD_SDK_SK"
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
	name string
	// get returns the source's key. found reports, where there is an error, whether
	// the source is set up: then the error must not be passed over. The error does not
	// contain that of the SDK, which may quote lines of a profile or a server's
	// response.
	get func() (key sourcedKey, found bool, err error)
}

// newSources returns the sources in the order in which they are tried.
func newSources(iamEndpoint string, transport *http.Transport) []source {
	if transport == nil {
		transport = new(http.Transport)
	}
	s := &sdk{iamEndpoint: iamEndpoint, transport: transport}
	profile := cmp.Or(os.Getenv(envProfile), inHome(".huaweicloud", "credentials"))
	return []source{
		{
			"environment (" + envAccessKey + " and _SK, or _IDP_ID and _ID_TOKEN_FILE)",
			s.source(provider.BasicCredentialEnvProvider(), "", func(error) string {
				return cmp.Or(halfSet(envAccessKey, envSecretKey), halfSet(envIDP, envIDTokenFile), "not set")
			}),
		},
		environmentSource(envSampleAccessKey+" and _SK", envSampleAccessKey, envSampleSecretKey, ""),
		environmentSource(envTerraformAccessKey+" and "+envTerraformSecretKey, envTerraformAccessKey, envTerraformSecretKey, envTerraformToken),
		{
			"profile file (" + profile + ")",
			s.source(provider.BasicCredentialProfileProvider(), profile, explainProfile),
		},
		kooCLISource(),
		{
			"agency of the machine (metadata service at " + metadataHost + ")",
			s.source(provider.BasicCredentialMetadataProvider(), "", explainMetadata),
		},
		{
			"identity of the pod (" + envPodURL + ")",
			s.source(provider.BasicCredentialPodIdentityProvider(), os.Getenv(envPodTokenFile), s.explainPod),
		},
	}
}

// inHome returns the name of a file in the home directory, which is ~ if there is
// none.
func inHome(elements ...string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "~"
	}
	return filepath.Join(home, filepath.Join(elements...))
}

// environmentSource returns a source that reads variables which the SDK does not
// know. token is "" if there is none for the security token.
func environmentSource(name, accessKey, secretKey, token string) source {
	return source{"environment (" + name + ")", func() (key sourcedKey, found bool, err error) {
		key.AccessKey, key.SecretKey = os.Getenv(accessKey), os.Getenv(secretKey)
		if key.AccessKey == "" || key.SecretKey == "" {
			return sourcedKey{}, false, errors.New(cmp.Or(halfSet(accessKey, secretKey), "not set"))
		}
		if token != "" {
			key.SecurityToken = os.Getenv(token)
		}
		return key, true, nil
	}}
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

// key returns the source's key after checking it. found is as of get.
func (s *source) key() (key sourcedKey, found bool, err error) {
	key, found, err = s.get()
	if err == nil {
		found, err = true, key.check()
	}
	key.source = s
	return key, found, err
}

// check returns an error for a key that cannot be used. One that has expired
// already would be asked for again with every request.
func (k *sourcedKey) check() error {
	now := time.Now()
	switch {
	case k.AccessKey == "" || k.SecretKey == "":
		return errors.New("it returned an empty key")
	case !k.ends.IsZero() && !now.Before(k.ends):
		return fmt.Errorf("it returned a key that expired at %s, and this machine's clock says %s: check the clock", k.ends.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return k.checkValues()
}

// checkValues returns an error for a key that cannot be sent.
func (k *sourcedKey) checkValues() error {
	return cmp.Or(
		checkHeaderValue(k.AccessKey, "the access key"),
		checkHeaderValue(k.SecretKey, "the secret key"),
		checkHeaderValue(k.SecurityToken, "the security token"),
	)
}
