package config

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// scalar returns the text of a scalar. If the value is not a scalar, it records
// a problem that names what is expected.
func (v value) scalar(what string) (string, bool) {
	if v.node.Kind != yaml.ScalarNode || v.null() {
		v.problem("must be %s", what)
		return "", false
	}
	v.warnVariable(v.node.Value)
	return v.node.Value, true
}

// quoted returns the text as a problem may repeat it. It hides secrets, and text
// that may contain more than the value, such as a line that YAML takes for its
// continuation, or a URL with a password.
func (v value) quoted(text string) string {
	if v.secret || strings.ContainsFunc(text, func(r rune) bool { return r == '@' || unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return "the value"
	}
	if len(text) > 64 {
		text = strings.ToValidUTF8(text[:64], "") + "…"
	}
	return strconv.Quote(text)
}

func (v value) text(to *string) {
	if s, ok := v.scalar("a string"); ok {
		if strings.TrimSpace(s) == "" {
			v.problem("is empty: set a value or remove the key")
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
		v.problem("%s is not true or false", v.quoted(s))
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
		v.problem("%s is not a number above 0 and at most %v", v.quoted(s), most)
		return
	}
	*to = x
}

// duration decodes a duration in Prometheus' form and reports whether it is
// valid.
func (v value) duration(to *time.Duration, zero bool) bool {
	s, ok := v.scalar("a duration such as 30s or 5m")
	if !ok {
		return false
	}
	d, err := model.ParseDuration(s)
	switch {
	case err != nil:
		v.problem("%s is not a duration such as 500ms, 30s or 1h30m", v.quoted(s))
	case d == 0 && !zero:
		v.problem("must be longer than 0")
	default:
		*to = time.Duration(d)
		return true
	}
	return false
}

// maxBuckets is the maximum number of buckets of a histogram.
const maxBuckets = 100

// buckets decodes the upper bounds of a histogram.
func (v value) buckets(to *[]float64) {
	var bounds []float64
	before := len(v.d.found)
	if !v.sequence(func(e value) {
		var x float64
		e.number(&x, 1e12)
		bounds = append(bounds, x)
	}) || len(v.d.found) > before {
		return
	}
	switch {
	case len(bounds) == 0 || len(bounds) > maxBuckets:
		v.problem("must have 1 to %d upper bounds, in seconds", maxBuckets)
	case !slices.IsSorted(bounds) || len(slices.Compact(slices.Clone(bounds))) < len(bounds):
		v.problem("the bounds must be in ascending order, without duplicates")
	default:
		*to = bounds
	}
}

// id decodes an id that can be part of a URL.
func (v value) id(to *string) {
	s, ok := v.scalar("an id")
	if !ok {
		return
	}
	if s == "" || len(s) > 128 || strings.ContainsFunc(s, func(r rune) bool { return !isWord(r) }) {
		v.problem("%s is not an id: use at most 128 letters, digits, - and _", v.quoted(s))
		return
	}
	*to = s
}
