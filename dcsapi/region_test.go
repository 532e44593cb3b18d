package dcsapi_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dcs_session_exporter/dcsapi"
)

// TestRegionTable checks the regions of the vendor's table.
func TestRegionTable(t *testing.T) {
	regions := dcsapi.Regions()
	if len(regions) < 25 || !slices.IsSorted(regions) || !slices.Contains(regions, "cn-north-4") || !slices.Contains(regions, "my-kualalumpur-1") {
		t.Errorf("got %q", regions)
	}
	for _, r := range regions {
		if endpoint, err := dcsapi.Endpoint(r); err != nil || !dcsapi.IsVendorEndpoint(endpoint, r) {
			t.Errorf("%s is at %q, %v", r, endpoint, err)
		}
	}
	if _, err := dcsapi.Endpoint("moon-1"); !errors.Is(err, dcsapi.ErrUnknownRegion) {
		t.Errorf("got %v", err)
	}
}

// names makes a name server on loopback the only one: it has the address for
// each name, or no such name if that is "".
func names(t *testing.T, address string) {
	t.Helper()
	server, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		query := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(query)
			if err != nil {
				return
			}
			end := 12
			for query[end] != 0 {
				end += 1 + int(query[end])
			}
			end += 5
			if n < end {
				continue
			}
			answer := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, query[12:end]...)
			switch {
			case address == "":
				answer[3] |= 3 // no such name
			case query[end-3] == 1: // IPv4
				answer[7] = 1
				answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				answer = append(answer, net.ParseIP(address).To4()...)
			}
			_, _ = server.WriteTo(answer, from)
		}
	}()
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
	t.Cleanup(func() { net.DefaultResolver = before })
}

// TestOtherHost checks that the error of a host that cannot be reached names
// the other one that it may be, and that this one is not asked.
func TestOtherHost(t *testing.T) {
	const advice = "sources differ on where the API of this region is, and it may be at another host: to use that, set "
	proxy := func(t *testing.T, status int) func(*dcsapi.Options) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Host != "dcs.eu-west-101.myhuaweicloud.com:443" {
				t.Errorf("%s was asked", r.Host)
			}
			w.WriteHeader(status)
		}))
		t.Cleanup(server.Close)
		return func(o *dcsapi.Options) {
			o.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(server.URL) }
		}
	}
	for _, tt := range []struct {
		name, endpoint, address string
		change                  func(*testing.T) func(*dcsapi.Options) // nil for none
		iam                     bool
		want                    string // "" for no advice
	}{
		{"no such name", "https://dcs.eu-west-101.myhuaweicloud.com", "", nil, false, "endpoint: https://dcs.eu-west-101.myhuaweicloud.eu"},
		{"the other way round", "https://dcs.eu-west-101.myhuaweicloud.eu", "", nil, false, "endpoint: https://dcs.eu-west-101.myhuaweicloud.com"},
		{"another region of it", "https://dcs.eu-west-112.myhuaweicloud.com", "", nil, false, "endpoint: https://dcs.eu-west-112.myhuaweicloud.eu"},
		{"nobody listens", "https://dcs.eu-west-101.myhuaweicloud.com:9", "127.9.9.9", nil, false, "endpoint: https://dcs.eu-west-101.myhuaweicloud.eu"},
		{"the proxy finds none", "https://dcs.eu-west-101.myhuaweicloud.com", "", func(t *testing.T) func(*dcsapi.Options) { return proxy(t, http.StatusBadGateway) }, false, "endpoint: https://dcs.eu-west-101.myhuaweicloud.eu"},
		{"the proxy forbids", "https://dcs.eu-west-101.myhuaweicloud.com", "", func(t *testing.T) func(*dcsapi.Options) { return proxy(t, http.StatusForbidden) }, false, ""},
		{"no proxy there", "https://dcs.eu-west-101.myhuaweicloud.com", "", func(*testing.T) func(*dcsapi.Options) {
			return func(o *dcsapi.Options) {
				o.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse("http://127.9.9.9:9") }
			}
		}, false, ""},
		{"IAM", "https://iam.eu-west-101.myhuaweicloud.com", "", nil, true, "iam_endpoint: https://iam.eu-west-101.myhuaweicloud.eu"},
		{"IAM where it is", "https://iam.eu-west-101.myhuaweicloud.eu", "", nil, true, ""},
		{"a region without doubt", "https://dcs.cn-north-4.myhuaweicloud.com", "", nil, false, ""},
		{"another cloud", "https://dcs.eu-west-101.cloud.example", "", nil, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			names(t, tt.address)
			c := newClient(t, http.NotFoundHandler(), func(o *dcsapi.Options) {
				o.Region, o.Endpoint, o.IAMEndpoint = "eu-west-101", tt.endpoint, tt.endpoint
				if tt.change != nil {
					tt.change(t)(o)
				}
			})
			_, err := c.ListInstances(t.Context())
			if tt.iam {
				_, err = c.ListProjects(t.Context())
			}
			e, ok := errors.AsType[*dcsapi.Error](err)
			if !ok || e.Reason != dcsapi.ReasonNetwork {
				t.Fatalf("got %v", err)
			}
			if got := strings.Contains(e.Message, advice+tt.want); got != (tt.want != "") || strings.Contains(e.Message, advice) != got {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestIAMUnknown checks that nothing is sent to a guessed IAM: neither a
// signed request nor an identity token, wherever that comes from.
func TestIAMUnknown(t *testing.T) {
	home := emptyEnvironment(t)
	metadataIs(t, nil)
	c := newClient(t, newEmulator(), func(o *dcsapi.Options) { o.IAMEndpoint = "" })
	if _, err := c.ListProjects(t.Context()); err == nil || !strings.Contains(err.Error(), "IAM's host is not known: set iam_endpoint, or cloud") {
		t.Errorf("got %v", err)
	}

	// The SDK itself would send a token to the vendor's IAM, or to this one.
	asked := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a guessed host was asked") }))
	defer asked.Close()
	t.Setenv("HUAWEICLOUD_SDK_IAM_ENDPOINT", asked.URL)
	guessed := &http.Transport{Proxy: func(r *http.Request) (*url.URL, error) {
		t.Errorf("%s was asked", r.URL.Host)
		return nil, errors.New("not to be asked")
	}}
	token := writeFile(t, filepath.Join(home, "token"), "SECRETTOKEN")
	const want = "an identity token goes to IAM, whose host does not follow from endpoint: set iam_endpoint, or cloud"
	t.Run("environment", func(t *testing.T) {
		t.Setenv("HUAWEICLOUD_SDK_IDP_ID", "idp")
		t.Setenv("HUAWEICLOUD_SDK_ID_TOKEN_FILE", token)
		if _, err := ask(t, "", guessed); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("profile", func(t *testing.T) {
		writeFile(t, filepath.Join(home, ".huaweicloud", "credentials"), "[basic]\nidp_id = idp\nid_token_file = "+token+"\n")
		if _, err := ask(t, "", guessed); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v", err)
		}
	})
}
