package dcsapi

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/dcs/v2/region"
)

// Endpoint returns the base URL of the DCS API in a region (such as
// "https://dcs.cn-north-4.myhuaweicloud.com"), from the table of the vendor's
// SDK. The SDK also honours regions that its own environment variables and
// profile file define. The error completes a sentence that begins with the
// region.
func Endpoint(regionID string) (string, error) {
	r, err := region.SafeValueOf(regionID)
	switch {
	case err != nil && !strings.Contains(err.Error(), "supported regions"):
		// The SDK gives up on all regions then, with whatever comes of it.
		return "", errors.New("cannot be looked up: the regions file of the vendor's SDK (HUAWEICLOUD_SDK_REGIONS_FILE, or ~/.huaweicloud/regions.yaml) is not readable, or malformed: correct or remove it, or set endpoint to the base URL of the region's DCS API")
	case err != nil, len(r.Endpoints) == 0:
		return "", errors.New("is not a known region: correct it, or set endpoint to the base URL of its DCS API")
	}
	endpoint := strings.TrimSuffix(r.Endpoints[0], "/")
	if err := checkBaseURL(endpoint); err != nil {
		return "", errors.New("has an endpoint of its own, by the environment or the regions file of the vendor's SDK, which " + err.Error())
	}
	return endpoint, nil
}

// checkBaseURL refuses a base URL that does not come from the configuration if
// what is sent there would not be encrypted. The error completes a sentence
// that begins with the URL's place.
func checkBaseURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http"):
		return errors.New("is not a base URL such as https://dcs.cn-north-4.myhuaweicloud.com")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return errors.New("must begin with https://: http:// is for loopback only")
	}
	return nil
}

// isLoopback tells whether a host is this machine.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || (err == nil && ip.IsLoopback())
}
