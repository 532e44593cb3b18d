package emulator_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/sdkerr"
	dcs "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/dcs/v2"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/dcs/v2/model"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fleet returns an instance with two nodes; the first has n sessions.
func fleet(n int) emulator.Instance {
	sessions := make(emulator.Static, n)
	for i := range sessions {
		sessions[i] = emulator.Session{
			ID: strconv.Itoa(i + 1), Addr: "10.0.0." + strconv.Itoa(i%7) + ":" + strconv.Itoa(40000+i), FD: strconv.Itoa(i), DB: "0", Name: "n" + strconv.Itoa(i%3),
			Cmd: "get", Age: int64(n - i), Idle: int64(i % 13), Flags: "N", Multi: -1, OMem: int64(i * 31 % 101), Events: "r", Network: "vpc", User: "u",
		}
	}
	return emulator.Instance{
		ID: "instance-1", ProjectID: "project-1", Name: "orders", EngineVersion: "6.0", SpecCode: "redis.ha.xu1.large.r2.8",
		Tags: map[string]string{"team": "shop", "1": "2"},
		Nodes: []emulator.Node{
			{ID: "node-1", Name: "m", Role: "redis-server", Type: "master", IP: "192.168.0.1", GroupName: "group-0", AZCode: "az1", Sessions: sessions},
			{ID: "node-2", Name: "s", Role: "redis-server", Type: "slave", IP: "192.168.0.2", GroupName: "group-0", AZCode: "az2"},
		},
	}
}

var testKey = emulator.Key{AccessKey: "AK", SecretKey: "SK", Projects: []string{"project-1"}}

// serve starts an emulator with a key and instances.
func serve(t *testing.T, o emulator.Options, instances ...emulator.Instance) (*emulator.Server, string) {
	t.Helper()
	api := emulator.New(o)
	api.SetKey(testKey)
	api.Add(instances...)
	server := httptest.NewServer(api)
	t.Cleanup(func() {
		api.Close()
		http.DefaultClient.CloseIdleConnections()
		server.Close()
	})
	return api, server.URL
}

// sdk returns the vendor's client for an emulator.
func sdk(t *testing.T, url string, credentials *auth.BasicCredentials) *dcs.DcsClient {
	t.Helper()
	client, err := dcs.DcsClientBuilder().WithCredential(credentials).WithEndpoints([]string{url}).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	return dcs.NewDcsClient(client)
}

func credentials(t *testing.T) *auth.BasicCredentials {
	t.Helper()
	c, err := basic.NewCredentialsBuilder().WithAk("AK").WithSk("SK").WithProjectId("project-1").SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestVendorSDK reads everything with the vendor's own client.
func TestVendorSDK(t *testing.T) {
	const n = 2345
	_, url := serve(t, emulator.Options{}, fleet(n))
	client := sdk(t, url, credentials(t))

	instances, err := client.ListInstances(&model.ListInstancesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if list := *instances.Instances; len(list) != 1 || *list[0].InstanceId != "instance-1" || *list[0].Status != "RUNNING" || *list[0].EngineVersion != "6.0" || len(*list[0].Tags) != 2 {
		t.Errorf("instances: %v", instances)
	}
	shown, err := client.ShowInstance(&model.ShowInstanceRequest{InstanceId: "instance-1"})
	if err != nil || *shown.Name != "orders" {
		t.Errorf("instance: %v, %v", shown, err)
	}
	nodes, err := client.ShowNodesInformation(&model.ShowNodesInformationRequest{InstanceId: "instance-1"})
	if err != nil {
		t.Fatal(err)
	}
	if list := *nodes.Nodes; len(list) != 2 || *list[0].NodeId != "node-1" || list[1].NodeType.Value() != "slave" || list[0].NodeRole.Value() != "redis-server" {
		t.Errorf("nodes: %v", nodes)
	}
	all, err := client.BatchShowNodesInformation(&model.BatchShowNodesInformationRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if list := *all.Instances; *all.Count != 1 || len(list) != 1 || *list[0].InstanceId != "instance-1" || len(*list[0].Nodes) != 2 {
		t.Errorf("nodes of all instances: %v", all)
	}

	node := "node-1"
	_, err = client.ListClients(&model.ListClientsRequest{InstanceId: "instance-1", NodeId: &node})
	wantSDKError(t, err, http.StatusInternalServerError, "DCS.5000")
	clean := true
	job, err := client.ScanClients(&model.ScanClientsRequest{InstanceId: "instance-1", Body: &model.ScanClientsRequestBody{NodeId: &node, CleanCache: &clean}})
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := (*job.Body).(map[string]any); body["job_id"] == nil {
		t.Fatalf("scan: %v", job)
	}
	seen := make(map[string]bool)
	for offset := int32(0); len(seen) < n; offset += 1000 {
		limit := int32(1000)
		page, err := client.ListClients(&model.ListClientsRequest{InstanceId: "instance-1", NodeId: &node, Offset: &offset, Limit: &limit})
		if err != nil {
			t.Fatal(err)
		}
		if *page.Count != n || len(*page.Clients) == 0 {
			t.Fatalf("page at %d: count %d, %d sessions", offset, *page.Count, len(*page.Clients))
		}
		for _, s := range *page.Clients {
			seen[*s.Id] = true
		}
	}
	sort, order, addr := "omem", model.GetListClientsRequestOrderEnum().DESC, "10.0.0.3"
	page, err := client.ListClients(&model.ListClientsRequest{InstanceId: "instance-1", NodeId: &node, Sort: &sort, Order: &order, Addr: &addr})
	if err != nil {
		t.Fatal(err)
	}
	list := *page.Clients
	if len(list) != 10 || *page.Count != n/7 || *list[0].Omem != 100 || *list[0].Omem < *list[9].Omem {
		t.Errorf("sorted page of one address: count %d, %v", *page.Count, list)
	}
	bad := "node-9"
	_, err = client.ListClients(&model.ListClientsRequest{InstanceId: "instance-1", NodeId: &bad})
	wantSDKError(t, err, http.StatusBadRequest, "DCS.3053")
	_, err = client.ShowInstance(&model.ShowInstanceRequest{InstanceId: "instance-9"})
	wantSDKError(t, err, http.StatusNotFound, "DCS.3022")
}

func wantSDKError(t *testing.T, err error, status int, code string) {
	t.Helper()
	answer, ok := errors.AsType[*sdkerr.ServiceResponseError](err)
	if !ok || answer.StatusCode != status || answer.ErrorCode != code || answer.RequestId == "" {
		t.Errorf("got %v, want HTTP %d %s with a request id", err, status, code)
	}
}

func TestVendorSDKAgainstBadKeys(t *testing.T) {
	api, url := serve(t, emulator.Options{}, fleet(1))
	api.SetKey(emulator.Key{AccessKey: "TEMP", SecretKey: "SK", SecurityToken: "token", Projects: []string{"project-1"}})
	tests := []struct {
		name          string
		ak, sk, token string
		project       string
		status        int // 0 for none
		code          string
	}{
		{"good", "AK", "SK", "", "project-1", 0, ""},
		{"unknown key", "AX", "SK", "", "project-1", 401, "APIGW.0301"},
		{"wrong secret", "AK", "SX", "", "project-1", 401, "APIGW.0301"},
		{"foreign project", "AK", "SK", "", "project-2", 403, "DCS.2003"},
		{"temporary key", "TEMP", "SK", "token", "project-1", 0, ""},
		{"temporary key without its token", "TEMP", "SK", "", "project-1", 401, "APIGW.0301"},
		{"temporary key with another token", "TEMP", "SK", "tokex", "project-1", 401, "APIGW.0301"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := basic.NewCredentialsBuilder().WithAk(tt.ak).WithSk(tt.sk).WithSecurityToken(tt.token).WithProjectId(tt.project).SafeBuild()
			if err != nil {
				t.Fatal(err)
			}
			_, err = sdk(t, url, c).ListInstances(&model.ListInstancesRequest{})
			if tt.status == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantSDKError(t, err, tt.status, tt.code)
		})
	}
}

// TestClockSkew checks that requests that are too old or too new are refused.
func TestClockSkew(t *testing.T) {
	for _, tt := range []struct {
		off  time.Duration
		fine bool
	}{{0, true}, {14 * time.Minute, true}, {-14 * time.Minute, true}, {16 * time.Minute, false}, {-16 * time.Minute, false}} {
		_, url := serve(t, emulator.Options{Now: func() time.Time { return time.Now().Add(tt.off) }}, fleet(1))
		_, err := sdk(t, url, credentials(t)).ListInstances(&model.ListInstancesRequest{})
		if (err == nil) != tt.fine {
			t.Errorf("%s off: %v", tt.off, err)
		}
	}
}

// TestVendorSDKReadsLimits reads what instances allow with the vendor's own client.
func TestVendorSDKReadsLimits(t *testing.T) {
	i := fleet(1)
	i.SpecCode, i.Parameters, i.PassThrough = "redis.ha.1", map[string]string{"maxclients": "7000"}, "on"
	_, url := serve(t, emulator.Options{}, i)
	client := sdk(t, url, credentials(t))
	configs, err := client.ListConfigurations(&model.ListConfigurationsRequest{InstanceId: "instance-1"})
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for _, p := range *configs.RedisConfig {
		found[*p.ParamName] = *p.ParamValue
	}
	if *configs.InstanceId != "instance-1" || found["maxclients"] != "7000" || found["timeout"] != "0" || found["client-output-buffer-slave-hard-limit"] != "268435456" {
		t.Errorf("configuration: %v", configs)
	}
	spec := "redis.ha.1"
	flavors, err := client.ListFlavors(&model.ListFlavorsRequest{SpecCode: &spec})
	if err != nil {
		t.Fatal(err)
	}
	list := *flavors.Flavors
	if len(list) != 1 || *list[0].SpecCode != spec || *list[0].CacheMode != "ha" {
		t.Fatalf("specification: %v", flavors)
	}
	attributes := make(map[string]string)
	for _, a := range *list[0].Attrs {
		attributes[*a.Name] = *a.Value
	}
	if attributes["max_clients"] != "10000" || attributes["sharding_num"] != "1" {
		t.Errorf("attributes: %v", attributes)
	}
	nodes, err := client.ShowNodesInformation(&model.ShowNodesInformationRequest{InstanceId: "instance-1"})
	if err != nil {
		t.Fatal(err)
	}
	if d := *(*nodes.Nodes)[0].Dimensions; len(d) != 2 || *d[1].Name != "dcs_cluster_redis_node" || *d[1].Value != "ces-node-1" {
		t.Errorf("dimensions: %v", d)
	}
}
