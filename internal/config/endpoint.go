package config

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/loopback"
)

// endpoints fills in the hosts that are derived from the region, and from cloud
// if that is set. It leaves out IAM if its host would be a guess.
func (d *decoder) endpoints(v value, p *Project, cloud string) {
	if p.Region == "" {
		if !v.has("region") {
			v.at("region").problem("is missing: set the region, such as cn-north-4")
		}
		return
	}
	if strings.HasPrefix(cloud, strings.ToLower(p.Region)+".") {
		v.at("cloud").problem("contains the region: give only what follows it, such as myhuaweicloud.eu")
	}
	if cloud != "" && p.Endpoint == "" && !v.has("endpoint") {
		p.Endpoint = dcsapi.CloudEndpoint("dcs", p.Region, cloud)
	}
	if p.Endpoint == "" && !v.has("endpoint") && !v.has("cloud") {
		endpoint, err := dcsapi.Endpoint(p.Region)
		switch {
		case errors.Is(err, dcsapi.ErrUnknownRegion):
			v.at("region").problem("%s %v%s: correct it, or set %s, or endpoint to the base URL of its DCS API", v.quoted(p.Region), err, nearestRegion(p.Region), cloudAdvice(p.Region))
		case err != nil:
			v.at("region").problem("%s %v", v.quoted(p.Region), err)
		}
		p.Endpoint = endpoint
	}
	if _, err := dcsapi.Endpoint(p.Region); p.Endpoint != "" && errors.Is(err, dcsapi.ErrUnknownRegion) && !dcsapi.IsRegionEU(p.Region) && !namesRegion(p) {
		v.at("region").warn("%s is not a known region%s: correct it, unless it belongs to another cloud", v.quoted(p.Region), nearestRegion(p.Region))
	}
	switch {
	case p.IAMEndpoint != "" || v.has("iam_endpoint") || p.Endpoint == "":
	case cloud != "":
		p.IAMEndpoint = dcsapi.CloudEndpoint("iam", p.Region, cloud)
	case dcsapi.IsVendorEndpoint(p.Endpoint, p.Region):
		p.IAMEndpoint = dcsapi.IAMEndpoint(p.Region)
	case p.ProjectID != "" || v.has("project_id"):
	case v.has("endpoint"):
		v.at("endpoint").problem("is not the vendor's host for region %s: set project_id, or iam_endpoint to the base URL of IAM in that cloud; the exporter does not send the key to a guessed IAM host", v.quoted(p.Region))
	default:
		v.at("region").problem("the environment or the vendor SDK's regions file sets another endpoint for %s: set project_id, or iam_endpoint to the base URL of IAM in that cloud; the exporter does not send the key to a guessed IAM host", v.quoted(p.Region))
	}
}

// namesRegion reports whether the endpoint belongs to another cloud and has the
// region in its name. The vendor's table lacks such regions.
func namesRegion(p *Project) bool {
	u, err := url.Parse(p.Endpoint)
	return err == nil && !dcsapi.IsVendorHost(p.Endpoint) && slices.Contains(strings.Split(u.Hostname(), "."), p.Region)
}

// cloudAdvice returns how to set cloud for a region that is not in the table.
func cloudAdvice(region string) string {
	if dcsapi.IsRegionEU(region) {
		return "cloud: myhuaweicloud.eu"
	}
	return "cloud to the domain of another cloud"
}

// cloud decodes the domain of a cloud's host names.
func (v value) cloud(to *string) {
	s, ok := v.scalar("a domain name")
	if !ok {
		return
	}
	s = strings.ToLower(s)
	switch {
	case strings.HasPrefix(s, "dcs."), strings.HasPrefix(s, "iam."):
		v.problem("is a host name: give only what follows the region, such as myhuaweicloud.eu")
	case !isDomain(s):
		v.problem("is not a plain domain name such as myhuaweicloud.eu (no scheme, no port)")
	default:
		*to = s
	}
}

// isDomain reports whether s is a domain name of at least two labels, and not
// an IP address.
func isDomain(s string) bool {
	labels := strings.Split(s, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.ContainsFunc(label, func(r rune) bool { return !isWord(r) || r == '_' }) {
			return false
		}
	}
	last := labels[len(labels)-1]
	return len(labels) > 1 && len(s) <= 180 && strings.ContainsFunc(last, func(r rune) bool { return r > '9' })
}

// endpoint decodes a base URL. It does not repeat errors of net/url: a URL may
// contain a password.
func (v value) endpoint(to *string) {
	s, ok := v.scalar("a URL")
	if !ok {
		return
	}
	u, err := url.Parse(s)
	switch {
	case err != nil, !isHost(u), u.Scheme != "https" && u.Scheme != "http":
		v.problem("is not a URL such as https://dcs.cn-north-4.myhuaweicloud.com")
	case u.User != nil, strings.ContainsAny(s, "?#"), u.Path != "" && u.Path != "/":
		v.problem("must be a base URL with only scheme, host and port")
	case u.Scheme == "http" && !loopback.IsHost(u.Hostname()):
		v.problem("must begin with https://: http:// is accepted on loopback only")
	default:
		*to = u.Scheme + "://" + u.Host
	}
}

// isHost reports whether a URL has a valid host, and a valid port if any.
func isHost(u *url.URL) bool {
	host, port := u.Hostname(), u.Port()
	if port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return !strings.HasSuffix(u.Host, ":")
	}
	return host != "" && !strings.HasSuffix(u.Host, ":") && !strings.ContainsFunc(host, func(r rune) bool { return !isWord(r) && r != '.' })
}
