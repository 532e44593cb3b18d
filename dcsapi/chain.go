package dcsapi

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/provider"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/signer/algorithm"
	sdkconfig "github.com/huaweicloud/huaweicloud-sdk-go-v3/core/config"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/impl"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/sdkerr"
)

const (
	// renewalCheck is how often a temporary key's remaining life is looked
	// at. The SDK renews what has less than 40 minutes left.
	renewalCheck = time.Minute
	// renewalPause is how long a key that was refused is not asked for
	// again from its source.
	renewalPause = time.Minute

	profileFile = "profile file (~/.huaweicloud/credentials)"
	notSet      = "not set" // what is said of a source that nobody has set up
)

// defaultChain is the SDK's chain of sources. The SDK's credentials are
// neither locked nor do they take a context: they are touched only by the one
// loading at a time, in the background, and what others see are copies.
type defaultChain struct {
	iamEndpoint string
	transport   *http.Transport
	onTrouble   func(error)
	check       time.Duration // renewalCheck, or shorter in tests

	origin      atomic.Pointer[string] // the source of the last key that was loaded
	mu          sync.Mutex
	key         Key
	loaded      bool
	temporary   bool // the key has an end, its source gives others
	checked     time.Time
	renewed     time.Time
	loading     chan struct{} // closed when the loading under way has ended
	loadErr     error         // how the last loading ended
	credentials *auth.BasicCredentials
}

// NewDefaultChain returns the source that the vendor's SDK uses where no key
// is configured: environment (HUAWEICLOUD_SDK_AK and _SK, or IdP), then
// CLOUD_SDK_AK and CLOUD_SDK_SK as in the vendor's samples, the profile file,
// the agency of the machine, the identity of the pod. Temporary keys are
// renewed in the background; while that fails, the key in use stays in use, and
// onTrouble is told, about once a minute. transport is used to reach IAM for an
// IdP.
func NewDefaultChain(iamEndpoint string, transport *http.Transport, onTrouble func(error)) KeySource {
	return &defaultChain{iamEndpoint: iamEndpoint, transport: transport, onTrouble: onTrouble, check: renewalCheck}
}

// Key implements KeySource. Only the first key is waited for.
func (c *defaultChain) Key(ctx context.Context) (Key, error) {
	c.mu.Lock()
	if c.loaded {
		defer c.mu.Unlock()
		if c.temporary && c.loading == nil && time.Since(c.checked) >= c.check {
			c.start(c.extend)
		}
		return c.key, nil
	}
	if c.loading == nil {
		c.start(c.load)
	}
	done := c.loading
	c.mu.Unlock()
	return c.wait(ctx, done)
}

// Renew implements KeySource. It waits for a new key, and asks for one at most
// once in renewalPause.
func (c *defaultChain) Renew(ctx context.Context, used Key) (Key, error) {
	c.mu.Lock()
	if c.key != used {
		defer c.mu.Unlock()
		return c.key, nil
	}
	if c.loading == nil && time.Since(c.renewed) < renewalPause {
		defer c.mu.Unlock()
		return c.key, c.loadErr
	}
	if c.loading == nil {
		c.renewed = time.Now()
		c.start(c.load)
	}
	done := c.loading
	c.mu.Unlock()
	if _, err := c.wait(ctx, done); err != nil {
		return Key{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.key, c.loadErr
}

// wait returns the key when a loading has ended.
func (c *defaultChain) wait(ctx context.Context, done <-chan struct{}) (Key, error) {
	select {
	case <-done:
	case <-ctx.Done():
		return Key{}, &Error{Op: "get credentials", Reason: ReasonTimeout, Message: "the sources did not answer in time", Err: ctx.Err()}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.loaded {
		return Key{}, c.loadErr
	}
	return c.key, nil
}

// start runs one loading in the background; c.mu is held.
func (c *defaultChain) start(get func(*auth.BasicCredentials) (*auth.BasicCredentials, error)) {
	done := make(chan struct{})
	c.loading = done
	old := c.credentials
	go func() {
		credentials, err := get(old)
		if err != nil && old != nil {
			if _, ours := errors.AsType[*Error](err); !ours {
				err = &Error{Op: "renew the temporary key", Reason: ReasonAuth, Message: "its source " + sourceTrouble(err) + "; the key in use is used on until it ends"}
			}
			c.onTrouble(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.checked = time.Now()
		if c.loadErr = err; err == nil {
			c.credentials, c.loaded = credentials, true
			c.temporary = credentials.StsAccessor != nil
			c.key = Key{credentials.AK, credentials.SK, credentials.SecurityToken, credentials.ProjectId}
		}
		c.loading = nil
		close(done)
	}()
}

// extend lets the SDK renew credentials that are about to end.
func (c *defaultChain) extend(credentials *auth.BasicCredentials) (_ *auth.BasicCredentials, err error) {
	defer noPanic(&err)
	if err := credentials.ProcessSts(c.sdkClient()); err != nil {
		return nil, err
	}
	return credentials, nil
}

// load asks the sources in their order; the first that has a key wins.
func (c *defaultChain) load(*auth.BasicCredentials) (*auth.BasicCredentials, error) {
	var tried []string
	for _, source := range []struct {
		name string
		provider.ICredentialProvider
	}{
		{"environment (HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK)", provider.BasicCredentialEnvProvider()},
		{"environment (CLOUD_SDK_AK, CLOUD_SDK_SK)", sampleEnv{}},
		{profileFile, provider.BasicCredentialProfileProvider()},
		{"agency (metadata service)", provider.BasicCredentialMetadataProvider()},
		{"pod identity", provider.BasicCredentialPodIdentityProvider()},
	} {
		credentials, err := c.from(source)
		if err == nil {
			c.origin.Store(&source.name)
			return credentials, nil
		}
		why := sourceTrouble(err)
		if source.name == profileFile && why == notSet {
			why = "it lacks ak and sk under [basic]"
		}
		tried = append(tried, source.name+": "+why)
	}
	return nil, &Error{
		Op: "get credentials", Reason: ReasonAuth,
		Message: "no source has a key; set one of them up, or credentials in the configuration. Tried: " + strings.Join(tried, "; "),
	}
}

// Origin implements originer.
func (c *defaultChain) Origin() string {
	if name := c.origin.Load(); name != nil {
		return *name
	}
	return ""
}

// from asks one source, and IAM where the source has only an identity.
func (c *defaultChain) from(source provider.ICredentialProvider) (credentials *auth.BasicCredentials, err error) {
	defer noPanic(&err)
	credential, err := source.GetCredentials()
	if err != nil {
		return nil, err
	}
	basic, ok := credential.(*auth.BasicCredentials)
	if !ok {
		return nil, fmt.Errorf("unexpected kind of credentials %T", credential)
	}
	if basic.AK == "" {
		if basic.IamEndpoint == "" {
			basic.IamEndpoint = c.iamEndpoint
		}
		if err := basic.ProcessSts(c.sdkClient()); err != nil {
			return nil, err
		}
	}
	return basic, errors.Join(checkHeaderValue(basic.AK, "access key"), checkHeaderValue(basic.SecurityToken, "security token"))
}

// sdkClient is what the SDK needs to exchange an identity token at IAM.
func (c *defaultChain) sdkClient() *impl.DefaultHttpClient {
	config := sdkconfig.DefaultHttpConfig().
		WithSigningAlgorithm(algorithm.HmacSHA256).
		WithTimeout(10 * time.Second).
		WithAllowRedirects(false)
	if c.transport != nil {
		config = config.WithHttpTransport(c.transport)
	}
	return impl.NewDefaultHttpClient(config)
}

// noPanic makes an error of a panic of the SDK, which takes some answers for
// granted. The cause is not repeated: it may hold what was answered.
func noPanic(err *error) {
	if recover() != nil {
		*err = errors.New("the SDK cannot read the answer")
	}
}

// sampleEnv reads the variables that the vendor's samples use.
type sampleEnv struct{}

// GetCredentials implements provider.ICredentialProvider.
func (sampleEnv) GetCredentials() (auth.ICredential, error) {
	ak, sk := os.Getenv("CLOUD_SDK_AK"), os.Getenv("CLOUD_SDK_SK")
	if ak == "" || sk == "" {
		return nil, errors.New(notSet)
	}
	return auth.NewBasicCredentialsBuilder().WithAk(ak).WithSk(sk).SafeBuild()
}

// sourceTrouble says why a source has no key in words of our own: the SDK's
// errors may quote lines of a profile or a server's answer.
func sourceTrouble(err error) string {
	if answer, ok := errors.AsType[*sdkerr.ServiceResponseError](err); ok {
		if strings.Contains(answer.ErrorMessage, "configure Cloud Service Agency") {
			return "this machine has no agency"
		}
		return fmt.Sprintf("answered HTTP %d", answer.StatusCode)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "no such file"
	}
	if errors.Is(err, fs.ErrPermission) {
		return "file not readable"
	}
	if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() {
		return "no answer"
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return "not reachable"
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "does not exist"), strings.Contains(text, "must be set"), text == notSet:
		return notSet
	case strings.Contains(text, "$HOME is not defined"):
		return "HOME is not set"
	default:
		return "not usable"
	}
}
