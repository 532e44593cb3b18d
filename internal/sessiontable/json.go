package sessiontable

import (
	"bytes"
	"encoding/json"
	"io"
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
	Sort         string    `json:"sort"`
	Order        string    `json:"order"`
	Limit        int       `json:"limit"`
	Offset       int       `json:"offset"`
	Sessions     []session `json:"sessions"`
}

// session is the JSON form of a session, with the API's own fields, also those that
// the columns do not have. Numbers that the answer did not contain are null.
type session struct{ *dcsapi.Session }

// MarshalJSON implements json.Marshaler.
func (s session) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	separator := byte('{')
	for i := range columns {
		c := &columns[i]
		b.WriteByte(separator)
		separator = ','
		b.WriteString(`"` + c.Name + `":`)
		raw, there := c.Raw(s.Session)
		switch {
		case !there:
			raw = "null"
		case c.Unit == Text:
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
		Changed: p.Changed, Unreadable: p.Unreadable, Addr: p.Addr, Sort: p.Sort, Order: p.Order, Limit: p.Limit, Offset: p.Offset,
		Sessions: make([]session, len(p.Sessions)),
	}
	if p.Time != "" {
		d.Time = &p.Time
	}
	if !p.Taken.IsZero() {
		age := p.Age.Round(time.Millisecond).Seconds()
		d.Age = &age
	}
	if p.Count >= 0 {
		d.Count = &p.Count
	}
	for i := range p.Sessions {
		d.Sessions[i] = session{&p.Sessions[i]}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(d)
}
