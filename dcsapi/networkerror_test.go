package dcsapi

import (
	"net"
	"strings"
	"testing"
)

// TestUnknownHost checks what is said of a host that no name server knows, at
// the endpoint and at the proxy: no name server is asked here.
func TestUnknownHost(t *testing.T) {
	unknown := &net.DNSError{Err: "no such host", Name: "dcs.example", IsNotFound: true}
	for op, says := range map[string]string{"dial": "check region and the endpoint", "proxyconnect": "check proxy_url, and"} {
		err := transportError(t.Context(), &net.OpError{Op: op, Net: "tcp", Err: unknown}, false, true)
		if err.Reason != ReasonNetwork || !strings.Contains(err.Error(), "no such host: "+says) {
			t.Errorf("%s: %v", op, err)
		}
	}
}
