package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// dashboard is what the tests need of a dashboard in Grafana's JSON.
type dashboard struct {
	ID            *int            `json:"id"`
	Inputs        json.RawMessage `json:"__inputs"`
	UID           string          `json:"uid"`
	Title         string          `json:"title"`
	Description   string          `json:"description"`
	SchemaVersion int             `json:"schemaVersion"`
	Editable      bool            `json:"editable"`
	Links         []link          `json:"links"`
	Panels        []panel         `json:"panels"`
	Templating    struct {
		List []variable `json:"list"`
	} `json:"templating"`
	Annotations struct {
		List []struct {
			Name       string     `json:"name"`
			BuiltIn    int        `json:"builtIn"`
			Expr       string     `json:"expr"`
			Datasource datasource `json:"datasource"`
		} `json:"list"`
	} `json:"annotations"`

	file string
}

type datasource struct{ Type, UID string }

type link struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

type variable struct {
	Name       string          `json:"name"`
	Type       string          `json:"type"`
	Regex      string          `json:"regex"`
	Datasource datasource      `json:"datasource"`
	Query      json.RawMessage `json:"query"` // a string, or an object with a query
}

type panel struct {
	ID          int        `json:"id"`
	Type        string     `json:"type"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Datasource  datasource `json:"datasource"`
	Collapsed   bool       `json:"collapsed"`
	Panels      []panel    `json:"panels"` // of a row
	Row         int        `json:"-"`      // id of the row that it is folded into
	GridPos     struct{ X, Y, W, H int }
	FieldConfig struct {
		Defaults struct {
			Unit    string `json:"unit"`
			NoValue string `json:"noValue"`
			Links   []link `json:"links"`
		} `json:"defaults"`
		Overrides []override `json:"overrides"`
	} `json:"fieldConfig"`
	Options struct {
		SortBy []struct {
			DisplayName string `json:"displayName"`
		} `json:"sortBy"`
	} `json:"options"`
	Targets         []query `json:"targets"`
	Transformations []struct {
		ID      string `json:"id"`
		Options struct {
			ExcludeByName map[string]bool `json:"excludeByName"`
			IndexByName   map[string]int  `json:"indexByName"`
		} `json:"options"`
	} `json:"transformations"`
}

type override struct {
	Matcher struct {
		ID      string `json:"id"`
		Options string `json:"options"`
	} `json:"matcher"`
	Properties []struct {
		ID    string          `json:"id"`
		Value json.RawMessage `json:"value"`
	} `json:"properties"`
}

type query struct {
	RefID        string     `json:"refId"`
	Datasource   datasource `json:"datasource"`
	Expr         string     `json:"expr"`
	LegendFormat string     `json:"legendFormat"`
	Format       string     `json:"format"`
	Instant      bool       `json:"instant"`
	Range        bool       `json:"range"`
}

// dashboards reads the dashboards that are shipped. Panels in rows stand among
// the others too.
func dashboards(t *testing.T) []dashboard {
	t.Helper()
	files, err := filepath.Glob("../monitoring/dashboards/*.json")
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v, want two dashboards", files, err)
	}
	var all []dashboard
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d := dashboard{file: filepath.Base(file)}
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, p := range slices.Clone(d.Panels) {
			for i := range p.Panels {
				p.Panels[i].Row = p.ID
			}
			d.Panels = append(d.Panels, p.Panels...)
		}
		all = append(all, d)
	}
	return all
}

// dashboardOf returns the one dashboard with a uid.
func dashboardOf(t *testing.T, all []dashboard, uid string) dashboard {
	t.Helper()
	i := slices.IndexFunc(all, func(d dashboard) bool { return d.UID == uid })
	if i < 0 {
		t.Fatalf("there is no dashboard with uid %q", uid)
	}
	return all[i]
}

// variableQuery matches the kinds of query that a variable may have.
var variableQuery = regexp.MustCompile(`(?s)^(?:query_result\((.+)\)|label_values\((.+), *(\w+)\))$`)

// expression returns the expression that a query variable has, and the label
// that it takes of it ("" if its regex takes what it needs). Variables that ask
// for nothing have neither.
func (v variable) expression(t *testing.T) (expr, label string) {
	t.Helper()
	if v.Type != "query" {
		return "", ""
	}
	var q struct{ Query string }
	if err := json.Unmarshal(v.Query, &q); err != nil {
		t.Fatalf("variable %s: %v", v.Name, err)
	}
	m := variableQuery.FindStringSubmatch(q.Query)
	if m == nil {
		t.Fatalf("variable %s: %q is no query that this test knows", v.Name, q.Query)
	}
	if label = m[3]; label != "" {
		return fmt.Sprintf("group by (%s) (%s)", label, m[2]), label
	}
	return m[1], ""
}

// expressions returns every expression of the dashboard, by where it stands.
func (d dashboard) expressions(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			all[fmt.Sprintf("%s: panel %d (%s), query %s", d.file, p.ID, p.Title, q.RefID)] = q.Expr
		}
	}
	for _, v := range d.Templating.List {
		if expr, _ := v.expression(t); expr != "" {
			all[fmt.Sprintf("%s: variable %s", d.file, v.Name)] = expr
		}
	}
	for _, a := range d.Annotations.List {
		if a.BuiltIn == 0 {
			all[fmt.Sprintf("%s: annotation %s", d.file, a.Name)] = a.Expr
		}
	}
	return all
}

// unreplaced matches what Grafana would replace; $1 is label_replace's.
var unreplaced = regexp.MustCompile(`\$\{?[A-Za-z_]+`)

// replace puts values into an expression where Grafana would.
func replace(t *testing.T, expr string, values map[string]string) string {
	t.Helper()
	expr = regexp.MustCompile(`\$(\w+)`).ReplaceAllStringFunc(expr, func(name string) string {
		if value, ok := values[name[1:]]; ok {
			return value
		}
		return name
	})
	if left := unreplaced.FindString(expr); left != "" {
		t.Errorf("%s: there is no variable %s", expr, left)
	}
	return expr
}
