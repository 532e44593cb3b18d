package dcsapi_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
)

// TestOrder checks which source wins: each is taken away when it has.
func TestOrder(t *testing.T) {
	home := emptyEnvironment(t)
	metadataIs(t, &metadata{body: agencyKey("AGENCY", "S", "T", time.Now().Add(time.Hour))})
	profile := "[basic]\nak = %s\nsk = SP\nproject_id = PP\nsecurity_token = TP\n"
	writeFile(t, filepath.Join(home, ".huaweicloud", "credentials"), fmt.Sprintf(profile, "HOME"))
	t.Setenv("HUAWEICLOUD_SDK_CREDENTIALS_FILE", writeFile(t, filepath.Join(t.TempDir(), "own"), fmt.Sprintf(profile, "FILE")))
	t.Setenv("CLOUD_SDK_AK", "SAMPLE")
	t.Setenv("CLOUD_SDK_SK", "SC")
	t.Setenv("HW_ACCESS_KEY", "TERRAFORM")
	t.Setenv("HW_SECRET_KEY", "ST")
	t.Setenv("HW_SECURITY_TOKEN", "TT")
	t.Setenv("HUAWEICLOUD_SDK_AK", "ENV")
	t.Setenv("HUAWEICLOUD_SDK_SK", "SE")
	t.Setenv("HUAWEICLOUD_SDK_PROJECT_ID", "PE")
	koo := writeFile(t, filepath.Join(home, ".hcloud", "config.json"), `{"current":"mine","profiles":[
		{"name":"default","accessKeyId":"NO","secretAccessKey":"NO"},
		{"name":"mine","accessKeyId":"KOO","secretAccessKey":"SK","securityToken":"TK","projectId":"PK"}],"authEncrypt":"false"}`)
	want := func(want dcsapi.Key) {
		t.Helper()
		key, err := ask(t, "", nil)
		wantKey(t, key, err, want)
	}
	want(dcsapi.Key{AccessKey: "ENV", SecretKey: "SE", ProjectID: "PE"})
	t.Setenv("HUAWEICLOUD_SDK_SK", "")
	want(dcsapi.Key{AccessKey: "SAMPLE", SecretKey: "SC"})
	t.Setenv("CLOUD_SDK_AK", "")
	want(dcsapi.Key{AccessKey: "TERRAFORM", SecretKey: "ST", SecurityToken: "TT"})
	t.Setenv("HW_SECRET_KEY", "")
	want(dcsapi.Key{AccessKey: "FILE", SecretKey: "SP", SecurityToken: "TP", ProjectID: "PP"})
	t.Setenv("HUAWEICLOUD_SDK_CREDENTIALS_FILE", "")
	want(dcsapi.Key{AccessKey: "HOME", SecretKey: "SP", SecurityToken: "TP", ProjectID: "PP"})
	if err := os.RemoveAll(filepath.Join(home, ".huaweicloud")); err != nil {
		t.Fatal(err)
	}
	want(dcsapi.Key{AccessKey: "KOO", SecretKey: "SK", SecurityToken: "TK"})
	writeFile(t, koo, `{"current":"mine","profiles":[{"name":"mine","accessKeyId":"KOO","secretAccessKey":"SK"}],"authEncrypt":"true"}`)
	want(dcsapi.Key{AccessKey: "AGENCY", SecretKey: "S", SecurityToken: "T"})
}
