package onlinecheck

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"dcs_session_exporter/dcsapi"
)

// String describes whether the API was reached.
func (e Endpoint) String() string {
	text := e.URL
	if e.Proxied {
		text += ", through a proxy"
	}
	switch {
	case e.Reached != nil && strings.HasPrefix(e.URL, "https:"):
		return text + ": reached, certificate valid"
	case e.Reached != nil:
		return text + ": reached, without TLS"
	case e.Problem != "":
		return text + ": NOT REACHED (" + map[dcsapi.Problem]string{
			dcsapi.ProblemDNS: "the name does not resolve", dcsapi.ProblemConnect: "no connection", dcsapi.ProblemTimeout: "no answer",
			dcsapi.ProblemTLS: "TLS", dcsapi.ProblemNotTLS: "no TLS", dcsapi.ProblemProxy: "the proxy", dcsapi.ProblemOther: "the connection",
		}[e.Problem] + ")"
	default:
		return text + ": not asked"
	}
}

// String describes whether the key was accepted.
func (k KeyReport) String() string {
	text := "unknown whether it is accepted"
	if k.Accepted != nil && *k.Accepted {
		text = "accepted"
	} else if k.Accepted != nil {
		text = "REFUSED"
	}
	if k.Source != "" {
		text += ", from " + k.Source
	}
	return text
}

// keyHostWords lists the hosts that receive a key.
func keyHostWords(hosts []KeyHost) string {
	var parts []string
	for _, h := range hosts {
		text := h.Host
		if h.Proxy != "" {
			text += " through the proxy " + h.Proxy
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// permissionWords describes what a key may do.
func permissionWords(all []Permission) string {
	var parts []string
	for _, p := range all {
		word := "unknown"
		if p.Granted != nil && *p.Granted {
			word = "yes"
		} else if p.Granted != nil {
			word = "LACKING"
		}
		parts = append(parts, p.Action+" "+word)
	}
	return strings.Join(parts, ", ")
}

// clockWords describes how this machine's clock differs from the API's.
func clockWords(seconds *float64) string {
	switch {
	case seconds == nil:
		return "unknown"
	case *seconds == 0:
		return "agrees with the API's to the second"
	default:
		return "this machine's is " + skewWords(time.Duration(*seconds*float64(time.Second))) + " the API's"
	}
}

// plural returns a number with a noun in singular or plural.
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}

// humanDuration formats a duration in its two largest units, truncated to a
// second.
func humanDuration(d time.Duration) string {
	if d < 0 {
		return "-" + humanDuration(-d)
	}
	seconds := int64(d / time.Second)
	units := []struct {
		name string
		size int64
	}{{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}}
	for k, u := range units {
		if seconds < u.size && u.size > 1 {
			continue
		}
		text := fmt.Sprintf("%d%s", seconds/u.size, u.name)
		if rest := seconds % u.size; k+1 < len(units) && rest >= units[k+1].size {
			text += fmt.Sprintf("%d%s", rest/units[k+1].size, units[k+1].name)
		}
		return text
	}
	return "0s"
}
