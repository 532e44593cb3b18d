package dcsapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"time"

	"dcs_session_exporter/internal/file"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/provider"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/signer/algorithm"
	sdkconfig "github.com/huaweicloud/huaweicloud-sdk-go-v3/core/config"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/impl"
)

// sdk gets keys from the sources that the vendor's SDK knows.
type sdk struct {
	files file.Reader

	// For sources that have only an identity, which IAM exchanges for a key.
	iamEndpoint string
	transport   *http.Transport
}

// source returns the get function of a source that p reads, from a file if path
// is not "". explain returns why p has failed.
func (s *sdk) source(p provider.ICredentialProvider, path string, explain func(error) string) func() (sourcedKey, bool, error) {
	return func() (key sourcedKey, found bool, err error) {
		if err := s.checkFile(path); err != nil {
			return sourcedKey{}, false, errors.New("its file " + err.Error())
		}
		basic, err := credentials(p)
		if err != nil {
			return sourcedKey{}, false, errors.New(explain(err))
		}
		if basic.AK == "" && basic.IdpId != "" {
			if err := s.exchangeToken(basic); err != nil {
				return sourcedKey{}, true, err
			}
		}
		k := Key{AccessKey: basic.AK, SecretKey: basic.SK, SecurityToken: basic.SecurityToken, ProjectID: basic.ProjectId}
		return sourcedKey{Key: k, ends: endOf(basic)}, true, nil
	}
}

// checkFile returns an error for a file that the SDK, which takes no deadline,
// might wait for indefinitely.
func (s *sdk) checkFile(path string) error {
	_, err := s.files.Read(context.Background(), path, MaxSecretFile)
	if errors.Is(err, file.ErrLate) {
		return err
	}
	if info, _ := os.Stat(path); errors.Is(err, file.ErrNotRegular) && info != nil && !info.IsDir() {
		return err
	}
	return nil // the SDK reports anything else
}

// credentials returns what the SDK gets from a source. The SDK panics on responses
// that lack the key.
func credentials(p provider.ICredentialProvider) (basic *auth.BasicCredentials, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the vendor's SDK cannot read the response")
		}
	}()
	got, err := p.GetCredentials()
	if err != nil {
		return nil, err
	}
	return got.(*auth.BasicCredentials), nil
}

// exchangeToken has IAM exchange an identity token for a key.
func (s *sdk) exchangeToken(basic *auth.BasicCredentials) (err error) {
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
		WithAllowRedirects(false).
		WithHttpTransport(s.transport)
	if err := basic.ProcessSts(impl.NewDefaultHttpClient(config)); err != nil {
		return errors.New(s.explainIdentity(err, basic))
	}
	return nil
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
