package dcsapi

import (
	"strings"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/dcs/v2/region"
)

// Endpoint returns the base URL of the DCS API in a region (such as
// "https://dcs.cn-north-4.myhuaweicloud.com"), from the table of the vendor's
// SDK, or false where the SDK does not know the region. The SDK also honours
// regions that its own environment variables and profile file define.
func Endpoint(regionID string) (string, bool) {
	r, err := region.SafeValueOf(regionID)
	if err != nil || len(r.Endpoints) == 0 {
		return "", false
	}
	return strings.TrimSuffix(r.Endpoints[0], "/"), true
}
