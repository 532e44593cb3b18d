package dcsapi_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// otherAccount is the id of the account with the agency.
const otherAccount = "0123456789abcdef0123456789abcdef"

// assuming returns the emulated API, with an agency that gives access to project-1,
// and a client that assumes it with a key that has no access itself.
func assuming(t *testing.T, change func(*emulator.Agency), options func(*dcsapi.AgencyOptions)) (*emulator.Server, *dcsapi.Client) {
	t.Helper()
	api := newEmulator()
	api.SetKey(emulator.Key{AccessKey: "AK", SecretKey: "SK"})
	agency := emulator.Agency{DomainID: otherAccount, DomainName: "other", Name: "readers", Projects: []string{"project-1"}}
	if change != nil {
		change(&agency)
	}
	api.SetAgencies(agency)
	server := httptest.NewServer(api)
	keyring := new(dcsapi.Keyring)
	o := dcsapi.AgencyOptions{
		Agency:      dcsapi.Agency{Domain: otherAccount, Name: "readers"},
		STSEndpoint: server.URL,
		Client:      dcsapi.Options{IAMEndpoint: server.URL, Keys: staticKey("AK", "SK", ""), Keyring: keyring},
	}
	if options != nil {
		options(&o)
	}
	client := dcsapi.New(dcsapi.Options{
		Region: "cn-north-4", Endpoint: server.URL, IAMEndpoint: server.URL, Keys: dcsapi.NewAgency(o), Keyring: keyring, RequestsPerSecond: 1000,
	})
	t.Cleanup(func() {
		client.Close()
		server.CloseClientConnections()
		server.Close()
	})
	return api, client
}

// TestAssumeAgency reads another account with the keys of its agency: from STS where
// the account is named by id and STS is there, else from IAM.
func TestAssumeAgency(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	defer proxy.Close()
	for name, tt := range map[string]struct {
		agency  func(*emulator.Agency)
		options func(*dcsapi.AgencyOptions)
		asked   int
	}{
		"STS":            {nil, nil, 1},
		"name":           {nil, func(o *dcsapi.AgencyOptions) { o.Domain = "other" }, 1},
		"no STS there":   {func(a *emulator.Agency) { a.NoSTS = true }, nil, 2},
		"STS not known":  {nil, func(o *dcsapi.AgencyOptions) { o.STSEndpoint = "" }, 1},
		"no host of STS": {nil, func(o *dcsapi.AgencyOptions) { o.STSEndpoint = "http://sts.invalid" }, 1},
		"nothing there":  {nil, func(o *dcsapi.AgencyOptions) { o.STSEndpoint = "http://127.0.0.1:1" }, 1},
		"by a proxy": {nil, func(o *dcsapi.AgencyOptions) {
			o.STSEndpoint, o.Client.Proxy = "https://sts.invalid", func(r *http.Request) (*url.URL, error) {
				if r.URL.Host != "sts.invalid" {
					return nil, nil
				}
				return url.Parse(proxy.URL)
			}
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			api, client := assuming(t, tt.agency, tt.options)
			all, err := client.ListInstances(t.Context())
			if err != nil || len(all) != 1 {
				t.Fatalf("got %v, %v", all, err)
			}
			if id := client.KnownProjectID(); id != "project-1" {
				t.Errorf("the project is %s", id)
			}
			if n := api.Counts()["assume_agency"]; n != tt.asked {
				t.Errorf("%d requests for a key, want %d", n, tt.asked)
			}
			if origin := client.KeyOrigin(); !strings.HasPrefix(origin, "agency readers of account ") {
				t.Errorf("the key is from %q", origin)
			}
			if _, err := client.ListInstances(t.Context()); err != nil || api.Counts()["assume_agency"] != tt.asked {
				t.Errorf("the second time: %v, %v", err, api.Counts())
			}
		})
	}
}

// TestAgencyRefuses checks the errors of agencies, and that none repeats a secret.
func TestAgencyRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		options func(*dcsapi.AgencyOptions)
		faults  []emulator.Fault
		want    string
	}{
		"no such agency":  {func(o *dcsapi.AgencyOptions) { o.Name = "writers" }, nil, "the agency must exist and trust the account of the key"},
		"no such account": {func(o *dcsapi.AgencyOptions) { o.Domain = "nobody" }, nil, "sts:agencies:assume"},
		"STS, then IAM":   {func(o *dcsapi.AgencyOptions) { o.STSEndpoint, o.Name = "http://127.0.0.1:1", "writers" }, nil, "or the role Agent Operator"},
		"none of both": {func(o *dcsapi.AgencyOptions) {
			o.STSEndpoint, o.Client.IAMEndpoint = "http://127.0.0.1:1", "http://127.0.0.1:2"
		}, nil, "; before that, ask STS for a key: "},
		"nobody to ask":       {func(o *dcsapi.AgencyOptions) { o.Domain, o.Client.IAMEndpoint = "other", "" }, nil, "set iam_endpoint, or sts_endpoint"},
		"no key in it":        {nil, []emulator.Fault{{Operation: "assume_agency", Body: []byte(`{"credentials":{"access_key_id":"SECRETAK"}}`)}}, "it lacks the access key, the secret key or the security token"},
		"a key with a space":  {nil, []emulator.Fault{{Operation: "assume_agency", Body: []byte(`{"credentials":{"access_key_id":"A K","secret_access_key":"SECRETSK","security_token":"SECRETTOKEN"}}`)}}, "ask STS for a key: HTTP 200: cannot read the response: the access key holds white space"},
		"a key that ended":    {func(o *dcsapi.AgencyOptions) { o.STSEndpoint = "" }, []emulator.Fault{{Operation: "assume_agency", Body: []byte(`{"credential":{"access":"A","secret":"SECRETSK","securitytoken":"SECRETTOKEN","expires_at":"2020-01-08T02:56:19.587000Z"}}`)}}, "it returned a key that expired at 2020-01-08T02:56:19Z, and this machine's clock says"},
		"a key as from IAM":   {nil, []emulator.Fault{{Operation: "assume_agency", Body: []byte(`{"credential":{"access":"A","secret":"SECRETSK","securitytoken":"SECRETTOKEN"}}`)}}, "it has no credentials"},
		"names as IAM's":      {nil, []emulator.Fault{{Operation: "assume_agency", Body: []byte(`{"credentials":{"access":"A","secret":"SECRETSK","securitytoken":"SECRETTOKEN"}}`)}}, "it lacks the access key"},
		"a key as from STS":   {func(o *dcsapi.AgencyOptions) { o.STSEndpoint = "" }, []emulator.Fault{{Operation: "assume_agency", Body: []byte(`{"credentials":{"access_key_id":"A","secret_access_key":"SECRETSK","security_token":"SECRETTOKEN"}}`)}}, "it has no credential (request id"},
		"another form":        {nil, []emulator.Fault{{Operation: "assume_agency", Body: []byte(`{"credentials":["SECRETAK"]}`)}}, "it has no credentials"},
		"HTML":                {nil, []emulator.Fault{{Operation: "assume_agency", Body: []byte("<html>"), ContentType: "text/html"}}, "cannot read the response"},
		"a key that is wrong": {func(o *dcsapi.AgencyOptions) { o.Client.Keys = staticKey("AK", "wrong", "") }, nil, "ask STS for a key: HTTP 401"},
	} {
		t.Run(name, func(t *testing.T) {
			api, client := assuming(t, nil, tt.options)
			api.SetFaults(tt.faults...)
			_, err := client.ListInstances(t.Context())
			if dcsapi.ReasonOf(err) != dcsapi.ReasonAuth || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "agency ") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "SECRET") {
				t.Errorf("a secret in %v", err)
			}
			before := api.Counts()["assume_agency"]
			for range 3 {
				_, _ = client.ListInstances(t.Context())
			}
			if n := api.Counts()["assume_agency"]; n > before {
				t.Errorf("%d further requests for a key within seconds", n-before)
			}
		})
	}
}

// TestAgencyRenewal checks that a key that ends soon is replaced in the background,
// and one that is refused at once.
func TestAgencyRenewal(t *testing.T) {
	api, client := assuming(t, nil, nil)
	if _, err := client.ListInstances(t.Context()); err != nil {
		t.Fatal(err)
	}
	api.RemoveKey("ASSUMED1") // refused from now on
	if _, err := client.ListInstances(t.Context()); err != nil {
		t.Errorf("after the key was refused: %v", err)
	}
	if n := api.Counts()["assume_agency"]; n != 2 {
		t.Errorf("%d requests for a key, want 2", n)
	}

	api, client = assuming(t, func(a *emulator.Agency) { a.Lasts = 2 * time.Second }, nil)
	for deadline := time.Now().Add(20 * time.Second); api.Counts()["assume_agency"] < 2; time.Sleep(50 * time.Millisecond) {
		if _, err := client.ListInstances(t.Context()); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("a key that has ended is not replaced")
		}
	}
}

// TestAgencyForm checks what is sent.
func TestAgencyForm(t *testing.T) {
	var bodies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, 4096)
		n, _ := r.Body.Read(body)
		bodies = append(bodies, r.URL.Path+" "+string(body[:n]))
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()
	for _, domain := range []string{otherAccount, "other"} {
		_, _ = dcsapi.NewAgency(dcsapi.AgencyOptions{
			Agency: dcsapi.Agency{Domain: domain, Name: "readers"}, STSEndpoint: server.URL,
			Client: dcsapi.Options{IAMEndpoint: server.URL, Keys: staticKey("AK", "SK", "")},
		}).Key(t.Context())
	}
	want := []string{
		`/v5/agencies/assume {"agency_session_name":"dcs_session_exporter","agency_urn":"iam::` + otherAccount + `:agency:readers","duration_seconds":3600}`,
		`/v3.0/OS-CREDENTIAL/securitytokens {"auth":{"identity":{"assume_role":{"agency_name":"readers","domain_name":"other","duration_seconds":3600,"session_user":{"name":"dcs_session_exporter"}},"methods":["assume_role"]}}}`,
	}
	if strings.Join(bodies, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(bodies, "\n"), strings.Join(want, "\n"))
	}
}
