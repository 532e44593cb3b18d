package sessiontable

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"time"

	"dcs_session_exporter/dcsapi"
)

// document is the JSON form of a page. Unknown values are null, unknown names
// and regions are "".
type document struct {
	InstanceID   string    `json:"instance_id"`
	InstanceName string    `json:"instance_name"`
	NodeID       string    `json:"node_id"`
	NodeName     string    `json:"node_name"`
	Region       string    `json:"region"`
	ProjectID    string    `json:"project_id"`
	Time         *string   `json:"time"`        // as the API wrote it
	Age          *float64  `json:"age_seconds"` // of the list
	Changed      bool      `json:"changed"`     // sessions may be missing: the list changed while it was being read
	Unreadable   int       `json:"unreadable"`  // number of sessions that were too large to read
	Count        *int64    `json:"count"`       // number of matching sessions, by the API
	Addr         string    `json:"addr"`
	User         string    `json:"user"`
	Name         string    `json:"name"`
	Command      string    `json:"cmd"`
	Group        string    `json:"group"`
	Searched     int       `json:"searched"` // sessions that the table selected from; 0 if the API selected
	Cut          bool      `json:"cut"`      // the list has more than were searched
	Sort         string    `json:"sort"`
	Order        string    `json:"order"`
	Limit        int       `json:"limit"`
	Offset       int       `json:"offset"`
	Sessions     []session `json:"sessions"`
}

// session is the JSON form of a session, with the API's own fields, also those that
// the columns do not have. Numbers that the answer did not contain are null. The
// id, the database and the file descriptor, which the API sends as texts, are
// numbers too.
type session struct {
	*dcsapi.Session
	node *dcsapi.Node // nil for a page of one node
}

// MarshalJSON implements json.Marshaler.
func (s session) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	separator := byte('{')
	if s.node != nil {
		of, err := json.Marshal(struct {
			ID   string `json:"node_id"`
			Name string `json:"node_name"`
		}{s.node.ID, s.node.Name})
		if err != nil {
			return nil, err
		}
		b.Write(bytes.TrimSuffix(of, []byte("}")))
		separator = ','
	}
	for i := range columns {
		c := &columns[i]
		b.WriteByte(separator)
		separator = ','
		b.WriteString(`"` + c.Name + `":`)
		raw, there := c.Raw(s.Session)
		switch {
		case !there:
			raw = "null"
		case c.Unit == Text && (!c.Numeric() || !isWhole(raw)):
			quoted, err := json.Marshal(raw)
			if err != nil {
				return nil, err
			}
			raw = string(quoted)
		}
		b.WriteString(raw)
	}
	for _, extra := range s.Extra {
		name, err := json.Marshal(extra.Name)
		if err != nil {
			return nil, err
		}
		b.WriteByte(',')
		b.Write(name)
		b.WriteByte(':')
		b.Write(extra.Value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// WriteJSON writes the page as one JSON object.
func (p *Page) WriteJSON(w io.Writer) error {
	d := document{
		InstanceID: p.Instance, InstanceName: p.InstanceName, NodeID: p.Node, NodeName: p.NodeName, Region: p.Region, ProjectID: p.ProjectID,
		Changed: p.Changed, Unreadable: p.Unreadable, Addr: p.Addr, User: p.User, Name: p.Name, Command: p.Command, Group: p.Group, Searched: p.Searched, Cut: p.Cut, Sort: p.Sort, Order: p.Order, Limit: p.Limit, Offset: p.Offset,
		Sessions: make([]session, len(p.Sessions)),
	}
	if p.Time != "" {
		d.Time = &p.Time
	}
	if !p.Taken.IsZero() {
		d.Age = new(p.Age.Round(time.Millisecond).Seconds())
	}
	if p.Count >= 0 {
		d.Count = &p.Count
	}
	for i := range p.Sessions {
		d.Sessions[i] = session{Session: &p.Sessions[i]}
		if p.Nodes != nil {
			d.Sessions[i].node = &p.Nodes[i]
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(d)
}

// isWhole reports whether a text is a whole number that every reader of JSON
// reads exactly.
func isWhole(text string) bool {
	n, err := strconv.ParseInt(text, 10, 64)
	return err == nil && strconv.FormatInt(n, 10) == text && -1<<53 < n && n < 1<<53
}
