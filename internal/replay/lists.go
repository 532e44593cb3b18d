package replay

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"dcs_session_exporter/internal/recording"
)

// list is a list whose pages were recorded.
type list struct {
	field   string                     // that has the elements
	others  map[string]json.RawMessage // the other fields of the first page
	pages   map[int][]json.RawMessage  // by offset
	limit   int                        // of the first page
	taken   time.Time                  // if it says so
	example *answer                    // that of the first page
}

// listKey returns what tells a list from others.
func listKey(path, node string) string { return strings.ToLower(path) + " " + node }

// addPage adds a recorded page to its list. The pages of a list that was read
// again replace the earlier ones; a shorter first page, as polls ask for, does
// not.
func (s *Server) addPage(x *recording.Exchange, a *answer) {
	query := x.Request.Query
	for name := range query {
		if name != "offset" && name != "limit" && name != "node_id" {
			return
		}
	}
	if x.Request.Method != http.MethodGet || x.Response == nil || x.Response.Status != http.StatusOK || a.cut {
		return
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(x.Response.Body, &fields) != nil {
		return
	}
	for _, field := range []string{"clients", "instances"} {
		var elements []json.RawMessage
		if json.Unmarshal(fields[field], &elements) != nil {
			continue
		}
		key := listKey(x.Request.Path, query.Get("node_id"))
		offset, limit := number(query, "offset", 0), number(query, "limit", 10)
		l := s.lists[key]
		if offset == 0 && (l == nil || limit >= l.limit) {
			delete(fields, field)
			s.lists[key] = &list{
				field: field, others: fields, pages: map[int][]json.RawMessage{0: elements}, limit: limit, taken: timeOf(a.time), example: a,
			}
		} else if offset > 0 && l != nil {
			l.pages[offset] = elements
		}
		return
	}
}

// number returns a whole number among a query's parameters.
func number(query url.Values, name string, fallback int) int {
	if n, err := strconv.Atoi(query.Get(name)); err == nil && n >= 0 {
		return n
	}
	return fallback
}

// elements returns the list's elements as far as they were recorded without a gap.
func (l *list) elements() (all []json.RawMessage) {
	for _, offset := range slices.Sorted(maps.Keys(l.pages)) {
		if offset > len(all) {
			break
		}
		all = append(all[:offset], l.pages[offset]...)
	}
	return all
}

// derive makes the answer to a request that was not recorded from lists that
// were. It returns nil if there is none.
func (s *Server) derive(path string, query url.Values) *answer {
	if l := s.lists[listKey(path, query.Get("node_id"))]; l != nil {
		return l.page(query)
	}
	// An instance, or its nodes, from the list of all.
	project, instance, found := strings.Cut(path, "/instances/")
	instance, rest, nested := strings.Cut(instance, "/")
	source := "/instances"
	if nested {
		source = "/instances-logical-nodes"
	}
	l := s.lists[listKey(project+source, "")]
	if !found || l == nil || (nested && rest != "logical-nodes") {
		return nil
	}
	for _, element := range l.elements() {
		id := valueOf(element, "instance_id")
		if !strings.EqualFold(id, instance) {
			continue
		}
		if !nested {
			return made(http.StatusOK, element)
		}
		var nodes []json.RawMessage
		_ = json.Unmarshal([]byte(valueOf(element, "nodes")), &nodes)
		return made(http.StatusOK, map[string]any{"instance_id": id, "total": len(nodes), "nodes": append([]json.RawMessage{}, nodes...)})
	}
	return nil
}

// page answers a request for a page: its filter and order apply to what was
// recorded.
func (l *list) page(query url.Values) *answer {
	all := l.elements()
	fields := maps.Clone(l.others)
	if addr := query.Get("addr"); addr != "" {
		all = slices.DeleteFunc(all, func(e json.RawMessage) bool {
			have := valueOf(e, "addr")
			return have != addr && !strings.HasPrefix(have, addr+":")
		})
		fields["count"] = marshal(len(all))
	}
	if by := query.Get("sort"); by != "" {
		values := make(map[string]string, len(all))
		for _, e := range all {
			values[string(e)] = valueOf(e, by)
		}
		slices.SortStableFunc(all, func(a, b json.RawMessage) int {
			order := compareValues(values[string(a)], values[string(b)])
			if query.Get("order") == "desc" {
				return -order
			}
			return order
		})
	}
	from := min(number(query, "offset", 0), len(all))
	to := min(from+min(number(query, "limit", 10), 1000), len(all))
	fields[l.field] = marshal(append([]json.RawMessage{}, all[from:to]...)) // never null
	out := made(http.StatusOK, fields)
	out.response.Headers, out.skew, out.dated = l.example.response.Headers, l.example.skew, l.example.dated
	return out
}

// valueOf returns a field of an object as text.
func valueOf(object json.RawMessage, name string) string {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(object, &fields)
	var text string
	if json.Unmarshal(fields[name], &text) == nil {
		return text
	}
	return string(fields[name])
}

// compareValues compares numbers as such, anything else as text.
func compareValues(a, b string) int {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX == nil && errY == nil {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(a, b)
}

// marshal returns a value as JSON.
func marshal(v any) json.RawMessage {
	b, _ := json.Marshal(v) // raw JSON of recordings, texts and numbers
	return b
}
