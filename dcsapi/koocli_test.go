package dcsapi_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestNoKooCLIKey checks what the user reads where KooCLI's configuration has no
// key that can be used, and that nothing of the file is repeated.
func TestNoKooCLIKey(t *testing.T) {
	for content, want := range map[string]string{
		"": "is not KooCLI's configuration in JSON",
		`{"current":"a","profiles":[{"name":"a","accessKeyId":"SECRET",]}`: "is not KooCLI's configuration in JSON",
		`{"profiles":"SECRET"}`: "is not KooCLI's configuration in JSON",
		`{"current":"a"}`:       "has no current profile",
		`{"current":"a","profiles":[{"name":"b","accessKeyId":"SECRET","secretAccessKey":"SECRET"}]}`:                      "has no current profile",
		`{"current":"a","profiles":[{"name":"a","accessKeyId":"SECRET"}]}`:                                                 "the current profile has no access key and secret key",
		`{"current":"a","profiles":[{"name":"a","accessKeyId":"SECRET","secretAccessKey":"SECRET"}],"authEncrypt":"true"}`: "is encrypted, and only KooCLI can decrypt it",
		`{"current":"a","profiles":[{"name":"a","accessKeyId":"SECRET","secretAccessKey":"SECRET"}],"authEncrypt":true}`:   "is encrypted, and only KooCLI can decrypt it",
		strings.Repeat(" SECRET", 1<<18): "is too large",
	} {
		home := emptyEnvironment(t)
		metadataIs(t, nil)
		writeFile(t, filepath.Join(home, ".hcloud", "config.json"), content)
		_, err := ask(t, "", nil)
		if err == nil || !strings.Contains(err.Error(), "/.hcloud/config.json): "+want) || strings.Contains(strings.ReplaceAll(err.Error(), "HW_SECRET_KEY", ""), "SECRET") {
			t.Errorf("%.100s: got %v, want %s", content, err, want)
		}
	}
}
