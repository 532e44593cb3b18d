package sessiontable

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/nearest"
	"dcs_session_exporter/internal/printable"
)

// groupName is the name of the column that the table adds to those of the API where
// there are groups of clients.
const groupName = "group"

// Sortable reports whether sessions can be sorted by the column.
func (c *Column) Sortable() bool { return c.Name != groupName }

// Grouping decides which group a session belongs to.
type Grouping struct {
	Groups  *aggregate.Groups // nil for none
	Address aggregate.AddressOptions
}

// column returns the column of groups. It is no field of the API: nothing sorts by
// it.
func (g Grouping) column() *Column {
	column := text(groupName, "group of clients, by client_groups in the configuration", g.of)
	return &column
}

// of returns the group of a session.
func (g Grouping) of(s *dcsapi.Session) string {
	address := s.Addr
	if g.Address.Source == aggregate.SourcePeer {
		address = s.Peer
	}
	return g.Groups.Of(address, s.User, s.Name)
}

// WithGroups returns the query for sessions with groups. It is an error if the query
// selects a group that there is none of.
func (q Query) WithGroups(g Grouping) (Query, error) {
	q.grouping = g
	if q.Group == "" || strings.Contains(q.Group, "*") && g.Groups != nil {
		return q, nil
	}
	if g.Groups == nil {
		return q, errors.New("group: the configuration has no client_groups")
	}
	names := g.Groups.Names()
	if slices.Contains(names, q.Group) {
		return q, nil
	}
	hint := cmp.Or(nearest.Hint(q.Group, names), ".")
	return q, fmt.Errorf("group: there is no group %q%s The groups are %s", printable.Name(q.Group), hint, printable.Name(strings.Join(names, ", ")))
}

// setGroup notes the group of a session among its fields.
func (q Query) setGroup(s *dcsapi.Session) {
	if q.grouping.Groups == nil {
		return
	}
	value, err := json.Marshal(q.grouping.of(s))
	if err != nil {
		return // a string
	}
	s.Extra = slices.DeleteFunc(s.Extra, func(f dcsapi.ExtraField) bool { return f.Name == groupName })
	s.Extra = append(s.Extra, dcsapi.ExtraField{Name: groupName, Value: value})
}
