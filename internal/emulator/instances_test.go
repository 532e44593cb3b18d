package emulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"dcs_session_exporter/internal/emulator"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/region"
	dcs "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/dcs/v2"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/dcs/v2/model"
)

// TestInstancePages checks defaults, limits and filters of the lists of instances
// and of all nodes.
func TestInstancePages(t *testing.T) {
	var all []emulator.Instance
	for n := range 150 {
		i := fleet(0)
		i.ID, i.Name, i.Nodes[0].IP = fmt.Sprintf("i%03d", n), fmt.Sprintf("name-%03d", n), fmt.Sprintf("10.0.0.%d", n)
		if n%50 == 0 {
			i.Status = "FROZEN"
		}
		all = append(all, i)
	}
	foreign := fleet(0)
	foreign.ID, foreign.ProjectID = "foreign", "project-2"
	_, base := serve(t, emulator.Options{}, append(all, foreign)...)
	tests := []struct {
		path, query string
		want        string // first…last (how many) of the count
	}{
		{"/instances", "", "i000…i009 (10) of 150"},
		{"/instances", "limit=1000", "i000…i149 (150) of 150"},
		{"/instances", "limit=100&offset=100", "i100…i149 (50) of 150"},
		{"/instances", "offset=150", "none of 150"},
		{"/instances", "limit=0", "DCS.4800"},
		{"/instances", "limit=1001", "DCS.4800"},
		{"/instances", "offset=-1", "DCS.4800"},
		{"/instances", "status=FROZEN", "i000…i100 (3) of 3"},
		{"/instances", "name=-14", "i140…i149 (10) of 10"},
		{"/instances", "name_equal=name-01", "none of 0"},
		{"/instances", "name_equal=name-017", "i017…i017 (1) of 1"},
		{"/instances", "instance_id=i003", "i003…i003 (1) of 1"},
		{"/instances", "ip=10.0.0.149", "i149…i149 (1) of 1"},
		{"/instances", "instance_id=foreign", "none of 0"},
		{"/instances-logical-nodes", "", "i000…i009 (10) of 150"},
		{"/instances-logical-nodes", "limit=100&offset=100", "i100…i149 (50) of 150"},
		{"/instances-logical-nodes", "limit=101", "DCS.4800"},
		{"/instances/foreign", "", "DCS.3022"},
	}
	for _, tt := range tests {
		var query []string
		if tt.query != "" {
			query = strings.Split(tt.query, "&")
		}
		r, err := ask(t, base, http.MethodGet, tt.path, "", query...)
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Num       int `json:"instance_num"`
			Count     int
			Instances []struct {
				ID string `json:"instance_id"`
			}
		}
		if err := json.Unmarshal([]byte(r.body), &page); err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintf("none of %d", page.Num+page.Count)
		if n := len(page.Instances); n > 0 {
			got = fmt.Sprintf("%s…%s (%d) of %d", page.Instances[0].ID, page.Instances[n-1].ID, n, page.Num+page.Count)
		}
		if r.Code != "" {
			got = r.Code
		}
		if got != tt.want {
			t.Errorf("%s?%s: got %s, want %s", tt.path, tt.query, got, tt.want)
		}
	}
}

// TestOddities checks the shapes that the vendor's samples show instead of the
// documented ones.
func TestOddities(t *testing.T) {
	odd := fleet(0)
	odd.EnterpriseProjectID, odd.OddTags, odd.Nodes[0].Port = 0, []map[string]any{{"key": 1, "value": 2}}, 6380
	_, base := serve(t, emulator.Options{}, odd)
	r, err := ask(t, base, http.MethodGet, "/instances/instance-1", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"enterprise_project_id":0,`, `"tags":[{"key":1,"value":2}]`, `"port":6380`, `"az_codes":["az1","az2"]`} {
		if !strings.Contains(r.body, want) {
			t.Errorf("no %s in %s", want, r.body)
		}
	}
	r, err = ask(t, base, http.MethodGet, "/instances/instance-1/logical-nodes", "")
	if err != nil || !strings.Contains(r.body, `"node_port":"6380"`) || !strings.Contains(r.body, `"node_port":"6379"`) {
		t.Errorf("%s, %v", r.body, err)
	}
}

// TestVendorSDKLooksUpTheProject has the vendor's credentials ask IAM for the
// project's id.
func TestVendorSDKLooksUpTheProject(t *testing.T) {
	api, base := serve(t, emulator.Options{Region: "eu-de"}, fleet(1))
	lookUp := func() (*model.ListInstancesResponse, error) {
		c, err := basic.NewCredentialsBuilder().WithAk("AK").WithSk("SK").WithIamEndpointOverride(base).SafeBuild()
		if err != nil {
			t.Fatal(err)
		}
		client, err := dcs.DcsClientBuilder().WithCredential(c).WithRegion(region.NewRegion("eu-de", base)).SafeBuild()
		if err != nil {
			return nil, err
		}
		return dcs.NewDcsClient(client).ListInstances(&model.ListInstancesRequest{})
	}
	api.SetProjectsAtIAM("eu-de")
	if _, err := lookUp(); err == nil {
		t.Error("no error without a project")
	}
	api.SetProjectsAtIAM("eu-de", "project-0", "project-1")
	if _, err := lookUp(); err == nil {
		t.Error("no error with two projects")
	}
	api.SetProjectsAtIAM("eu-de", "project-1")
	if r, err := lookUp(); err != nil || *r.InstanceNum != 1 {
		t.Errorf("%v, %v", r, err)
	}
	if n := api.Counts()["list_projects"]; n < 3 {
		t.Errorf("IAM was asked %d times", n)
	}
}
