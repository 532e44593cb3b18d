package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"

	"dcs_session_exporter/dcsapi"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/config"
	dcs "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/dcs/v2"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/dcs/v2/model"
	"golang.org/x/sync/errgroup"
)

// concurrency is how many requests every subject has in flight.
const concurrency = 8

// readerTask says what a reading process reads, and how.
type readerTask struct {
	Kind     string // discard, sdk or client
	Server   pageServer
	Sessions int
	Nodes    int
}

// amount is what one round of a subject came to.
type amount struct {
	Sessions int64 `json:"sessions,omitzero"` // that it has seen
	OMem     int64 `json:"omem,omitzero"`     // of these sessions
	Bytes    int64 `json:"bytes,omitzero"`    // of pages, or of metrics
	Series   int   `json:"series,omitzero"`
}

// reader reads one page, and returns what there was on it.
type reader func(ctx context.Context, node string, offset int) (amount, error)

// read is the program of a process that reads all pages once for each line of
// stdin, and answers with an amount in one line of JSON.
func read(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	var task readerTask
	if err := json.Unmarshal([]byte(args[0]), &task); err != nil {
		return err
	}
	page, err := newReader(task)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(stdin)
	for lines.Scan() {
		var sessions, omem, bytes atomic.Int64
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(concurrency)
		for offset := 0; offset == 0 || offset < task.Sessions/task.Nodes; offset += pageSize {
			for k := range task.Nodes {
				group.Go(func() error {
					a, err := page(ctx, nodeID(k), offset)
					sessions.Add(a.Sessions)
					omem.Add(a.OMem)
					bytes.Add(a.Bytes)
					return err
				})
			}
		}
		if err := group.Wait(); err != nil {
			return err
		}
		if err := json.NewEncoder(stdout).Encode(amount{Sessions: sessions.Load(), OMem: omem.Load(), Bytes: bytes.Load()}); err != nil {
			return err
		}
	}
	return lines.Err()
}

// newReader returns the reader of a kind. All use the exporter's transport.
func newReader(t readerTask) (reader, error) {
	var secure *tls.Config
	if t.Server.CA != "" {
		secure = &tls.Config{RootCAs: x509.NewCertPool()}
		secure.RootCAs.AppendCertsFromPEM([]byte(t.Server.CA))
	}
	switch t.Kind {
	case "discard":
		return discard(t.Server.URL, dcsapi.NewTransport(nil, secure, concurrency)), nil
	case "client":
		return client(t.Server.URL, secure), nil
	case "sdk":
		return sdk(t.Server.URL, dcsapi.NewTransport(nil, secure, concurrency))
	default:
		return nil, fmt.Errorf("unknown reader %q", t.Kind)
	}
}

// discard reads pages and throws them away.
func discard(base string, transport http.RoundTripper) reader {
	client := &http.Client{Transport: transport}
	return func(ctx context.Context, node string, offset int) (amount, error) {
		query := url.Values{"node_id": {node}, "offset": {strconv.Itoa(offset)}, "limit": {strconv.Itoa(pageSize)}}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/v2/"+projectID+"/instances/"+instanceID+"/clients?"+query.Encode(), nil)
		if err != nil {
			return amount{}, err
		}
		resp, err := client.Do(req)
		if err != nil {
			return amount{}, err
		}
		defer resp.Body.Close()
		n, err := io.Copy(io.Discard, resp.Body)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("GET %s: %s", req.URL, resp.Status)
		}
		return amount{Bytes: n}, err
	}
}

// client reads pages with this project's client, and adds up one number.
func client(base string, secure *tls.Config) reader {
	key := dcsapi.Secret{Value: "key"}
	c := dcsapi.New(dcsapi.Options{
		Region: "cn-north-4", Endpoint: base, IAMEndpoint: base, ProjectID: projectID, TLS: secure,
		Keys:                  dcsapi.NewConfiguredKey(key, key, dcsapi.Secret{}),
		MaxConcurrentRequests: concurrency, RequestsPerSecond: 1e6,
	})
	return func(ctx context.Context, node string, offset int) (amount, error) {
		var total amount
		_, err := c.ListClients(ctx, dcsapi.ListClientsRequest{InstanceID: instanceID, NodeID: node, Offset: offset, Limit: pageSize},
			func(sessions iter.Seq[*dcsapi.Session]) {
				for s := range sessions {
					total.Sessions++
					total.OMem += s.OMem
				}
			})
		return total, err
	}
}

// sdk reads pages with the vendor's client, and adds up the same number.
func sdk(base string, transport *http.Transport) (reader, error) {
	credentials, err := basic.NewCredentialsBuilder().WithAk("key").WithSk("key").WithProjectId(projectID).SafeBuild()
	if err != nil {
		return nil, err
	}
	http, err := dcs.DcsClientBuilder().WithCredential(credentials).WithEndpoints([]string{base}).
		WithHttpConfig(config.DefaultHttpConfig().WithHttpTransport(transport)).SafeBuild()
	if err != nil {
		return nil, err
	}
	c := dcs.NewDcsClient(http)
	return func(_ context.Context, node string, offset int) (amount, error) {
		limit, from := int32(pageSize), int32(offset)
		answer, err := c.ListClients(&model.ListClientsRequest{InstanceId: instanceID, NodeId: &node, Offset: &from, Limit: &limit})
		if err != nil {
			return amount{}, err
		}
		var total amount
		for _, s := range *answer.Clients {
			total.Sessions++
			total.OMem += int64(*s.Omem)
		}
		return total, nil
	}, nil
}
