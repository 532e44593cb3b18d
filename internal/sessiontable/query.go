package sessiontable

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dcs_session_exporter/collector/aggregate"
)

// Orders are the values of Query.Order.
const (
	Ascending  = "asc"
	Descending = "desc"
)

// DefaultLimit is the number of sessions shown by default.
const DefaultLimit = 50

// Query selects and sorts the sessions of a node. Addr, if it is not a range,
// and the fields from Sort on are the API's own parameters; the table itself
// selects by the others (filter.go).
type Query struct {
	Instance string
	Node     string // id or name, or AllNodes
	Addr     string // client address, an IP, IP:port or range in CIDR notation; "" for all
	User     string // pattern for the user; "" for all
	Name     string // pattern for the client's name; "" for all
	Command  string // pattern for the last command; "" for all
	Group    string // pattern for the group; "" for all
	Sort     string // a column's name
	Order    string // Ascending or Descending
	Limit    int    // from 1 to MaxLimit
	Offset   int

	grouping Grouping
}

// MaxLimit is the maximum number of sessions shown. No node has more.
const MaxLimit = 1_000_000

// ParseQuery parses a query from the parameters of a URL. Defaults: sort id,
// order asc (desc if it sorts by a number), limit DefaultLimit, offset 0. It
// ignores unknown parameters. The error lists everything that is wrong.
func ParseQuery(v url.Values) (Query, error) {
	var errs []error
	q := Query{Instance: v.Get("instance"), Node: v.Get("node"), Addr: strings.TrimSpace(v.Get("addr")), User: v.Get("user"), Name: v.Get("name"), Command: v.Get("cmd"), Group: v.Get("group"), Sort: v.Get("sort"), Order: v.Get("order")}
	whole := func(name string, value int) int {
		if s := v.Get(name); s != "" {
			n, err := strconv.Atoi(s)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s must be a whole number", name))
				return value
			}
			return n
		}
		return value
	}
	q.Limit, q.Offset = whole("limit", DefaultLimit), whole("offset", 0)
	q = q.WithDefaults()
	return q, errors.Join(append(errs, q.Validate())...)
}

// WithDefaults fills in the default sort and order, and converts the address to
// the form of client_address, with IPv4-mapped IPv6 as IPv4.
func (q Query) WithDefaults() Query {
	if _, addr, ok := aggregate.ParseIP(q.Addr); ok {
		q.Addr = addr
	} else if r, ok := q.addressRange(); ok {
		q.Addr = r.String()
	}
	q.Sort = cmp.Or(q.Sort, "id")
	if q.Order == "" {
		q.Order = Ascending
		if i := slices.Index(Names(), q.Sort); i >= 0 && columns[i].Unit != Text {
			q.Order = Descending
		}
	}
	return q
}

// DescendingNames returns the names of the columns that are sorted in descending
// order by default: those with numbers.
func DescendingNames() []string {
	var names []string
	for _, c := range columns {
		if c.Unit != Text {
			names = append(names, c.Name)
		}
	}
	return names
}

// Validate returns everything that is wrong with the query.
func (q Query) Validate() error {
	var errs []error
	if !slices.Contains(Names(), q.Sort) {
		errs = append(errs, fmt.Errorf("sort must be one of %s", strings.Join(Names(), ", ")))
	}
	if q.Order != Ascending && q.Order != Descending {
		errs = append(errs, errors.New("order must be asc or desc"))
	}
	if q.Limit < 1 || q.Limit > MaxLimit {
		errs = append(errs, fmt.Errorf("limit must be between 1 and %d", MaxLimit))
	}
	if q.Offset < 0 || q.Offset > 1<<31-1 {
		errs = append(errs, errors.New("offset must be between 0 and 2147483647"))
	}
	_, _, ip := aggregate.ParseIP(q.Addr)
	if _, cidr := q.addressRange(); !ip && !cidr && q.Addr != "" {
		errs = append(errs, errors.New("addr must be an IP, IP:port or a range such as 10.0.0.0/8"))
	}
	return errors.Join(errs...)
}

// Values returns the query as URL parameters, without those at their default.
func (q Query) Values() url.Values {
	v := url.Values{}
	set := func(name, value, standard string) {
		if value != standard {
			v.Set(name, value)
		}
	}
	standard := Query{Sort: q.Sort}.WithDefaults()
	set("instance", q.Instance, "")
	set("node", q.Node, "")
	set("addr", q.Addr, "")
	set("user", q.User, "")
	set("name", q.Name, "")
	set("cmd", q.Command, "")
	set("group", q.Group, "")
	set("sort", q.Sort, "id")
	set("order", q.Order, standard.Order)
	set("limit", strconv.Itoa(q.Limit), strconv.Itoa(DefaultLimit))
	set("offset", strconv.Itoa(q.Offset), "0")
	return v
}
