// Package config reads the exporter's configuration file. It is strict, reports
// all problems at once, and never repeats a secret.
package config

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"dcs_session_exporter/dcsapi"

	promconfig "github.com/prometheus/common/config"
)

// Config is a valid configuration, with all defaults filled in.
type Config struct {
	Projects            []Project
	Scan                Scan
	DiscoveryInterval   time.Duration // how often instances and nodes are looked up again
	LimitsInterval      time.Duration // how often limits are read again; 0: never
	ScrapeTimeout       time.Duration // upper bound of a scrape
	ScrapeTimeoutOffset time.Duration // subtracted from Prometheus' own timeout
	MaxSnapshotAge      time.Duration // 0 for any age
	IdleThreshold       time.Duration
	ActiveThreshold     time.Duration // sessions idle for less are active
	ClientGroups        []ClientGroup // in order: the first rule that matches decides
	Histograms          Histograms
	ClientAddress       ClientAddress
	Limits              Limits
	MetricsEndpoint     MetricsEndpoint

	Warnings []Warning // in file order; they do not make the configuration invalid
}

// MetricsEndpoint selects what /metrics serves.
type MetricsEndpoint string

// The contents of /metrics.
const (
	MetricsAll      MetricsEndpoint = "all"      // all instances and the exporter's own metrics
	MetricsExporter MetricsEndpoint = "exporter" // only the exporter's own metrics: instances are probed
)

// Project is one project of a cloud account, in one region.
type Project struct {
	Region      string
	ProjectID   string // "" to look it up
	Endpoint    string // base URL of the DCS API
	IAMEndpoint string // base URL of IAM

	Credentials *Credentials // nil for the default chain

	AssumeAgency *Agency // whose keys read the project; nil to read it with the key itself
	STSEndpoint  string  // base URL of STS; "" if it is not known, or not needed

	// Never encode these: Proxy is a function, and TLS contains a key.
	Proxy func(*http.Request) (*url.URL, error) `json:"-" yaml:"-"` // nil for none
	TLS   *promconfig.TLSConfig                 `json:"-" yaml:"-"` // nil for the defaults

	Instances             []Instance
	Discover              *Discover // finds further instances, nil for none
	ReadReplicas          bool
	MaxClients            int // default for instances and discover; 0 if not set
	MaxConcurrentRequests int
	RequestsPerSecond     float64
	FromDefaults          []string // the keys whose values are those of defaults, sorted

	// Connection identifies the connection settings, credentials and limits,
	// including the content of the files they refer to. It is equal for two
	// projects whose settings are equal.
	Connection string
}

// Credentials are an access key and its secret, and for a temporary key the
// security token.
type Credentials struct {
	AccessKey, SecretKey, SecurityToken dcsapi.Secret
}

// Agency is an agency of another account.
type Agency struct {
	Domain string // id or name of the account
	Agency string // name of the agency
}

// Instance is an instance to read.
type Instance struct {
	ID         string   // as written in the file; not case-sensitive
	Nodes      []string // exactly these; nil to ask the API
	MaxClients int      // connections that each node accepts; 0 if not set
}

// InstanceIDs returns the ids of the project's instances, as written in the
// file.
func (p Project) InstanceIDs() []string {
	var ids []string
	for _, i := range p.Instances {
		ids = append(ids, i.ID)
	}
	return ids
}

// ScanMode selects whether the exporter triggers scans.
type ScanMode string

// The scan modes.
const (
	ScanOnScrape ScanMode = "on_scrape"
	ScanOff      ScanMode = "off"
)

// Scan configures when the exporter takes new session lists.
type Scan struct {
	Mode        ScanMode
	MinInterval time.Duration
	Wait        time.Duration
}

// Histograms are the upper bounds of the classic buckets, in seconds.
type Histograms struct {
	AgeBuckets  []float64
	IdleBuckets []float64
}

// ClientAddress selects what the label client_address contains.
type ClientAddress struct {
	Source      string // "addr" or "peer"
	IncludePort bool
	Aggregate   NetworkBits
}

// NetworkBits are how many bits of addresses make networks of them; 0 leaves them as
// they are.
type NetworkBits struct{ IPv4, IPv6 int }

// Limits are the maximum numbers of distinct label values per node.
type Limits struct {
	Users, Clients, Commands, Databases, Names, Networks, Groups int

	Hold time.Duration // how long a value keeps its place; 0 disables it
}

// defaultBuckets returns the default bounds of both histograms.
func defaultBuckets() []float64 {
	return []float64{1, 5, 15, 60, 300, 900, 3600, 21600, 86400, 604800}
}

// defaults returns the default configuration.
func defaults() *Config {
	return &Config{
		Scan:                Scan{Mode: ScanOnScrape, MinInterval: 25 * time.Second, Wait: 3 * time.Second},
		DiscoveryInterval:   5 * time.Minute,
		LimitsInterval:      time.Hour,
		ScrapeTimeout:       30 * time.Second,
		ScrapeTimeoutOffset: 500 * time.Millisecond,
		MaxSnapshotAge:      5 * time.Minute,
		IdleThreshold:       time.Hour,
		ActiveThreshold:     10 * time.Second,
		Histograms:          Histograms{AgeBuckets: defaultBuckets(), IdleBuckets: defaultBuckets()},
		ClientAddress:       ClientAddress{Source: "addr"},
		Limits:              Limits{Users: 20, Clients: 50, Commands: 50, Databases: 32, Names: 20, Networks: 10, Groups: 50, Hold: time.Hour},
		MetricsEndpoint:     MetricsAll,
	}
}

// maxFile is the maximum size of a configuration file, in bytes.
const maxFile = 4 << 20

// fileWait is how long to wait for a file that the configuration refers to.
const fileWait = 5 * time.Second

// Load reads and validates a configuration file. Relative paths in it start at
// its folder. If the file is invalid, the error is of type Problems.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return read(f, path, isReadableByAll(info))
}

// Read is like Load for a file that is already open, such as a pipe. It does
// not warn about secrets that every user can read.
func Read(f io.Reader, path string) (*Config, error) { return read(f, path, false) }

func read(f io.Reader, path string, readableByAll bool) (*Config, error) {
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d MiB", path, maxFile>>20)
	}
	return parse(&decoder{file: path, dir: filepath.Dir(path), readable: readableByAll}, data)
}

// Parse validates a configuration. Errors are of type Problems and use name as
// the file name. Relative paths start at dir.
func Parse(name string, data []byte, dir string) (*Config, error) {
	return parse(&decoder{file: name, dir: dir}, data)
}

func parse(d *decoder, data []byte) (*Config, error) {
	d.files.Wait = fileWait
	cfg := defaults()
	if root, ok := d.document(data); ok {
		d.config(root, cfg)
	}
	if len(d.found) > 0 {
		slices.SortStableFunc(d.found, Problem.compare)
		return nil, d.found
	}
	slices.SortStableFunc(d.warned, func(a, b Warning) int { return a.compare(b.Problem) })
	cfg.Warnings = d.warned
	return cfg, nil
}
