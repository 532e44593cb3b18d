package dcsapi_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// TestKeyOrigin checks that a key's place is told, and nothing of the key.
func TestKeyOrigin(t *testing.T) {
	for _, name := range []string{"HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_PROJECT_ID", "HUAWEICLOUD_SDK_SECURITY_TOKEN"} {
		t.Setenv(name, "")
	}
	t.Setenv("CLOUD_SDK_AK", "SECRETAK")
	t.Setenv("CLOUD_SDK_SK", "SECRETSK")
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("SECRET"), 0o600); err != nil {
		t.Fatal(err)
	}
	inline, inFile := dcsapi.Secret{Value: "SECRET"}, dcsapi.Secret{File: file}
	for _, tt := range []struct {
		name string
		keys dcsapi.KeySource
		want string
	}{
		{"inline", dcsapi.NewConfiguredKey(inline, inline, inline), "the configuration file"},
		{"one file", dcsapi.NewConfiguredKey(inFile, inFile, dcsapi.Secret{}), file},
		{"both", dcsapi.NewConfiguredKey(inline, inFile, dcsapi.Secret{}), "access key from the configuration file, secret key from " + file},
		{"token elsewhere", dcsapi.NewConfiguredKey(inline, inline, inFile), "the configuration file, security token from " + file},
		{"chain", dcsapi.NewDefaultChain("http://127.0.0.1:1", nil), "environment (CLOUD_SDK_AK and _SK)"},
		{"a source that cannot tell", silent{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := dcsapi.New(dcsapi.Options{Keys: tt.keys})
			if tt.name == "chain" && c.KeyOrigin() != "" {
				t.Error("an origin is told before there is a key")
			}
			if _, err := tt.keys.Key(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := c.KeyOrigin(); got != tt.want || strings.Contains(got, "SECRET") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// silent is a source that does not say where its key is from.
type silent struct{}

func (silent) Key(context.Context) (dcsapi.Key, error) {
	return dcsapi.Key{AccessKey: "a", SecretKey: "s"}, nil
}
func (silent) Renew(_ context.Context, k dcsapi.Key) (dcsapi.Key, error) { return k, nil }

// TestObserveDate checks that the date of every answer is told, also of one
// that is an error, and none where there is none.
func TestObserveDate(t *testing.T) {
	date := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for status, header := range map[int]string{200: date.Format(http.TimeFormat), 404: date.Format(http.TimeFormat), 400: ""} {
		var got []string
		c := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Date"] = nil
			if header != "" {
				w.Header().Set("Date", header)
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"instance_num":0,"instances":[]}`))
		}), func(o *dcsapi.Options) {
			o.Observer.Date = func(operation string, date time.Time, took time.Duration) {
				if took <= 0 || took > time.Minute {
					t.Errorf("it took %s", took)
				}
				got = append(got, operation+" "+date.Format(time.RFC3339))
			}
		})
		_, _ = c.ListInstances(t.Context())
		want := "[]"
		if header != "" {
			want = "[list_instances 2026-11-23T12:00:00Z]"
		}
		if fmt.Sprint(got) != want {
			t.Errorf("HTTP %d: got %v, want %s", status, got, want)
		}
	}
}

// TestListProjects asks IAM for all projects of a key.
func TestListProjects(t *testing.T) {
	api := newEmulator()
	api.SetProjectsAtIAM("cn-north-4_team", "project-7")
	c := newClient(t, api, nil)
	got, err := c.ListProjects(t.Context())
	if err != nil || fmt.Sprint(got) != "[{project-1 cn-north-4} {project-7 cn-north-4_team}]" {
		t.Errorf("got %v, %v", got, err)
	}
	api.AddFault(emulator.Fault{Operation: "list_projects", Status: 403, Body: []byte(`{"error":{"code":403,"message":"no"}}`)})
	if _, err := c.ListProjects(t.Context()); dcsapi.ReasonOf(err) != dcsapi.ReasonForbidden || !strings.Contains(err.Error(), "ask IAM for the key's projects: HTTP 403: no") {
		t.Errorf("got %v", err)
	}
	api.SetFaults(emulator.Fault{Operation: "list_projects", Body: []byte(`{}`)})
	if _, err := c.ListProjects(t.Context()); dcsapi.ReasonOf(err) != dcsapi.ReasonDecode {
		t.Errorf("got %v", err)
	}
}
