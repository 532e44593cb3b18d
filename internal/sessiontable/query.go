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

// DefaultLimit is how many sessions are shown where nothing else is said.
const DefaultLimit = 50

// Query says which sessions of which node are wanted, in which order. But for
// the instance and the node these are the API's own parameters.
type Query struct {
	Instance string
	Node     string
	Addr     string // only this client address, an IP or IP:port; "" for all
	Sort     string // a column's name
	Order    string // Ascending or Descending
	Limit    int    // from 1 to MaxLimit
	Offset   int
}

// MaxLimit is how many sessions are shown at most: no node has more.
const MaxLimit = 1_000_000

// ParseQuery reads a query from the parameters of a URL. What is not there is:
// sort id, order asc (desc where it sorts by a number), limit DefaultLimit,
// offset 0. Parameters that it does not know are left alone. The error names
// all that is wrong.
func ParseQuery(v url.Values) (Query, error) {
	var errs []error
	q := Query{Instance: v.Get("instance"), Node: v.Get("node"), Addr: strings.TrimSpace(v.Get("addr")), Sort: v.Get("sort"), Order: v.Get("order")}
	whole := func(name string, value int) int {
		if s := v.Get(name); s != "" {
			n, err := strconv.Atoi(s)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s is no whole number", name))
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

// WithDefaults fills in how to sort where the query does not say, and writes
// the address as client_address has it: IPv4 within IPv6 as IPv4.
func (q Query) WithDefaults() Query {
	if _, addr, ok := aggregate.ParseIP(q.Addr); ok {
		q.Addr = addr
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

// Validate says what is wrong with the query, all at once.
func (q Query) Validate() error {
	var errs []error
	if !slices.Contains(Names(), q.Sort) {
		errs = append(errs, fmt.Errorf("sort is one of %s", strings.Join(Names(), ", ")))
	}
	if q.Order != Ascending && q.Order != Descending {
		errs = append(errs, errors.New("order is asc or desc"))
	}
	if q.Limit < 1 || q.Limit > MaxLimit {
		errs = append(errs, fmt.Errorf("limit is from 1 to %d", MaxLimit))
	}
	if q.Offset < 0 || q.Offset > 1<<31-1 {
		errs = append(errs, errors.New("offset is from 0 to 2147483647"))
	}
	if _, _, ok := aggregate.ParseIP(q.Addr); !ok && q.Addr != "" {
		errs = append(errs, errors.New("addr is an IP or IP:port"))
	}
	return errors.Join(errs...)
}

// Values returns the query as the parameters of a URL, without those that have
// their default.
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
	set("sort", q.Sort, "id")
	set("order", q.Order, standard.Order)
	set("limit", strconv.Itoa(q.Limit), strconv.Itoa(DefaultLimit))
	set("offset", strconv.Itoa(q.Offset), "0")
	return v
}
