package e2e_test

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/bcrypt"
)

// demoStack is the folder of the compose stack.
const demoStack = "../deploy/demo/"

// loadStack loads the compose file as compose does: what is not in the
// specification is an error.
func loadStack(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{demoStack + "compose.yml"})
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"exporter", "prometheus", "alertmanager", "grafana"} {
		if _, ok := project.Services[name]; !ok {
			t.Fatalf("compose.yml has no service %s", name)
		}
	}
	return project
}

// hostPath returns what a path in a service's container is on the host.
func hostPath(t *testing.T, service types.ServiceConfig, path string) string {
	t.Helper()
	for _, v := range service.Volumes {
		if rest, ok := strings.CutPrefix(path, v.Target); ok && v.Type == types.VolumeTypeBind && (rest == "" || rest[0] == '/') {
			return v.Source + rest
		}
	}
	t.Fatalf("%s is not mounted into %s", path, service.Name)
	return ""
}

// flagValue returns the value of a flag of a service's command.
func flagValue(t *testing.T, service types.ServiceConfig, flag string) string {
	t.Helper()
	for _, arg := range service.Command {
		if value, ok := strings.CutPrefix(arg, flag+"="); ok {
			return value
		}
	}
	t.Fatalf("%s runs without %s", service.Name, flag)
	return ""
}

// decodeStrictly reads YAML: unknown keys are errors.
func decodeStrictly(t *testing.T, path string, into any) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(read(t, path)))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// TestDemoStackCompose checks the compose file: what it mounts is there and is
// only read, what it publishes is so on loopback alone, images have versions,
// and these are those that the tests run.
func TestDemoStackCompose(t *testing.T) {
	t.Parallel()
	project := loadStack(t)
	published := make(map[string]bool)
	for name, service := range project.Services {
		if len(service.Ports) == 0 {
			t.Errorf("%s publishes nothing", name)
		}
		for _, p := range service.Ports {
			if ip := net.ParseIP(p.HostIP); ip == nil || !ip.IsLoopback() || published[p.Published] {
				t.Errorf("%s publishes port %s on %q, or it is published twice", name, p.Published, p.HostIP)
			}
			published[p.Published] = true
		}
		for _, v := range service.Volumes {
			switch v.Type {
			case types.VolumeTypeBind:
				if _, err := os.Stat(v.Source); err != nil || !v.ReadOnly {
					t.Errorf("%s mounts %s, which is not there, or may be written: %v", name, v.Source, err)
				}
			case types.VolumeTypeVolume:
				if _, ok := project.Volumes[v.Source]; !ok {
					t.Errorf("%s mounts the volume %q, which has no name", name, v.Source)
				}
			default:
				t.Errorf("%s mounts a %s", name, v.Type)
			}
		}
		if service.Privileged || service.NetworkMode == "host" || !slices.Contains(service.CapDrop, "ALL") || !slices.Contains(service.SecurityOpt, "no-new-privileges") {
			t.Errorf("%s may do more than it needs", name)
		}
	}
	exporter := project.Services["exporter"]
	dockerfile := filepath.Join(exporter.Build.Context, exporter.Build.Dockerfile)
	if same, err := sameFile(dockerfile, "../Dockerfile"); !same || !exporter.ReadOnly {
		t.Errorf("the exporter is built from %s (%v), on a root that is read only: %v", dockerfile, err, exporter.ReadOnly)
	}

	prometheus := regexp.MustCompile(`github\.com/prometheus/prometheus v0\.(\d)(\d\d)\.(\d+)\n`).FindStringSubmatch(read(t, "go.mod"))
	alertmanager := regexp.MustCompile(`build alertmanager (v\S+) `).FindStringSubmatch(read(t, "../.ci/tools"))
	grafana := regexp.MustCompile(`"@grafana/ui": "([\d.]+)"`).FindStringSubmatch(read(t, "../monitoring/draw/package.json"))
	if prometheus == nil || alertmanager == nil || grafana == nil {
		t.Fatal("the versions that the tests run are not where they were")
	}
	minor, err := strconv.Atoi(prometheus[2])
	if err != nil {
		t.Fatal(err)
	}
	for name, image := range map[string]string{
		"prometheus":   fmt.Sprintf("docker.io/prom/prometheus:v%s.%d.%s", prometheus[1], minor, prometheus[3]),
		"alertmanager": "docker.io/prom/alertmanager:" + alertmanager[1],
		"grafana":      "docker.io/grafana/grafana:" + grafana[1], // the packages that the dashboards were drawn with
	} {
		if got := project.Services[name].Image; got != image {
			t.Errorf("the image of %s is %s, want %s", name, got, image)
		}
	}
}

// sameFile tells whether two paths lead to the same file.
func sameFile(a, b string) (bool, error) {
	x, err := os.Stat(a)
	if err != nil {
		return false, err
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y), err
}

// TestDemoStackFitsTogether checks that the parts of the stack mean each other:
// addresses, the password, rules and dashboards.
func TestDemoStackFitsTogether(t *testing.T) {
	t.Parallel()
	project := loadStack(t)
	settings := readScrapeSettings(t)
	job := settings.ScrapeConfigs[0]

	// Who is asked is a service, at the port that it publishes.
	var sources struct {
		APIVersion  int `yaml:"apiVersion"`
		Datasources []struct {
			Name      string         `yaml:"name"`
			UID       string         `yaml:"uid"`
			Type      string         `yaml:"type"`
			Access    string         `yaml:"access"`
			URL       string         `yaml:"url"`
			IsDefault bool           `yaml:"isDefault"`
			Editable  bool           `yaml:"editable"`
			JSONData  map[string]any `yaml:"jsonData"`
		} `yaml:"datasources"`
	}
	grafana := project.Services["grafana"]
	const provisioning = "/etc/grafana/provisioning/"
	decodeStrictly(t, hostPath(t, grafana, provisioning+"datasources/prometheus.yml"), &sources)
	if len(sources.Datasources) != 1 || sources.APIVersion != 1 {
		t.Fatalf("Grafana has the data sources %+v", sources)
	}
	source := sources.Datasources[0]
	sourceURL, err := url.Parse(source.URL)
	if err != nil {
		t.Fatal(err)
	}
	for want, address := range map[string]string{
		"exporter": job.StaticConfigs[0].Targets[0], "alertmanager": settings.Alerting.Alertmanagers[0].StaticConfigs[0].Targets[0], "prometheus": sourceURL.Host,
	} {
		host, port, err := net.SplitHostPort(address)
		if err != nil || host != want || len(project.Services[host].Ports) != 1 || fmt.Sprint(project.Services[host].Ports[0].Target) != port {
			t.Errorf("%s is looked for at %s: %v", want, address, err)
		}
	}
	exporter := project.Services["exporter"]
	if listen := flagValue(t, exporter, "--web.listen-address"); listen != fmt.Sprintf(":%d", exporter.Ports[0].Target) {
		t.Errorf("the exporter listens on %s, its port is %d", listen, exporter.Ports[0].Target)
	}

	// The password opens the exporter.
	webFile := hostPath(t, exporter, flagValue(t, exporter, "--web.config.file"))
	if err := web.Validate(webFile); err != nil {
		t.Errorf("%s: %v", webFile, err)
	}
	var access struct {
		Users map[string]string `yaml:"basic_auth_users"`
	}
	decodeStrictly(t, webFile, &access)
	if err := bcrypt.CompareHashAndPassword([]byte(access.Users[job.BasicAuth.Username]), []byte(job.BasicAuth.Password)); err != nil || len(access.Users) != 1 {
		t.Errorf("the password of %q in prometheus.yml does not open %s: %v", job.BasicAuth.Username, webFile, err)
	}

	// The rules look for such a job.
	jobs := regexp.MustCompile(`up\{job=~"([^"]+)"\}`).FindStringSubmatch(read(t, "../monitoring/rules/alerts.yml"))
	if jobs == nil || !regexp.MustCompile("^(?:"+jobs[1]+")$").MatchString(job.JobName) {
		t.Errorf("no alert is about the job %q: %q", job.JobName, jobs)
	}

	// Grafana finds the dashboards, and these find their data and the exporter.
	var providers struct {
		APIVersion int `yaml:"apiVersion"`
		Providers  []struct {
			Name            string `yaml:"name"`
			OrgID           int    `yaml:"orgId"`
			Type            string `yaml:"type"`
			Folder          string `yaml:"folder"`
			DisableDeletion bool   `yaml:"disableDeletion"`
			AllowUIUpdates  bool   `yaml:"allowUiUpdates"`
			Options         struct {
				Path string `yaml:"path"`
			} `yaml:"options"`
		} `yaml:"providers"`
	}
	decodeStrictly(t, hostPath(t, grafana, provisioning+"dashboards/dcs.yml"), &providers)
	if len(providers.Providers) != 1 || providers.APIVersion != 1 || providers.Providers[0].Type != "file" {
		t.Fatalf("Grafana has the dashboard providers %+v", providers)
	}
	if same, err := sameFile(hostPath(t, grafana, providers.Providers[0].Options.Path), "../monitoring/dashboards"); !same {
		t.Errorf("Grafana's dashboards are elsewhere: %v", err)
	}
	if source.JSONData["timeInterval"] != settings.Global.ScrapeInterval || !source.IsDefault || source.UID == "" || source.Access != "proxy" {
		t.Errorf("the data source %+v, with a scrape interval of %s", source, settings.Global.ScrapeInterval)
	}
	for _, d := range dashboards(t) {
		i := slices.IndexFunc(d.Templating.List, func(v variable) bool { return v.Name == "datasource" })
		if i < 0 || string(d.Templating.List[i].Query) != strconv.Quote(source.Type) || d.Templating.List[i].Regex != "" {
			t.Errorf("%s: the data source is not the stack's", d.file)
		}
	}
	if link := "?var-exporter=http://localhost:" + exporter.Ports[0].Published; !strings.Contains(read(t, demoStack+"README.md"), link) {
		t.Errorf("README.md does not lead to the dashboards with %s", link)
	}
}
