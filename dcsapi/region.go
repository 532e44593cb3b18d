package dcsapi

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"dcs_session_exporter/internal/loopback"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/dcs/v2/region"
)

// The domains of the vendor's endpoints.
const (
	domain   = "myhuaweicloud.com"
	domainEU = "myhuaweicloud.eu"
)

// regionEU matches the regions of the vendor's European cloud. Their IAM is
// under domainEU. Sources differ on their DCS API: under domain by the SDK's
// table, under domainEU by the Terraform provider.
var regionEU = regexp.MustCompile(`^eu-west-1\d\d$`)

// IsRegionEU reports whether a region belongs to the vendor's European cloud,
// such as eu-west-101.
func IsRegionEU(regionID string) bool { return regionEU.MatchString(regionID) }

// ErrUnknownRegion is returned by Endpoint for a region that is not in the
// vendor's table. It completes a sentence that begins with the region.
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

// STSEndpoint returns the base URL of the vendor's STS in a region.
func STSEndpoint(regionID string) string {
	if IsRegionEU(regionID) {
		return CloudEndpoint("sts", regionID, domainEU)
	}
	return CloudEndpoint("sts", regionID, domain)
}

// CloudEndpoint returns the base URL of a service, such as "dcs", in a region
// of a cloud, which is named by the domain of its hosts.
func CloudEndpoint(service, regionID, cloud string) string {
	return "https://" + service + "." + regionID + "." + cloud
}

// IsVendorEndpoint reports whether a base URL is that of the vendor's own DCS API
// in a region, so that IAM is the vendor's as well.
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

// sameHost reports whether two base URLs have the same scheme, host and port.
func sameHost(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && x.Scheme == y.Scheme &&
		strings.EqualFold(strings.TrimSuffix(x.Host, ":443"), strings.TrimSuffix(y.Host, ":443"))
}

// otherEndpoint returns another endpoint that the service behind a base URL may
// have, "" if there is no doubt. Nothing is sent there unless it is configured.
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
// SDK, which includes regions that its environment variables and its regions
// file define. The error completes a sentence that begins with the region.
func Endpoint(regionID string) (string, error) {
	r, err := region.SafeValueOf(regionID)
	switch {
	case err != nil && !strings.Contains(err.Error(), "supported regions"):
		// Then the SDK fails for every region, whatever the file is about.
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

// checkBaseURL returns an error for a base URL from outside of the configuration
// if requests to it would not be encrypted. The error completes a sentence that
// begins with where the URL comes from.
func checkBaseURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http"):
		return errors.New("is not a base URL such as https://dcs.cn-north-4.myhuaweicloud.com")
	case u.Scheme == "http" && !loopback.IsHost(u.Hostname()):
		return errors.New("must begin with https://: http:// is for loopback only")
	}
	return nil
}
