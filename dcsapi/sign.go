package dcsapi

import (
	"net/http"
	"reflect"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/signer/algorithm"
	sdkrequest "github.com/huaweicloud/huaweicloud-sdk-go-v3/core/request"
)

// sign returns the signed HTTP request, signed by the vendor's SDK. The SDK is
// given a copy of the key without its source, so that it does not renew it.
func sign(r *request, endpoint string) (*http.Request, error) {
	b := sdkrequest.NewHttpRequestBuilder().
		WithEndpoint(endpoint).
		WithPath(r.path).
		WithMethod(r.method).
		WithSigningAlgorithm(algorithm.HmacSHA256)
	for name, value := range r.query {
		// The SDK drops whatever is not a reflect.Value.
		b.AddQueryParam(name, reflect.ValueOf(value))
	}
	if r.body != "" {
		b.AddHeaderParam("Content-Type", "application/json")
		b.WithBody("", r.body)
	}
	credentials := auth.BasicCredentials{
		BaseCredentials: auth.BaseCredentials{AK: r.key.AccessKey, SK: r.key.SecretKey, SecurityToken: r.key.SecurityToken},
		ProjectId:       r.projectID,
	}
	signed, err := credentials.ProcessAuthRequest(nil, b.Build())
	if err != nil {
		return nil, err
	}
	return signed.ConvertRequest()
}
