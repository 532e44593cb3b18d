package config

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// scalar returns the text of a scalar, or notes that the value is none.
func (v value) scalar(what string) (string, bool) {
	if v.node.Kind != yaml.ScalarNode || v.null() {
		v.problem("must be %s", what)
		return "", false
	}
	return v.node.Value, true
}

// quoted returns a value as a problem may repeat it.
func (v value) quoted(text string) string {
	if v.secret {
		return "the value"
	}
	if len(text) > 64 {
		text = strings.ToValidUTF8(text[:64], "") + "…"
	}
	return strconv.Quote(text)
}

func (v value) text(to *string) {
	if s, ok := v.scalar("a text"); ok {
		if strings.TrimSpace(s) == "" {
			v.problem("is empty: give it a value or leave the key out")
			return
		}
		*to = s
	}
}

func (v value) boolean(to *bool) {
	s, ok := v.scalar("true or false")
	switch {
	case !ok:
	case s == "true":
		*to = true
	case s == "false":
		*to = false
	default:
		v.problem("%s is neither true nor false", v.quoted(s))
	}
}

func (v value) oneOf(to *string, allowed ...string) {
	s, ok := v.scalar("one of " + strings.Join(allowed, ", "))
	if !ok {
		return
	}
	if !slices.Contains(allowed, s) {
		v.problem("%s is not one of %s", v.quoted(s), strings.Join(allowed, ", "))
		return
	}
	*to = s
}

func (v value) integer(to *int, least, most int) {
	s, ok := v.scalar("a whole number")
	if !ok {
		return
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		v.problem("%s is not a whole number from %d to %d", v.quoted(s), least, most)
		return
	}
	*to = n
}

// number decodes a number above 0.
func (v value) number(to *float64, most float64) {
	s, ok := v.scalar("a number")
	if !ok {
		return
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(x) || x <= 0 || x > most {
		v.problem("%s is not a number above 0 and up to %v", v.quoted(s), most)
		return
	}
	*to = x
}

// duration decodes a duration as Prometheus writes them.
func (v value) duration(to *time.Duration, zero bool) {
	s, ok := v.scalar("a duration such as 30s or 5m")
	if !ok {
		return
	}
	d, err := model.ParseDuration(s)
	switch {
	case err != nil:
		v.problem("%s is not a duration such as 500ms, 30s or 1h30m", v.quoted(s))
	case d == 0 && !zero:
		v.problem("must be longer than 0")
	default:
		*to = time.Duration(d)
	}
}

// maxBuckets bounds what one histogram costs.
const maxBuckets = 100

// buckets decodes the upper bounds of a histogram.
func (v value) buckets(to *[]float64) {
	var bounds []float64
	before := len(v.d.problems)
	if !v.sequence(func(e value) {
		var x float64
		e.number(&x, 1e12)
		bounds = append(bounds, x)
	}) || len(v.d.problems) > before {
		return
	}
	switch {
	case len(bounds) == 0 || len(bounds) > maxBuckets:
		v.problem("must have 1 to %d upper bounds, in seconds", maxBuckets)
	case !slices.IsSorted(bounds) || len(slices.Compact(slices.Clone(bounds))) < len(bounds):
		v.problem("the bounds must rise")
	default:
		*to = bounds
	}
}

// id decodes an id that can stand in a URL.
func (v value) id(to *string) {
	s, ok := v.scalar("an id")
	if !ok {
		return
	}
	good := s != "" && len(s) <= 128
	for _, r := range s {
		good = good && (r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
	}
	if !good {
		v.problem("%s is not an id: it has letters, digits, - and _, 128 at most", v.quoted(s))
		return
	}
	*to = s
}
