package emulator_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/signer/algorithm"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/request"
)

// reply is an answer of the emulator.
type reply struct {
	status int
	header http.Header
	body   string

	Code    string             `json:"error_code"`
	Time    string             `json:"time"`
	Count   int                `json:"count"`
	Clients []emulator.Session `json:"clients"`
	Job     string             `json:"job_id"`
}

// ask sends a signed request; query is "name=value" pairs.
func ask(t *testing.T, base, method, path, body string, query ...string) (reply, error) {
	t.Helper()
	return askWithin(t, 500*time.Millisecond, base, method, path, body, query...)
}

// askWithin is like ask with a timeout.
func askWithin(t *testing.T, most time.Duration, base, method, path, body string, query ...string) (reply, error) {
	t.Helper()
	b := request.NewHttpRequestBuilder().WithEndpoint(base).WithPath("/v2/project-1" + path).WithMethod(method).WithSigningAlgorithm(algorithm.HmacSHA256)
	for _, q := range query {
		if name, value, found := strings.Cut(q, "="); found {
			b.AddQueryParam(name, reflect.ValueOf(value))
		}
	}
	if body != "" {
		b.AddHeaderParam("Content-Type", "application/json").WithBody("", body)
	}
	c := auth.BasicCredentials{BaseCredentials: auth.BaseCredentials{AK: "AK", SK: "SK"}}
	r, err := c.ProcessAuthRequest(nil, b.Build())
	if err != nil {
		t.Fatal(err)
	}
	req, err := r.ConvertRequest()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	req.Close = true // on a kept connection Go repeats what breaks
	resp, err := http.DefaultClient.Do(req.WithContext(ctx))
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 32<<20)) // bombs need not unpack
	out := reply{status: resp.StatusCode, header: resp.Header, body: string(text)}
	_ = json.Unmarshal(text, &out) // not every answer is JSON
	return out, err
}

const clientsPath = "/instances/instance-1/clients"

func list(t *testing.T, base string, query ...string) reply {
	t.Helper()
	r, err := ask(t, base, http.MethodGet, clientsPath, "", append([]string{"node_id=node-1"}, query...)...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func scan(t *testing.T, base, body string) reply {
	t.Helper()
	r, err := ask(t, base, http.MethodPost, clientsPath, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const scanBody = `{"node_id":"node-1","clean_cache":true}`

// clock is a time that tests set.
type clock struct{ off atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.off.Load())) }
func (c *clock) advance(d time.Duration) { c.off.Add(int64(d)) }
