package dcsapi

import (
	"net/http"
	"reflect"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/signer/algorithm"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/request"
)

// sign makes the signed HTTP request of a call, with the vendor SDK's own
// signer. The credentials given to it are a copy without a source, so that it
// does not try to renew them.
func sign(c *call, endpoint, projectID string, key Key) (*http.Request, error) {
	b := request.NewHttpRequestBuilder().
		WithEndpoint(endpoint).
		WithPath(c.path).
		WithMethod(c.method).
		WithSigningAlgorithm(algorithm.HmacSHA256)
	for name, value := range c.query {
		// The SDK drops whatever is not a reflect.Value.
		b.AddQueryParam(name, reflect.ValueOf(value))
	}
	if c.body != "" {
		b.AddHeaderParam("Content-Type", "application/json")
		b.WithBody("", c.body)
	}
	credentials := auth.BasicCredentials{
		BaseCredentials: auth.BaseCredentials{AK: key.AccessKey, SK: key.SecretKey, SecurityToken: key.SecurityToken},
		ProjectId:       projectID,
	}
	signed, err := credentials.ProcessAuthRequest(nil, b.Build())
	if err != nil {
		return nil, err
	}
	return signed.ConvertRequest()
}
