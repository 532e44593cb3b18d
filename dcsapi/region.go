package dcsapi

import (
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/dcs/v2/region"
)

// The domains of the vendor's endpoints.
const (
	domain   = "myhuaweicloud.com"
	domainEU = "myhuaweicloud.eu"
)

// regionEU matches the regions of the vendor's European cloud. Their IAM is
// under domainEU. Where their DCS API is depends on whom one asks: the SDK's
// table says domain, the Terraform provider domainEU.
var regionEU = regexp.MustCompile(`^eu-west-1\d\d$`)

// IsRegionEU reports whether a region is one of the vendor's European cloud,
// eu-west-101 and its like.
func IsRegionEU(regionID string) bool { return regionEU.MatchString(regionID) }

// ErrUnknownRegion says that the vendor's table does not have a region. It
// completes a sentence that begins with the region.
var ErrUnknownRegion = errors.New("is not a known region")

// Regions returns the regions of the vendor's table, sorted; nil if the SDK's
// regions file is malformed.
func Regions() []string {
	_, err := region.SafeValueOf("-") // the error lists them: the table is not exported
	if err == nil {
		return nil
	}
	_, list, _ := strings.Cut(err.Error(), "[")
	list, _, found := strings.Cut(list, "]")
	if !found {
		return nil
	}
	regions := strings.Split(list, ", ")
	slices.Sort(regions)
	return regions
}

// IAMEndpoint returns the base URL of the vendor's IAM in a region.
func IAMEndpoint(regionID string) string {
	if IsRegionEU(regionID) {
		return CloudEndpoint("iam", regionID, domainEU)
	}
	return CloudEndpoint("iam", regionID, domain)
}

// CloudEndpoint returns the base URL of a service, "dcs" or "iam", in a region
// of the cloud whose host names end in cloud.
func CloudEndpoint(service, regionID, cloud string) string {
	return "https://" + service + "." + regionID + "." + cloud
}

// IsVendorEndpoint reports whether a base URL is that of the vendor's own DCS
// API in a region, so that IAM is where the vendor's is.
func IsVendorEndpoint(endpoint, regionID string) bool {
	return sameHost(endpoint, CloudEndpoint("dcs", regionID, domain)) ||
		IsRegionEU(regionID) && sameHost(endpoint, CloudEndpoint("dcs", regionID, domainEU))
}

// IsVendorHost reports whether a base URL is under one of the vendor's domains.
func IsVendorHost(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	return strings.HasSuffix(host, "."+domain) || strings.HasSuffix(host, "."+domainEU)
}

// sameHost reports whether two base URLs lead to the same host and port.
func sameHost(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && x.Scheme == y.Scheme &&
		strings.EqualFold(strings.TrimSuffix(x.Host, ":443"), strings.TrimSuffix(y.Host, ":443"))
}

// otherEndpoint returns where else the service behind a base URL may be, "" if
// there is no doubt. Nothing is sent there: only the configuration can say so.
func otherEndpoint(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	service, rest, _ := strings.Cut(strings.ToLower(u.Hostname()), ".")
	regionID, cloud, _ := strings.Cut(rest, ".")
	switch {
	case !IsRegionEU(regionID) || (service != "dcs" && service != "iam"):
		return ""
	case cloud == domain:
		return CloudEndpoint(service, regionID, domainEU)
	case cloud == domainEU && service == "dcs":
		return CloudEndpoint(service, regionID, domain)
	default:
		return ""
	}
}

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
		return "", ErrUnknownRegion
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
