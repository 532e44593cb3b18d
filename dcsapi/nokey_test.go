package dcsapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
)

// TestNoKey checks what the user reads where no source has a key: each of them,
// what is wrong with it, and never what it holds.
func TestNoKey(t *testing.T) {
	const (
		environment = "environment (HUAWEICLOUD_SDK_AK and _SK, or _IDP_ID and _ID_TOKEN_FILE): "
		sample      = "environment (CLOUD_SDK_AK and _SK): "
		terraform   = "environment (HW_ACCESS_KEY and HW_SECRET_KEY): "
		agency      = "agency of the machine (metadata service at 169.254.169.254): "
		pod         = "identity of the pod (HC_CONTAINER_CREDENTIALS_FULL_URI): "
	)
	file := func(t *testing.T, content string) string {
		return writeFile(t, filepath.Join(t.TempDir(), "f"), content)
	}
	profile := func(content string) func(*testing.T) http.Handler {
		return func(t *testing.T) http.Handler {
			t.Setenv("HUAWEICLOUD_SDK_CREDENTIALS_FILE", file(t, content))
			return nil
		}
	}
	podAnswers := func(status int, body string) func(*testing.T) http.Handler {
		return func(t *testing.T) http.Handler {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			}))
			t.Cleanup(server.Close)
			t.Setenv("HC_CONTAINER_CREDENTIALS_FULL_URI", server.URL)
			t.Setenv("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", file(t, "SECRET"))
			return nil
		}
	}
	idp := func(s *iam) func(*testing.T) http.Handler {
		return func(t *testing.T) http.Handler {
			server := httptest.NewServer(s)
			t.Cleanup(server.Close)
			t.Setenv("HUAWEICLOUD_SDK_CREDENTIALS_FILE", file(t, "[basic]\nidp_id = SECRETIDP\nid_token_file = "+file(t, "SECRETTOKEN")+"\niam_endpoint = "+server.URL))
			return nil
		}
	}
	echoes := func(t *testing.T) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Request-Id", "x-SECRETTOKEN")
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, `{"error_code":"SECRETTOKEN","error_msg":"SECRETTOKEN"}`)
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	answers := func(status int, body string) func(*testing.T) http.Handler {
		return func(*testing.T) http.Handler { return &metadata{status: status, body: body} }
	}
	later := time.Now().Add(time.Hour)
	for _, tt := range []struct {
		name  string
		setUp func(t *testing.T) (metadata http.Handler)
		says  []string
	}{
		{"nothing", func(*testing.T) http.Handler { return nil }, []string{
			"get credentials: no key was found: set credentials in the configuration, or one of the sources that were tried. " + environment + "not set; " + sample + "not set; " + terraform + "not set; profile file (", "/.huaweicloud/credentials): does not exist; KooCLI profile (", "/.hcloud/config.json): does not exist; ",
			agency + "not reachable: dial tcp 127.0.0.1:1: connect: connection refused; " + pod + "not set",
		}},
		{"half an environment", func(t *testing.T) http.Handler {
			t.Setenv("HUAWEICLOUD_SDK_AK", "SECRET")
			t.Setenv("CLOUD_SDK_SK", "SECRET")
			t.Setenv("HW_ACCESS_KEY", "SECRET")
			return nil
		}, []string{
			environment + "HUAWEICLOUD_SDK_AK is set, but HUAWEICLOUD_SDK_SK is not", sample + "CLOUD_SDK_SK is set, but CLOUD_SDK_AK is not",
			terraform + "HW_ACCESS_KEY is set, but HW_SECRET_KEY is not",
		}},
		{"half an identity", func(t *testing.T) http.Handler {
			t.Setenv("HUAWEICLOUD_SDK_IDP_ID", "SECRET")
			return nil
		}, []string{environment + "HUAWEICLOUD_SDK_IDP_ID is set, but HUAWEICLOUD_SDK_ID_TOKEN_FILE is not"}},
		{"a key with white space", func(t *testing.T) http.Handler {
			t.Setenv("HUAWEICLOUD_SDK_AK", "SECRETAK")
			t.Setenv("HUAWEICLOUD_SDK_SK", "SECRETSK\n")
			return &metadata{body: agencyKey("A", "S", "T", later)}
		}, []string{"get credentials: " + environment + "the secret key holds white space"}},

		{"no home", func(t *testing.T) http.Handler {
			t.Setenv("HOME", "")
			return nil
		}, []string{"profile file (~/.huaweicloud/credentials): there is no home directory: set HOME, or HUAWEICLOUD_SDK_CREDENTIALS_FILE"}},
		{"a home that is not there", func(t *testing.T) http.Handler {
			t.Setenv("HOME", "/nonexistent")
			return nil
		}, []string{"profile file (/nonexistent/.huaweicloud/credentials): does not exist"}},
		{"a home that is no folder", func(t *testing.T) http.Handler {
			t.Setenv("HOME", file(t, ""))
			return nil
		}, []string{"/.huaweicloud/credentials): cannot be read: not a directory"}},
		{"a folder for a profile", func(t *testing.T) http.Handler {
			t.Setenv("HUAWEICLOUD_SDK_CREDENTIALS_FILE", t.TempDir())
			return nil
		}, []string{"cannot be read as lines of name = value in sections"}},
		{"a profile without a section", profile("ak = SECRET\nsk = SECRET\n"), []string{"has no section [basic] with ak and sk"}},
		{"a profile without a secret key", profile("[basic]\nak = SECRET\n"), []string{"has no section [basic] with ak and sk"}},
		{"a profile that is none", profile("SECRET SECRET\n"), []string{"cannot be read as lines of name = value"}},

		{"no agency", answers(http.StatusUnauthorized, "Please configure Cloud Service Agency first. SECRET"), []string{agency + "the machine has no agency: give it one"}},
		{"no such agency", answers(http.StatusNotFound, "SECRET"), []string{agency + "answered HTTP 404;"}},
		{"tokens fail", func(*testing.T) http.Handler { return &metadata{tokens: http.StatusInternalServerError} }, []string{agency + "answered HTTP 500"}},
		{"an agency's answer is empty", answers(0, ""), []string{agency + "answered with an error, or with something other than a key"}},
		{"an agency's answer has no key", answers(0, `{}`), []string{agency + "answered with an error, or with something other than a key"}},
		{"an agency's key is null", answers(0, `{"credential":null}`), []string{agency + "answered with an error, or with something other than a key"}},
		{"an agency's key is half", answers(0, `{"credential":{"access":"SECRET"}}`), []string{agency + "answered with an error, or with something other than a key"}},
		{"an agency's key is empty", answers(0, agencyKey("", "", "", later)), []string{"get credentials: " + agency + "it returned an empty key"}},
		{"an agency's key has ended", answers(0, agencyKey("SECRET", "SECRET", "SECRET", time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC))), []string{agency + "it returned a key that expired at 2020-01-02T03:04:05Z, and this machine's clock says ", "check the clock"}},

		{"half a pod", func(t *testing.T) http.Handler {
			t.Setenv("HC_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1")
			return nil
		}, []string{pod + "HC_CONTAINER_CREDENTIALS_FULL_URI is set, but HC_CONTAINER_AUTHORIZATION_TOKEN_FILE is not"}},
		{"a pod without its token", func(t *testing.T) http.Handler {
			t.Setenv("HC_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1")
			t.Setenv("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nonexistent/token")
			return nil
		}, []string{pod + "the file that HC_CONTAINER_AUTHORIZATION_TOKEN_FILE names does not exist"}},
		{"a pod with an empty token", func(t *testing.T) http.Handler {
			t.Setenv("HC_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1")
			t.Setenv("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", file(t, "\n"))
			return nil
		}, []string{pod + "the file that HC_CONTAINER_AUTHORIZATION_TOKEN_FILE names is empty"}},
		{"a pod with a bad address", func(t *testing.T) http.Handler {
			t.Setenv("HC_CONTAINER_CREDENTIALS_FULL_URI", "http://SECRET%zz")
			t.Setenv("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", file(t, "SECRET"))
			return nil
		}, []string{pod + "HC_CONTAINER_CREDENTIALS_FULL_URI is not a URL"}},
		{"a pod that nobody answers", func(t *testing.T) http.Handler {
			t.Setenv("HC_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1")
			t.Setenv("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", file(t, "SECRET"))
			return nil
		}, []string{pod + "not reachable: dial tcp 127.0.0.1:1"}},
		{"a pod that is refused", podAnswers(http.StatusForbidden, "SECRET"), []string{pod + "answered with an error, or with something other than a key"}},
		{"a pod's answer has no key", podAnswers(http.StatusOK, "{}"), []string{pod + "answered with an error, or with something other than a key"}},

		{"an identity without its token", profile("[basic]\nidp_id = SECRET\nid_token_file = /nonexistent/token\n"), []string{"): the identity token's file /nonexistent/token does not exist"}},
		{"an identity sent in the clear", profile("[basic]\nidp_id = SECRET\nid_token_file = /nonexistent/token\niam_endpoint = http://iam.example\n"), []string{"): iam_endpoint must begin with https://"}},
		{"an identity that is refused", idp(&iam{}), []string{"get credentials: profile file (", "): IAM: answered HTTP 401", "check the identity provider's id and that the token in "}},
		{"IAM fails", idp(&iam{status: http.StatusBadGateway}), []string{"): IAM: answered HTTP 502 IAM.0011 (request id iam-1)"}},
		{"IAM echoes the token", func(t *testing.T) http.Handler {
			t.Setenv("HUAWEICLOUD_SDK_CREDENTIALS_FILE", file(t, "[basic]\nidp_id = x\nid_token_file = "+file(t, "SECRETTOKEN")+"\niam_endpoint = "+echoes(t)))
			return nil
		}, []string{"): IAM: answered HTTP 502 (request id x-<redacted>)"}},
		{"an agency echoes its token", func(*testing.T) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut {
					_, _ = io.WriteString(w, "SECRETTOKEN")
					return
				}
				w.Header().Set("X-Request-Id", r.Header.Get("X-Metadata-Token"))
				w.WriteHeader(http.StatusForbidden)
				_, _ = io.WriteString(w, `{"error_code":"SECRETTOKEN","error_msg":"SECRETTOKEN"}`)
			})
		}, []string{agency + "answered HTTP 403;"}},
		{"an agency's answer is malformed", func(*testing.T) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				conn, to, err := http.NewResponseController(w).Hijack()
				if err != nil {
					panic(err)
				}
				defer conn.Close()
				_, _ = to.WriteString("HTTP/1.1 200 OK\r\nSECRETTOKEN\r\n\r\n")
				_ = to.Flush()
			})
		}, []string{agency + "the connection broke, or the response is not HTTP"}},
		{"IAM's answer has no key", idp(&iam{idp: "SECRETIDP", idToken: "SECRETTOKEN", credential: "{}"}), []string{"): IAM answered with something other than a key"}},
		{"IAM is not there", profile("[basic]\nidp_id = SECRET\nid_token_file = " + file(t, "x") + "\niam_endpoint = https://127.0.0.1:1\n"), []string{"): IAM: not reachable: dial tcp 127.0.0.1:1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			emptyEnvironment(t)
			metadataIs(t, tt.setUp(t))
			_, err := ask(t, "https://127.0.0.1:1", nil)
			if dcsapi.ReasonOf(err) != dcsapi.ReasonAuth {
				t.Fatalf("got %v", err)
			}
			for _, part := range tt.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %v\nwant %s", err, part)
				}
			}
			if strings.Contains(strings.ReplaceAll(err.Error(), "HW_SECRET_KEY", ""), "SECRET") {
				t.Errorf("a secret: %v", err)
			}
		})
	}
}
