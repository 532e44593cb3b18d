package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"dcs_session_exporter/dcsapi"
)

const (
	projectID  = "project-1"
	instanceID = "instance-1"
	pageSize   = dcsapi.MaxLimit
)

// nodeID names the k-th node, from 0.
func nodeID(k int) string { return fmt.Sprintf("node-%d", k+1) }

// pages is an API that serves the session lists of one instance from memory,
// each page rendered (and packed) once. It checks no signature. POST /next
// makes all lists new ones: their time changes, and nothing else.
type pages struct {
	packed  bool
	latency time.Duration
	lists   map[string][][]byte // what follows the time on each page, by node
	version atomic.Int64
}

// newPages renders the lists of so many sessions on so many nodes.
func newPages(sessions, nodes int, packed bool, latency time.Duration) (*pages, error) {
	p := &pages{packed: packed, latency: latency, lists: make(map[string][][]byte)}
	for k := range nodes {
		all := sessionsOf(k, sessions/nodes)
		for from := 0; from == 0 || from < len(all); from += pageSize {
			list, err := json.Marshal(all[from:min(from+pageSize, len(all))])
			if err != nil {
				return nil, err
			}
			rest := fmt.Appendf(nil, `"clients":%s,"count":%d}`, list, len(all))
			if packed {
				rest = pack(rest)
			}
			p.lists[nodeID(k)] = append(p.lists[nodeID(k)], rest)
		}
	}
	return p, nil
}

// pack compresses a part of an answer: gzip allows parts one after another.
func pack(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b) // to memory
	_ = w.Close()
	return out.Bytes()
}

// ServeHTTP implements http.Handler.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/next" {
		p.version.Add(1)
		return
	}
	time.Sleep(p.latency)
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/v2/" + projectID + "/instances":
		_, _ = io.WriteString(w, `{"instance_num":0,"instances":[]}`)
	case "/v2/" + projectID + "/instances/" + instanceID + "/clients":
		p.page(w, r)
	default:
		_, _ = io.WriteString(w, `{"nodes":[]}`)
	}
}

func (p *pages) page(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	offset, _ := strconv.Atoi(query.Get("offset")) // 0 without one
	list := p.lists[query.Get("node_id")]
	if query.Get("limit") != strconv.Itoa(pageSize) || offset%pageSize != 0 || offset/pageSize >= len(list) {
		http.Error(w, `{"error_code":"DCS.4800","error_msg":"this server has whole pages only"}`, http.StatusBadRequest)
		return
	}
	taken := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(p.version.Load()) * time.Second)
	head, rest := fmt.Appendf(nil, `{"time":%q,`, taken.Format("2006-01-02T15:04:05.000Z")), list[offset/pageSize]
	if p.packed {
		w.Header().Set("Content-Encoding", "gzip")
		head = pack(head)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(head)+len(rest)))
	_, _ = w.Write(head)
	_, _ = w.Write(rest)
}

// servePages is the program of a process that serves pages: it prints its URL
// and, with TLS, its certificate in one line of JSON.
func servePages(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("pages", flag.ContinueOnError)
	sessions := flags.Int("sessions", 0, "")
	nodes := flags.Int("nodes", 0, "")
	packed := flags.Bool("gzip", false, "")
	secure := flags.Bool("tls", false, "")
	latency := flags.Duration("latency", 0, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	handler, err := newPages(*sessions, *nodes, *packed, *latency)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	out := pageServer{URL: "http://" + listener.Addr().String()}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	if *secure {
		certificate, err := selfSigned()
		if err != nil {
			return err
		}
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
		out.URL = "https://" + listener.Addr().String()
		out.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}))
	}
	if err := json.NewEncoder(stdout).Encode(out); err != nil {
		return err
	}
	if *secure {
		return server.ServeTLS(listener, "", "")
	}
	return server.Serve(listener)
}

// pageServer is where a process serves pages.
type pageServer struct {
	URL string `json:"url"`
	CA  string `json:"ca,omitzero"` // PEM, "" without TLS
}

// selfSigned makes a certificate for loopback.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
