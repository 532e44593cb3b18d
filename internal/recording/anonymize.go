package recording

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Recording returns what was recorded, without anything private, and what was
// kept and replaced. The manifest is that of the original configuration: its ids
// are replaced as well. Requests that are still in progress are left out.
func (r *Recorder) Recording(m Manifest) (*Recording, Summary, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size > maxRecorded {
		return nil, Summary{}, ErrTooLarge
	}
	a := newAnonymizer()
	for _, key := range r.keys {
		a.aliases.note(kindText, key)
	}
	var all []*exchange
	for _, x := range r.exchanges {
		if x.done && x.failure != failureCancelled {
			all = append(all, x)
		}
	}
	if !slices.ContainsFunc(all, func(x *exchange) bool { return x.status != 0 }) {
		return nil, Summary{}, ErrEmpty
	}
	a.manifest(m)
	for _, x := range all {
		a.exchange(x)
	}
	a.noting = false
	out := &Recording{Manifest: a.manifest(m)}
	for i, x := range all {
		e := a.exchange(x)
		if err := a.aliases.leaks.verify(e); err != nil {
			return nil, Summary{}, fmt.Errorf("request %d (%s %s): %w", i+1, e.Request.Method, e.Request.Path, err)
		}
		out.Exchanges = append(out.Exchanges, e)
	}
	return out, a.finish(), nil
}

// manifest anonymizes a manifest.
func (a *anonymizer) manifest(m Manifest) Manifest {
	m.FormatVersion = FormatVersion
	m.Projects = slices.Clone(m.Projects)
	ids := func(list []string) (out []string) {
		for _, id := range list {
			out = append(out, a.replace(kindID, id))
		}
		return out
	}
	for i := range m.Projects {
		p := &m.Projects[i]
		if !zone.MatchString(p.Region) {
			p.Region = a.replace(kindName, p.Region)
		}
		p.ID = a.replace(kindID, p.ID)
		p.Discovered = ids(p.Discovered)
		p.Configured = slices.Clone(p.Configured)
		for k := range p.Configured {
			p.Configured[k].ID = a.replace(kindID, p.Configured[k].ID)
			p.Configured[k].Nodes = ids(p.Configured[k].Nodes)
		}
	}
	return m
}

// exchange anonymizes an exchange. It drops bodies that are not JSON.
func (a *anonymizer) exchange(x *exchange) Exchange {
	path, parent := a.path(x.path)
	out := Exchange{
		At: x.at.UTC().Truncate(time.Millisecond), TookMS: x.took.Milliseconds(), Failure: x.failure,
		Request: Request{Method: x.method, Path: path, Query: a.query(parent, x.query)},
	}
	if body, err := walk(x.sent, parent, a); err == nil {
		out.Request.Body = body
	}
	if x.status == 0 {
		return out
	}
	received, marked := bytes.CutPrefix(x.received, []byte("\xef\xbb\xbf"))
	out.Response = &Response{Status: x.status, BOM: marked, Length: len(x.received), Headers: a.headers(x.header)}
	if body, err := walk(received, "", a); err == nil {
		out.Response.Body = body
	}
	return out
}

// segment is a part of a path that is not an id.
var segment = regexp.MustCompile(`^(v[0-9.]{1,4}|[a-z]+(-[a-z]+)*)$`)

// path anonymizes the path of a request, and returns the name of what it asks for.
func (a *anonymizer) path(path string) (out, asked string) {
	ids, asked := splitPath(path)
	parts := strings.Split(path, "/")
	for i := range parts {
		if ids[i] {
			parts[i] = a.replace(kindID, parts[i])
		}
	}
	return strings.Join(parts, "/"), asked
}

// splitPath returns which parts of a path are ids, and the name of what it asks
// for: its last part that is none, as a field.
func splitPath(path string) (ids []bool, asked string) {
	before := ""
	for part := range strings.SplitSeq(path, "/") {
		isID := part != "" && (before == "v2" || before == "instances" || before == "jobs" || !segment.MatchString(part))
		if ids = append(ids, isID); !isID && part != "" {
			asked = normalize(part)
		}
		before = part
	}
	return ids, asked
}

func (a *anonymizer) query(parent string, query url.Values) url.Values {
	out := make(url.Values)
	for name, values := range query {
		f := field{name: parent}.child(name)
		for _, value := range values {
			out[name] = append(out[name], a.text(f, value))
		}
	}
	return out
}

// mediaType is a Content-Type without surprises.
var mediaType = regexp.MustCompile(`^(application/json|application/problem\+json|application/xml|application/octet-stream|text/(html|plain|xml))(; ?charset=(utf-?8|UTF-?8|gbk|GBK|iso-8859-1|ISO-8859-1))?$`)

// headers returns the harmless headers of a response.
func (a *anonymizer) headers(h http.Header) map[string]string {
	out := make(map[string]string)
	for name := range h {
		value := h.Get(name)
		switch _, err := http.ParseTime(value); {
		case name == "Date" && err == nil,
			name == "Content-Type" && mediaType.MatchString(value),
			name == "Retry-After" && (err == nil || smallNumber.MatchString(value)):
			out[name] = value
		case name == "X-Request-Id":
			out[name] = a.replace(kindID, value)
		case strings.HasPrefix(name, "X-Ratelimit-"), strings.HasPrefix(name, "X-Apig-Ratelimit-"):
			out[name] = a.words(value)
		}
	}
	return out
}
